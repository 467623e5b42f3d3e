//! Host functions of the Web Crypto API: what is computed. Which algorithm may do what with which
//! key, and in which order mistakes are told, is in `js/40_crypto.js` and the files after it.
//!
//! Keys are bytes that JavaScript keeps in private fields, in one encoding per kind: they count as
//! the Worker's memory, are freed with what refers to them, and nothing of a key lives on this side
//! between two calls. An op reads the key anew each time; that is cheap beside what it then does.
//!
//! The algorithms are those of the `RustCrypto` and dalek crates. An answer of `undefined` or `false`
//! means that the operation failed for the data given; the JavaScript says which error that is.

mod aes;
mod curve25519;
mod digest_stream;
mod entropy;
mod gcm;
mod hash;
mod kdf;
mod nist_curves;
mod rsa_key;
mod rsa_use;
#[cfg(test)]
mod tests;

pub use aes::{aes_cbc, aes_ctr, aes_gcm, aes_kw};
pub use curve25519::{
    ed25519_sign, ed25519_verify, okp_derive, okp_generate, okp_parse, okp_public,
};
pub use digest_stream::{digest_final, digest_start, digest_update};
pub use entropy::{random_fill, random_uuid};
pub use hash::{digest, hmac, timing_safe_equal};
pub use kdf::{hkdf, pbkdf2};
pub use nist_curves::{ec_derive, ec_encode, ec_generate, ec_parse, ecdsa_sign, ecdsa_verify};
pub use rsa_key::{rsa_encode, rsa_from_parts, rsa_generate, rsa_parse, rsa_parts};
pub use rsa_use::{rsa_decrypt, rsa_encrypt, rsa_sign, rsa_verify};

use v8::{ArrayBufferView, FunctionCallbackArguments, Local, PinScope, ReturnValue};

use super::throw_type_error;
use super::values::InHeapStorage;
use crate::isolate::inbound::byte_array;
use crate::isolate::watch;

/// From this length on (bytes) hashing or encrypting takes milliseconds.
const LONG_INPUT: usize = 2 << 20;

/// What a view holds while an op runs.
struct Input<'s> {
    view: Local<'s, ArrayBufferView>,
    /// For views whose bytes lie in V8's heap instead of a buffer of their own.
    room: InHeapStorage,
}

impl<'s> Input<'s> {
    /// `None` when the argument is no view.
    fn new(args: &FunctionCallbackArguments<'s>, index: i32) -> Option<Self> {
        let view = Local::<ArrayBufferView>::try_from(args.get(index)).ok()?;
        Some(Self { view, room: [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP] })
    }

    fn bytes(&mut self) -> &[u8] {
        self.view.get_contents(&mut self.room)
    }
}

/// The bytes of a view to write to. It must be one that our JavaScript made for this call.
#[allow(clippy::mut_from_ref)] // The arguments keep the buffer alive, and are not what is written.
fn output<'a>(args: &'a FunctionCallbackArguments<'_>, index: i32) -> Option<&'a mut [u8]> {
    let view = Local::<ArrayBufferView>::try_from(args.get(index)).ok()?;
    let length = view.byte_length();
    if length == 0 {
        return Some(&mut []);
    }
    // SAFETY: `data` is the start of `length` bytes of the view's buffer, which the arguments keep
    // alive. The caller's JavaScript made the buffer for this call, so no other view of it was
    // given to the op, and no JavaScript runs while the op does.
    Some(unsafe { std::slice::from_raw_parts_mut(view.data().cast::<u8>(), length) })
}

/// A number that our JavaScript passes; 0 for anything else.
fn number(args: &FunctionCallbackArguments<'_>, index: i32) -> u32 {
    Local::<v8::Uint32>::try_from(args.get(index)).map_or(0, |number| number.value())
}

/// What an op answers.
enum Answer {
    /// The operation failed for this data: `undefined`.
    Failed,
    Bool(bool),
    Number(u32),
    /// A `Uint8Array`.
    Bytes(Vec<u8>),
    /// An `Array` of `Uint8Array`s.
    List(Vec<Vec<u8>>),
}

impl From<Option<Vec<u8>>> for Answer {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        bytes.map_or(Self::Failed, Self::Bytes)
    }
}

impl From<bool> for Answer {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Hands an answer to JavaScript. `None`: the arguments were wrong, which only a mistake of ours
/// makes happen.
fn answer(scope: &mut PinScope<'_, '_>, mut rv: ReturnValue<'_>, answer: Option<Answer>) {
    match answer {
        None => throw_type_error(scope, "a cryptographic operation got wrong arguments"),
        Some(Answer::Failed) => rv.set_undefined(),
        Some(Answer::Bool(value)) => rv.set_bool(value),
        Some(Answer::Number(value)) => rv.set_uint32(value),
        Some(Answer::Bytes(bytes)) => match array(scope, &bytes) {
            Some(array) => rv.set(array.into()),
            None => super::throw_range_error(scope, "Array buffer allocation failed"),
        },
        Some(Answer::List(list)) => {
            let mut elements: Vec<Local<'_, v8::Value>> = Vec::with_capacity(list.len());
            for bytes in list {
                let Some(array) = array(scope, &bytes) else {
                    return super::throw_range_error(scope, "Array buffer allocation failed");
                };
                elements.push(array.into());
            }
            rv.set(v8::Array::new_with_elements(scope, &elements).into());
        }
    }
}

/// A fresh `Uint8Array`, counted as the Worker's. `None` past its memory limit.
fn array<'s>(scope: &PinScope<'s, '_>, bytes: &[u8]) -> Option<Local<'s, v8::Uint8Array>> {
    #[cfg(test)]
    if !crate::isolate::state::is_installed(scope) {
        let store = v8::ArrayBuffer::new_backing_store_from_vec(bytes.to_vec()).make_shared();
        let buffer = v8::ArrayBuffer::with_backing_store(scope, &store);
        return v8::Uint8Array::new(scope, buffer, 0, bytes.len());
    }
    byte_array(scope, bytes)
}

/// To be called before work on so many bytes: see [`watch::before_long_work`].
fn before(bytes: usize) {
    if bytes >= LONG_INPUT {
        watch::before_long_work();
    }
}

//! Entropy, digests and message authentication for the Web Crypto API.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use v8::{ArrayBufferView, FunctionCallbackArguments, Local, PinScope, ReturnValue};

use super::throw_type_error;

/// Space for a view whose bytes lie in V8's heap instead of a buffer of their own.
const STORAGE: [u8; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP] = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];

/// `cryptoRandomFill(view)`: fills it from the operating system's entropy source.
pub fn random_fill(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let Ok(view) = Local::<ArrayBufferView>::try_from(args.get(0)) else {
        return throw_type_error(scope, "cryptoRandomFill takes a view");
    };
    let length = view.byte_length();
    if length == 0 {
        return;
    }
    // SAFETY: `data` is the start of `length` bytes of the view's buffer, which the handle keeps
    // alive; nobody else touches them while this op runs, as the caller refuses shared buffers.
    let bytes = unsafe { std::slice::from_raw_parts_mut(view.data().cast::<u8>(), length) };
    if getrandom::fill(bytes).is_err() {
        throw_type_error(scope, "the operating system gave no entropy");
    }
}

/// `cryptoRandomUuid() → string`: a version 4 UUID (RFC 9562 §5.4).
pub fn random_uuid(
    scope: &mut PinScope<'_, '_>,
    _args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return throw_type_error(scope, "the operating system gave no entropy");
    }
    if let Some(text) =
        v8::String::new_from_one_byte(scope, &format_uuid(bytes), v8::NewStringType::Normal)
    {
        rv.set(text.into());
    }
}

fn format_uuid(mut bytes: [u8; 16]) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.into_iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// A hash function, by the number that JavaScript passes.
#[derive(Clone, Copy)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn from_argument(args: &FunctionCallbackArguments<'_>, index: i32) -> Option<Self> {
        let number = Local::<v8::Uint32>::try_from(args.get(index)).ok()?.value();
        [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512]
            .get(number as usize)
            .copied()
    }

    fn digest(self, data: &[u8]) -> Output {
        match self {
            Self::Md5 => Output::new(&Md5::digest(data)),
            Self::Sha1 => Output::new(&Sha1::digest(data)),
            Self::Sha256 => Output::new(&Sha256::digest(data)),
            Self::Sha384 => Output::new(&Sha384::digest(data)),
            Self::Sha512 => Output::new(&Sha512::digest(data)),
        }
    }

    /// RFC 2104; `None` for MD5, which Web Crypto does not have in HMAC.
    fn hmac(self, key: &[u8], data: &[u8]) -> Option<Output> {
        match self {
            Self::Md5 => None,
            Self::Sha1 => mac::<Hmac<Sha1>>(key, data),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, data),
            Self::Sha384 => mac::<Hmac<Sha384>>(key, data),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, data),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Option<Output> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(data);
    Some(Output::new(&mac.finalize().into_bytes()))
}

/// The result of a hash function: at most 64 bytes.
struct Output {
    bytes: [u8; 64],
    length: usize,
}

impl Output {
    fn new(result: &[u8]) -> Self {
        let mut bytes = [0; 64];
        bytes[..result.len()].copy_from_slice(result);
        Self { bytes, length: result.len() }
    }

    /// Copies to a view of exactly this length.
    fn write_to(&self, view: &ArrayBufferView) -> bool {
        if view.byte_length() != self.length {
            return false;
        }
        // SAFETY: `data` is the start of `length` (> 0) bytes of the view's buffer, which the
        // handle keeps alive; `bytes` is memory of our own, so the two don't overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.bytes.as_ptr(),
                view.data().cast::<u8>(),
                self.length,
            );
        }
        true
    }
}

/// `cryptoDigest(hash, data, out)`: writes the digest of a view to a view of the digest's length.
/// Hashes: 0 MD5, 1 SHA-1, 2 SHA-256, 3 SHA-384, 4 SHA-512.
pub fn digest(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let written = (|| {
        let hash = Hash::from_argument(&args, 0)?;
        let data = Local::<ArrayBufferView>::try_from(args.get(1)).ok()?;
        let out = Local::<ArrayBufferView>::try_from(args.get(2)).ok()?;
        let mut room = STORAGE;
        Some(hash.digest(data.get_contents(&mut room)).write_to(&out))
    })();
    if written != Some(true) {
        throw_type_error(scope, "cryptoDigest takes (hash, data, out)");
    }
}

/// `cryptoHmac(hash, key, data, out)`: writes the HMAC of a view to a view of the digest's length.
pub fn hmac(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let written = (|| {
        let hash = Hash::from_argument(&args, 0)?;
        let key = Local::<ArrayBufferView>::try_from(args.get(1)).ok()?;
        let data = Local::<ArrayBufferView>::try_from(args.get(2)).ok()?;
        let out = Local::<ArrayBufferView>::try_from(args.get(3)).ok()?;
        let (mut key_room, mut data_room) = (STORAGE, STORAGE);
        let (key, data) = (key.get_contents(&mut key_room), data.get_contents(&mut data_room));
        Some(hash.hmac(key, data)?.write_to(&out))
    })();
    if written != Some(true) {
        throw_type_error(scope, "cryptoHmac takes (hash, key, data, out)");
    }
}

/// `timingSafeEqual(a, b) → boolean`: compares two views of one length in a time that does not
/// depend on their contents.
pub fn timing_safe_equal(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let equal = (|| {
        let a = Local::<ArrayBufferView>::try_from(args.get(0)).ok()?;
        let b = Local::<ArrayBufferView>::try_from(args.get(1)).ok()?;
        let (mut room_a, mut room_b) = (STORAGE, STORAGE);
        let (a, b) = (a.get_contents(&mut room_a), b.get_contents(&mut room_b));
        (a.len() == b.len()).then(|| bool::from(a.ct_eq(b)))
    })();
    match equal {
        Some(equal) => rv.set_bool(equal),
        None => throw_type_error(scope, "Input buffers must have the same byte length."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(output: &Output) -> String {
        use std::fmt::Write;
        output.bytes[..output.length].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    #[test]
    fn hashes_match_published_vectors() {
        assert_eq!(hex(&Hash::Md5.digest(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex(&Hash::Sha1.digest(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            hex(&Hash::Sha256.digest(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn hmac_matches_rfc_4231_case_2() {
        let result = Hash::Sha256.hmac(b"Jefe", b"what do ya want for nothing?").expect("SHA-256");
        assert_eq!(
            hex(&result),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(Hash::Md5.hmac(b"k", b"d").is_none());
    }

    #[test]
    fn uuids_have_version_and_variant() {
        let text = format_uuid([0xff; 16]);
        assert_eq!(&text, b"ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}

//! Digests, message authentication and comparison in constant time.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use v8::{ArrayBufferView, FunctionCallbackArguments, Local, PinScope, ReturnValue};

use super::Input;
use crate::ops::throw_type_error;

/// A hash function, by the number that JavaScript passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Evaluates `$body` with `$Digest` as the type of a hash function; `$otherwise` for MD5, which Web
/// Crypto has in none of its algorithms.
macro_rules! with_hash {
    ($hash:expr, $Digest:ident => $body:expr, $otherwise:expr) => {
        match $hash {
            $crate::ops::crypto::hash::Hash::Md5 => $otherwise,
            $crate::ops::crypto::hash::Hash::Sha1 => {
                type $Digest = ::sha1::Sha1;
                $body
            }
            $crate::ops::crypto::hash::Hash::Sha256 => {
                type $Digest = ::sha2::Sha256;
                $body
            }
            $crate::ops::crypto::hash::Hash::Sha384 => {
                type $Digest = ::sha2::Sha384;
                $body
            }
            $crate::ops::crypto::hash::Hash::Sha512 => {
                type $Digest = ::sha2::Sha512;
                $body
            }
        }
    };
}
pub(super) use with_hash;

impl Hash {
    pub fn from_argument(args: &FunctionCallbackArguments<'_>, index: i32) -> Option<Self> {
        let number = Local::<v8::Uint32>::try_from(args.get(index)).ok()?.value();
        [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512]
            .get(number as usize)
            .copied()
    }

    pub fn digest(self, data: &[u8]) -> Output {
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
        with_hash!(self, D => mac::<Hmac<D>>(key, data), None)
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Option<Output> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(data);
    Some(Output::new(&mac.finalize().into_bytes()))
}

/// The result of a hash function: at most 64 bytes.
pub struct Output {
    bytes: [u8; 64],
    length: usize,
}

impl Output {
    pub fn new(result: &[u8]) -> Self {
        let mut bytes = [0; 64];
        bytes[..result.len()].copy_from_slice(result);
        Self { bytes, length: result.len() }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
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
        let mut data = Input::new(&args, 1)?;
        let out = Local::<ArrayBufferView>::try_from(args.get(2)).ok()?;
        let data = data.bytes();
        super::before(data.len());
        Some(hash.digest(data).write_to(&out))
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
        let mut key = Input::new(&args, 1)?;
        let mut data = Input::new(&args, 2)?;
        let out = Local::<ArrayBufferView>::try_from(args.get(3)).ok()?;
        let data = data.bytes();
        super::before(data.len());
        Some(hash.hmac(key.bytes(), data)?.write_to(&out))
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
        let mut a = Input::new(&args, 0)?;
        let mut b = Input::new(&args, 1)?;
        let (a, b) = (a.bytes(), b.bytes());
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
    use crate::ops::crypto::tests::hex;

    #[test]
    fn hashes_match_published_vectors() {
        let digest = |hash: Hash| hex(hash.digest(b"abc").as_bytes());
        assert_eq!(digest(Hash::Md5), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(digest(Hash::Sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            digest(Hash::Sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn hmac_matches_rfc_4231_case_2() {
        let result = Hash::Sha256.hmac(b"Jefe", b"what do ya want for nothing?").expect("SHA-256");
        assert_eq!(
            hex(result.as_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(Hash::Md5.hmac(b"k", b"d").is_none());
    }
}

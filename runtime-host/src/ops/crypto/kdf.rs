//! Derivation of bits: HKDF (RFC 5869) and PBKDF2 (RFC 8018).

use hkdf::Hkdf;
use pbkdf2::pbkdf2_hmac;
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::hash::{Hash, with_hash};
use super::{Answer, Input, answer, number, output};
use crate::isolate::watch;

/// So many rounds of PBKDF2 take a millisecond or more.
const LONG_ROUNDS: u64 = 2_000;

/// False when `out` is longer than HKDF can fill.
fn derive_hkdf(hash: Hash, key: &[u8], salt: &[u8], info: &[u8], out: &mut [u8]) -> Option<bool> {
    with_hash!(hash, D => Some(Hkdf::<D>::new(Some(salt), key).expand(info, out).is_ok()), None)
}

fn derive_pbkdf2(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    out: &mut [u8],
) -> Option<()> {
    with_hash!(hash, D => pbkdf2_hmac::<D>(password, salt, rounds, out), return None);
    Some(())
}

/// `cryptoHkdf(hash, key, salt, info, out) → boolean`: false when `out` is longer than can be.
pub fn hkdf(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let done = (|| {
        let hash = Hash::from_argument(&args, 0)?;
        let (mut key, mut salt) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let mut info = Input::new(&args, 3)?;
        let info = info.bytes();
        super::before(info.len().saturating_mul(16));
        derive_hkdf(hash, key.bytes(), salt.bytes(), info, output(&args, 4)?).map(Answer::Bool)
    })();
    answer(scope, rv, done);
}

/// `cryptoPbkdf2(hash, password, salt, rounds, out)`. How many rounds for how long an output there
/// may be is checked in JavaScript.
pub fn pbkdf2(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let done = (|| {
        let hash = Hash::from_argument(&args, 0)?;
        let (mut password, mut salt) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let rounds = number(&args, 3);
        let out = output(&args, 4)?;
        if u64::from(rounds) * out.len().div_ceil(20) as u64 >= LONG_ROUNDS {
            watch::before_long_work();
        }
        derive_pbkdf2(hash, password.bytes(), salt.bytes(), rounds, out)?;
        Some(Answer::Bool(true))
    })();
    answer(scope, rv, done);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::crypto::tests::{bytes, hex};

    #[test]
    fn hkdf_matches_rfc_5869_case_1() {
        let mut out = [0; 42];
        let (salt, info) = (bytes("000102030405060708090a0b0c"), bytes("f0f1f2f3f4f5f6f7f8f9"));
        assert_eq!(derive_hkdf(Hash::Sha256, &[11; 22], &salt, &info, &mut out), Some(true));
        assert_eq!(
            hex(&out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
        let mut most = vec![0; 255 * 32 + 1];
        assert_eq!(derive_hkdf(Hash::Sha256, b"", b"", b"", &mut most[1..]), Some(true));
        assert_eq!(derive_hkdf(Hash::Sha256, b"", b"", b"", &mut most), Some(false));
        assert_eq!(derive_hkdf(Hash::Md5, b"", b"", b"", &mut out), None);
    }

    #[test]
    fn pbkdf2_matches_rfc_6070() {
        let mut out = [0; 25];
        let salt = b"saltSALTsaltSALTsaltSALTsaltSALTsalt";
        let done = derive_pbkdf2(Hash::Sha1, b"passwordPASSWORDpassword", salt, 4_096, &mut out);
        assert_eq!(done, Some(()));
        assert_eq!(hex(&out), "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
    }
}

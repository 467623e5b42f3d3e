//! Keys of RSA. They are kept in the encoding of PKCS #1 (RFC 8017, appendix A.1), which the crate
//! reads and checks when it uses them.
//!
//! The private operations of the crate `rsa` blind base, exponents and moduli with fresh entropy
//! each time, and check their result against the public key; its arithmetic runs in constant time
//! in what is secret.

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::der::{Decode, Encode};
use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey, RsaPrivateKeyRef, RsaPublicKeyRef};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PrivateKey, PublicKey};
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfoRef};
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::entropy::Entropy;
use super::{Answer, Input, answer, number};
use crate::isolate::watch;

/// Moduli of keys that are read, in bits. Longer ones would compute for too long.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 1_024..=8_192;
/// Private operations with a modulus longer than this (bits) take milliseconds.
pub const LONG_MODULUS_BITS: usize = 2_048;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

fn integer(bytes: &[u8]) -> Option<BoxedUint> {
    BoxedUint::from_be_slice(bytes, u32::try_from(bytes.len()).ok()?.checked_mul(8)?).ok()
}

/// A public key of PKCS #1.
pub fn public_key(der: &[u8]) -> Option<PublicKey> {
    let parts = RsaPublicKeyRef::from_der(der).ok()?;
    let (n, e) = (integer(parts.modulus.as_bytes())?, integer(parts.public_exponent.as_bytes())?);
    PublicKey::new_with_size_limits(n, e, MODULUS_BITS).ok()
}

/// A private key of PKCS #1 with two primes.
pub fn private_key(der: &[u8]) -> Option<PrivateKey> {
    let parts = RsaPrivateKeyRef::from_der(der).ok()?;
    let n = integer(parts.modulus.as_bytes())?;
    // Before anything is computed with numbers that may be of any length.
    let fits = MODULUS_BITS.contains(&(n.bit_width_vartime() as usize))
        && [parts.private_exponent, parts.prime1, parts.prime2]
            .iter()
            .all(|part| part.as_bytes().len() <= parts.modulus.as_bytes().len());
    if !fits || parts.other_prime_infos.is_some() {
        return None;
    }
    let primes = vec![integer(parts.prime1.as_bytes())?, integer(parts.prime2.as_bytes())?];
    let (e, d) = (parts.public_exponent.as_bytes(), parts.private_exponent.as_bytes());
    PrivateKey::from_components(n, integer(e)?, integer(d)?, primes).ok()
}

/// The encodings that JavaScript keeps: the public key's, and that of the private one.
fn pair(key: &PrivateKey) -> Option<Vec<Vec<u8>>> {
    let public = key.to_public_key().to_pkcs1_der().ok()?.into_vec();
    Some(vec![public, key.to_pkcs1_der().ok()?.as_bytes().to_vec()])
}

/// A generated key, or `None` when there is no such key, or the turn has to end.
fn generate(bits: usize, exponent: u32, goes_on: impl FnMut() -> bool) -> Option<Vec<Vec<u8>>> {
    // With an even exponent the crate would look for a key for ever.
    if !matches!(exponent, 3 | 65_537) {
        return None;
    }
    let mut entropy = Entropy::while_allowed(goes_on);
    pair(&PrivateKey::new_with_exp(&mut entropy, bits, BoxedUint::from(exponent)).ok()?)
}

/// Reads PKCS #8 or, for a public key, `SubjectPublicKeyInfo`: `[public]` or `[public, private]`.
fn parse(is_private: bool, der: &[u8]) -> Option<Vec<Vec<u8>>> {
    if is_private {
        let info = PrivateKeyInfoRef::from_der(der).ok()?;
        let key = private_key(info.private_key.as_bytes())?;
        return if info.algorithm.oid == RSA_ENCRYPTION { pair(&key) } else { None };
    }
    let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
    if info.algorithm.oid != RSA_ENCRYPTION {
        return None;
    }
    let key = public_key(info.subject_public_key.as_bytes()?)?;
    Some(vec![key.to_pkcs1_der().ok()?.into_vec()])
}

/// From PKCS #1 to PKCS #8 or `SubjectPublicKeyInfo`.
fn encode(is_private: bool, key: &[u8]) -> Option<Vec<u8>> {
    let algorithm = AlgorithmIdentifier { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };
    if is_private {
        PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(key).ok()?).to_der().ok()
    } else {
        let subject_public_key = BitStringRef::from_bytes(key).ok()?;
        SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().ok()
    }
}

/// The numbers of a key without leading zeros: n, e, and of a private one d, p, q, dp, dq, qi.
fn parts(is_private: bool, key: &[u8]) -> Option<Vec<Vec<u8>>> {
    let numbers: Vec<UintRef<'_>> = if is_private {
        let key = RsaPrivateKeyRef::from_der(key).ok()?;
        vec![
            key.modulus,
            key.public_exponent,
            key.private_exponent,
            key.prime1,
            key.prime2,
            key.exponent1,
            key.exponent2,
            key.coefficient,
        ]
    } else {
        let key = RsaPublicKeyRef::from_der(key).ok()?;
        vec![key.modulus, key.public_exponent]
    };
    Some(numbers.iter().map(|number| number.as_bytes().to_vec()).collect())
}

/// The key of n and e, or of n, e, d and two primes; what CRT needs is computed anew.
fn from_parts(numbers: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let number = |index: usize| UintRef::new(numbers.get(index)?).ok();
    let (modulus, public_exponent) = (number(0)?, number(1)?);
    if numbers.len() == 2 {
        let der = RsaPublicKeyRef { modulus, public_exponent }.to_der().ok()?;
        return Some(vec![public_key(&der)?.to_pkcs1_der().ok()?.into_vec()]);
    }
    let one = UintRef::new(&[1]).ok()?;
    let key = RsaPrivateKeyRef {
        modulus,
        public_exponent,
        private_exponent: number(2)?,
        prime1: number(3)?,
        prime2: number(4)?,
        exponent1: one,
        exponent2: one,
        coefficient: one,
        other_prime_infos: None,
    };
    pair(&private_key(&key.to_der().ok()?)?)
}

/// `cryptoRsaGenerate(bits, exponent) → [public, private] | undefined`, in PKCS #1. Takes long, so the
/// thread's other work is handed over first.
pub fn rsa_generate(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let keys = generate(number(&args, 0) as usize, number(&args, 1), watch::before_long_work);
    answer(scope, rv, Some(keys.map_or(Answer::Failed, Answer::List)));
}

/// `cryptoRsaParse(isPrivate, der) → [public] | [public, private] | undefined`, from PKCS #8 or
/// `SubjectPublicKeyInfo` to PKCS #1.
pub fn rsa_parse(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let keys = Input::new(&args, 1)
        .map(|mut der| parse(args.get(0).is_true(), der.bytes()))
        .map(|keys| keys.map_or(Answer::Failed, Answer::List));
    answer(scope, rv, keys);
}

/// `cryptoRsaEncode(isPrivate, key) → DER`, from PKCS #1 to PKCS #8 or `SubjectPublicKeyInfo`.
pub fn rsa_encode(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let der = Input::new(&args, 1)
        .and_then(|mut key| encode(args.get(0).is_true(), key.bytes()))
        .map(Answer::Bytes);
    answer(scope, rv, der);
}

/// `cryptoRsaParts(isPrivate, key) → [n, e] | [n, e, d, p, q, dp, dq, qi]`.
pub fn rsa_parts(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let numbers = Input::new(&args, 1)
        .and_then(|mut key| parts(args.get(0).is_true(), key.bytes()))
        .map(Answer::List);
    answer(scope, rv, numbers);
}

/// `cryptoRsaFromParts(n, e[, d, p, q]) → [public] | [public, private] | undefined`, in PKCS #1.
pub fn rsa_from_parts(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let numbers: Option<Vec<Vec<u8>>> = (0..args.length())
        .map(|index| Input::new(&args, index).map(|mut number| number.bytes().to_vec()))
        .collect();
    let keys = numbers.map(|numbers| from_parts(&numbers).map_or(Answer::Failed, Answer::List));
    answer(scope, rv, keys);
}

/// The length of a key's modulus in bits.
pub fn modulus_bits(key: &impl PublicKeyParts) -> usize {
    key.n().bit_width_vartime() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_through_their_encodings() {
        for exponent in [3, 65_537] {
            let keys = generate(1_024, exponent, || true).expect("entropy");
            let (public, private) = (&keys[0], &keys[1]);
            assert_eq!(parse(true, &encode(true, private).unwrap()).as_ref(), Some(&keys));
            assert_eq!(parse(false, &encode(false, public).unwrap()), Some(vec![public.clone()]));
            let numbers = parts(true, private).unwrap();
            assert_eq!((numbers.len(), numbers[0].len()), (8, 128));
            assert_eq!(parts(false, public).unwrap(), numbers[..2]);
            assert_eq!(from_parts(&numbers[..5]).as_ref(), Some(&keys));
            assert_eq!(from_parts(&numbers[..2]), Some(vec![public.clone()]));
            assert_eq!(modulus_bits(&private_key(private).unwrap()), 1_024);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(generate(512, 3, || true).is_none(), "too short");
        assert!(generate(1_024, 4, || true).is_none(), "an even exponent");
        assert!(generate(2_048, 3, || false).is_none(), "told to end");
        let keys = generate(1_024, 65_537, || true).expect("entropy");
        let numbers = parts(true, &keys[1]).unwrap();
        for index in [0, 2, 3, 4] {
            let mut wrong = numbers[..5].to_vec();
            wrong[index][20] ^= 2;
            assert!(from_parts(&wrong).is_none(), "number {index}");
        }
        assert!(from_parts(&[vec![255; 1_025], vec![3]]).is_none(), "8,200 bits");
        assert!(from_parts(&[vec![255; 63], vec![3]]).is_none(), "504 bits");
        assert!(from_parts(&[vec![], vec![3]]).is_none() && from_parts(&[]).is_none());
        assert!(parse(true, b"").is_none() && parse(false, &keys[0]).is_none());
    }
}

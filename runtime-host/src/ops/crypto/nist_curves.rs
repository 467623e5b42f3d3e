//! ECDSA and ECDH over the curves P-256, P-384 and P-521.
//!
//! A public key is its uncompressed point (SEC 1, 2.3.3); a private key is its scalar, as long as
//! the field, and after it the public key.

use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::hash::Hash;
use super::{Answer, Input, answer, number};

/// What one curve does. The crates of the curves have the same interface, but their types are
/// bound by so much that functions over all of them would be mostly bounds.
struct Curve {
    /// Of a field element in bytes.
    size: usize,
    generate: fn() -> Option<Vec<u8>>,
    /// From a scalar.
    private: fn(&[u8]) -> Option<Vec<u8>>,
    /// From a point, compressed or not.
    public: fn(&[u8]) -> Option<Vec<u8>>,
    from_pkcs8: fn(&[u8]) -> Option<Vec<u8>>,
    from_spki: fn(&[u8]) -> Option<Vec<u8>>,
    to_pkcs8: fn(&[u8]) -> Option<Vec<u8>>,
    to_spki: fn(&[u8]) -> Option<Vec<u8>>,
    /// (scalar, digest)
    sign: fn(&[u8], &[u8]) -> Option<Vec<u8>>,
    /// (point, signature, digest)
    verify: fn(&[u8], &[u8], &[u8]) -> bool,
    /// (scalar, point)
    derive: fn(&[u8], &[u8]) -> Option<Vec<u8>>,
}

macro_rules! curve {
    ($name:ident, $krate:ident, $Curve:ident, $Digest:ty, $size:literal) => {
        mod $name {
            use $krate::ecdsa::signature::hazmat::PrehashVerifier;
            use $krate::ecdsa::{Signature, VerifyingKey};
            use $krate::elliptic_curve::Generate;
            use $krate::elliptic_curve::sec1::ToSec1Point;
            use $krate::pkcs8::{
                DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey,
            };
            use $krate::{PublicKey, SecretKey, $Curve};

            use super::Curve;
            use crate::ops::crypto::entropy::Entropy;

            pub const CURVE: Curve = Curve {
                size: $size,
                generate: || {
                    Some(pair(&SecretKey::try_generate_from_rng(&mut Entropy::new()).ok()?))
                },
                private: |scalar| Some(pair(&secret(scalar)?)),
                public: |point| Some(encoded(&public(point)?)),
                from_pkcs8: |der| Some(pair(&SecretKey::from_pkcs8_der(der).ok()?)),
                from_spki: |der| Some(encoded(&PublicKey::from_public_key_der(der).ok()?)),
                to_pkcs8: |scalar| Some(secret(scalar)?.to_pkcs8_der().ok()?.as_bytes().to_vec()),
                to_spki: |point| Some(public(point)?.to_public_key_der().ok()?.into_vec()),
                sign,
                verify,
                derive,
            };

            fn secret(scalar: &[u8]) -> Option<SecretKey> {
                // The crate takes shorter ones too.
                (scalar.len() == $size).then(|| SecretKey::from_slice(scalar).ok())?
            }

            fn public(point: &[u8]) -> Option<PublicKey> {
                // 2 and 3: compressed, 4: not; the crate knows other encodings as well.
                matches!(point.first(), Some(2..=4))
                    .then(|| PublicKey::from_sec1_bytes(point).ok())?
            }

            fn encoded(key: &PublicKey) -> Vec<u8> {
                key.to_sec1_point(false).as_bytes().to_vec()
            }

            fn pair(key: &SecretKey) -> Vec<u8> {
                [key.to_bytes().as_slice(), &encoded(&key.public_key())].concat()
            }

            /// The nonce is made as RFC 6979 says, with entropy added (its section 3.6): neither a
            /// bad source of entropy nor a fault in the computation gives the key away.
            fn sign(scalar: &[u8], digest: &[u8]) -> Option<Vec<u8>> {
                let mut entropy = [0; 32];
                getrandom::fill(&mut entropy).ok()?;
                let key = secret(scalar)?.to_nonzero_scalar();
                let (signature, _) = ::ecdsa::hazmat::sign_prehashed_rfc6979::<$Curve, $Digest>(
                    &key, digest, &entropy,
                );
                Some(signature.to_bytes().to_vec())
            }

            fn verify(point: &[u8], signature: &[u8], digest: &[u8]) -> bool {
                let Ok(signature) = Signature::from_slice(signature) else { return false };
                VerifyingKey::from_sec1_bytes(point)
                    .is_ok_and(|key| key.verify_prehash(digest, &signature).is_ok())
            }

            fn derive(scalar: &[u8], point: &[u8]) -> Option<Vec<u8>> {
                let shared = secret(scalar)?.diffie_hellman(&public(point)?);
                Some(shared.raw_secret_bytes().to_vec())
            }
        }
    };
}

curve!(p_256, p256, NistP256, ::sha2::Sha256, 32);
curve!(p_384, p384, NistP384, ::sha2::Sha384, 48);
curve!(p_521, p521, NistP521, ::sha2::Sha512, 66);

const CURVES: [Curve; 3] = [p_256::CURVE, p_384::CURVE, p_521::CURVE];

fn curve(args: &FunctionCallbackArguments<'_>) -> Option<&'static Curve> {
    static ALL: [Curve; 3] = CURVES;
    ALL.get(number(args, 0) as usize)
}

/// `cryptoEcGenerate(curve) → private key and public key`. Curves: 0 P-256, 1 P-384, 2 P-521.
pub fn ec_generate(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let pair = curve(&args).and_then(|curve| (curve.generate)()).map(Answer::Bytes);
    answer(scope, rv, pair);
}

/// `cryptoEcParse(curve, format, bytes) → key | undefined`. Formats: 0 a scalar, 1 a point, 2 PKCS #8,
/// 3 `SubjectPublicKeyInfo`.
pub fn ec_parse(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let key = (|| {
        let curve = curve(&args)?;
        let parse = match number(&args, 1) {
            0 => curve.private,
            1 => curve.public,
            2 => curve.from_pkcs8,
            3 => curve.from_spki,
            _ => return None,
        };
        Some(Answer::from(parse(Input::new(&args, 2)?.bytes())))
    })();
    answer(scope, rv, key);
}

/// `cryptoEcEncode(curve, isPrivate, key) → DER`: PKCS #8 or `SubjectPublicKeyInfo`.
pub fn ec_encode(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let der = (|| {
        let curve = curve(&args)?;
        let mut key = Input::new(&args, 2)?;
        let der = if args.get(1).is_true() {
            (curve.to_pkcs8)(key.bytes().get(..curve.size)?)
        } else {
            (curve.to_spki)(key.bytes())
        };
        der.map(Answer::Bytes)
    })();
    answer(scope, rv, der);
}

/// `cryptoEcdsaSign(curve, hash, private, data) → signature`: r and s, each as long as the field.
pub fn ecdsa_sign(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let signature = (|| {
        let (curve, hash) = (curve(&args)?, Hash::from_argument(&args, 1)?);
        let (mut key, mut data) = (Input::new(&args, 2)?, Input::new(&args, 3)?);
        let data = data.bytes();
        super::before(data.len());
        let scalar = key.bytes().get(..curve.size)?;
        (curve.sign)(scalar, hash.digest(data).as_bytes()).map(Answer::Bytes)
    })();
    answer(scope, rv, signature);
}

/// `cryptoEcdsaVerify(curve, hash, public, signature, data) → boolean`.
pub fn ecdsa_verify(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let good = (|| {
        let (curve, hash) = (curve(&args)?, Hash::from_argument(&args, 1)?);
        let (mut key, mut signature) = (Input::new(&args, 2)?, Input::new(&args, 3)?);
        let mut data = Input::new(&args, 4)?;
        let data = data.bytes();
        super::before(data.len());
        let digest = hash.digest(data);
        Some(Answer::Bool((curve.verify)(key.bytes(), signature.bytes(), digest.as_bytes())))
    })();
    answer(scope, rv, good);
}

/// `cryptoEcDerive(curve, private, public) → bytes`: the shared point's x, as long as the field.
pub fn ec_derive(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let shared = (|| {
        let curve = curve(&args)?;
        let (mut private, mut public) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let scalar = private.bytes().get(..curve.size)?;
        Some(Answer::from((curve.derive)(scalar, public.bytes())))
    })();
    answer(scope, rv, shared);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::crypto::tests::{bytes, hex};

    #[test]
    fn keys_sign_derive_and_round_trip_on_each_curve() {
        for curve in &CURVES {
            let mine = (curve.generate)().expect("entropy");
            let theirs = (curve.generate)().expect("entropy");
            let (scalar, point) = mine.split_at(curve.size);
            assert_eq!(point.len(), 2 * curve.size + 1);
            for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
                let digest = hash.digest(b"data");
                let digest = digest.as_bytes();
                let mut signature = (curve.sign)(scalar, digest).expect("a scalar");
                assert_eq!(signature.len(), 2 * curve.size);
                assert!((curve.verify)(point, &signature, digest));
                assert!(!(curve.verify)(&theirs[curve.size..], &signature, digest));
                signature[curve.size + 5] ^= 1;
                assert!(!(curve.verify)(point, &signature, digest));
                assert!(!(curve.verify)(point, &signature[1..], digest));
            }
            let (their_scalar, their_point) = theirs.split_at(curve.size);
            let shared = (curve.derive)(scalar, their_point).expect("a point");
            assert_eq!((curve.derive)(their_scalar, point), Some(shared));

            let der = (curve.to_pkcs8)(scalar).expect("a scalar");
            assert_eq!((curve.from_pkcs8)(&der), Some(mine.clone()));
            assert!((curve.from_pkcs8)(&der[..der.len() - 1]).is_none());
            let der = (curve.to_spki)(point).expect("a point");
            assert_eq!((curve.from_spki)(&der).as_deref(), Some(point));
            let mut compressed = point[..=curve.size].to_vec();
            compressed[0] = 2 + (point[2 * curve.size] & 1);
            assert_eq!((curve.public)(&compressed).as_deref(), Some(point));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for curve in &CURVES {
            assert!((curve.private)(&vec![0; curve.size]).is_none(), "zero");
            assert!((curve.private)(&vec![255; curve.size]).is_none(), "above the order");
            assert!((curve.private)(&vec![1; curve.size - 1]).is_none(), "too short");
            assert!((curve.public)(&[0]).is_none(), "the point at infinity");
            assert!((curve.public)(&[]).is_none());
            let mut off = vec![1; 2 * curve.size + 1];
            off[0] = 4;
            assert!((curve.public)(&off).is_none(), "a point that is not on the curve");
            assert!(!(curve.verify)(&off, &vec![1; 2 * curve.size], &[0; 32]));
        }
    }

    #[test]
    fn ecdsa_verifies_rfc_6979_a_2_5() {
        let private = bytes("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
        let pair = (CURVES[0].private)(&private).expect("a scalar");
        assert_eq!(
            hex(&pair[33..65]),
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        );
        let signature = bytes(
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        );
        let digest = Hash::Sha256.digest(b"sample");
        assert!((CURVES[0].verify)(&pair[32..], &signature, digest.as_bytes()));
    }
}

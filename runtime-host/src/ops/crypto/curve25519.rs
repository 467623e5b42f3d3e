//! Ed25519 (RFC 8032) and X25519 (RFC 7748), and the DER encodings of their keys (RFC 8410).
//!
//! A private key is its 32 bytes of seed or scalar, and after them the public key.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode, Encode};
use spki::SubjectPublicKeyInfoRef;
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};
use x25519_dalek::{PublicKey, StaticSecret};

use super::{Answer, Input, answer, number};

/// By the number that JavaScript passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ed25519,
    X25519,
}

impl Kind {
    fn from_argument(args: &FunctionCallbackArguments<'_>, index: i32) -> Self {
        if number(args, index) == 0 { Self::Ed25519 } else { Self::X25519 }
    }

    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Ed25519 => "1.3.101.112",
            Self::X25519 => "1.3.101.110",
        })
    }

    fn public_of(self, private: &[u8; 32]) -> [u8; 32] {
        match self {
            Self::Ed25519 => SigningKey::from_bytes(private).verifying_key().to_bytes(),
            Self::X25519 => PublicKey::from(&StaticSecret::from(*private)).to_bytes(),
        }
    }

    /// A private key with its public one.
    fn pair(self, private: &[u8; 32]) -> Vec<u8> {
        [*private, self.public_of(private)].concat()
    }

    fn generate(self) -> Option<Vec<u8>> {
        let mut private = [0; 32];
        getrandom::fill(&mut private).ok()?;
        Some(self.pair(&private))
    }

    /// The key of a `PrivateKeyInfo`.
    fn parse_private(self, der: &[u8]) -> Option<Vec<u8>> {
        let info = PrivateKeyInfoRef::from_der(der).ok()?;
        if info.algorithm.oid != self.oid() || info.algorithm.parameters.is_some() {
            return None;
        }
        let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes()).ok()?;
        let pair = self.pair(inner.as_bytes().try_into().ok()?);
        // RFC 5958 lets the public key follow: it has to be that of the private one.
        let given = info.public_key.map(|key| key.as_bytes() == Some(&pair[32..]));
        (given != Some(false)).then_some(pair)
    }

    /// The key of a `SubjectPublicKeyInfo`.
    fn parse_public(self, der: &[u8]) -> Option<Vec<u8>> {
        let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
        if info.algorithm.oid != self.oid() || info.algorithm.parameters.is_some() {
            return None;
        }
        let key = info.subject_public_key.as_bytes()?;
        (key.len() == 32).then(|| key.to_vec())
    }

    fn encode_private(self, private: &[u8]) -> Option<Vec<u8>> {
        let inner = OctetStringRef::new(private).ok()?.to_der().ok()?;
        let algorithm = spki::AlgorithmIdentifier { oid: self.oid(), parameters: None };
        let key = OctetStringRef::new(&inner).ok()?;
        PrivateKeyInfoRef::new(algorithm, key).to_der().ok()
    }

    fn encode_public(self, public: &[u8]) -> Option<Vec<u8>> {
        let algorithm = spki::AlgorithmIdentifier { oid: self.oid(), parameters: None };
        let subject_public_key = pkcs8::der::asn1::BitStringRef::from_bytes(public).ok()?;
        SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().ok()
    }
}

/// Whether the signature holds, for a key and a point R that are no small-order points
/// (<https://w3c.github.io/webcrypto/#ed25519-operations>).
fn verify(public: &[u8], signature: &[u8], data: &[u8]) -> bool {
    let (Ok(public), Ok(signature)) = (public.try_into(), Signature::from_slice(signature)) else {
        return false;
    };
    VerifyingKey::from_bytes(public).is_ok_and(|key| key.verify_strict(data, &signature).is_ok())
}

/// The shared secret; `None` when it is all zeros, which a small-order point makes it.
fn derive(private: &[u8; 32], public: &[u8; 32]) -> Option<Vec<u8>> {
    let shared = StaticSecret::from(*private).diffie_hellman(&PublicKey::from(*public));
    shared.was_contributory().then(|| shared.as_bytes().to_vec())
}

/// `cryptoOkpGenerate(kind) → private key and public key`. Kinds: 0 Ed25519, 1 X25519.
pub fn okp_generate(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let pair = Kind::from_argument(&args, 0).generate();
    answer(scope, rv, pair.map(Answer::Bytes));
}

/// `cryptoOkpPublic(kind, private) → private key and public key`, of 32 bytes.
pub fn okp_public(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let pair = (|| {
        let mut private = Input::new(&args, 1)?;
        let private = private.bytes().try_into().ok()?;
        Some(Answer::Bytes(Kind::from_argument(&args, 0).pair(private)))
    })();
    answer(scope, rv, pair);
}

/// `cryptoOkpParse(kind, isPrivate, encode, bytes) → bytes | undefined`: from DER to a key, or from a
/// key (32 bytes) to DER.
pub fn okp_parse(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let result = (|| {
        let kind = Kind::from_argument(&args, 0);
        let mut input = Input::new(&args, 3)?;
        let bytes = input.bytes();
        Some(Answer::from(match (args.get(1).is_true(), args.get(2).is_true()) {
            (true, false) => kind.parse_private(bytes),
            (false, false) => kind.parse_public(bytes),
            (true, true) => kind.encode_private(bytes),
            (false, true) => kind.encode_public(bytes),
        }))
    })();
    answer(scope, rv, result);
}

/// `cryptoEd25519Sign(private, data) → signature`.
pub fn ed25519_sign(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let signature = (|| {
        let (mut private, mut data) = (Input::new(&args, 0)?, Input::new(&args, 1)?);
        let key = SigningKey::from_bytes(private.bytes().get(..32)?.try_into().ok()?);
        let data = data.bytes();
        super::before(data.len());
        Some(Answer::Bytes(key.sign(data).to_bytes().to_vec()))
    })();
    answer(scope, rv, signature);
}

/// `cryptoEd25519Verify(public, signature, data) → boolean`.
pub fn ed25519_verify(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let good = (|| {
        let (mut public, mut signature) = (Input::new(&args, 0)?, Input::new(&args, 1)?);
        let mut data = Input::new(&args, 2)?;
        let data = data.bytes();
        super::before(data.len());
        Some(Answer::Bool(verify(public.bytes(), signature.bytes(), data)))
    })();
    answer(scope, rv, good);
}

/// `cryptoOkpDerive(private, public) → bytes | undefined`, of X25519.
pub fn okp_derive(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let shared = (|| {
        let (mut private, mut public) = (Input::new(&args, 0)?, Input::new(&args, 1)?);
        let private = private.bytes().get(..32)?.try_into().ok()?;
        Some(Answer::from(derive(private, public.bytes().try_into().ok()?)))
    })();
    answer(scope, rv, shared);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::crypto::tests::{bytes, hex};

    #[test]
    fn ed25519_matches_rfc_8032_test_2() {
        let private = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let pair = Kind::Ed25519.pair(private.as_slice().try_into().unwrap());
        let public = &pair[32..];
        assert_eq!(hex(public), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let key = SigningKey::from_bytes(private.as_slice().try_into().unwrap());
        let mut signature = key.sign(&[0x72]).to_bytes();
        assert_eq!(
            hex(&signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(verify(public, &signature, &[0x72]));
        signature[0] ^= 1;
        assert!(!verify(public, &signature, &[0x72]));
        assert!(!verify(public, b"short", &[0x72]) && !verify(b"short", &signature, b""));
        // The neutral element, a small-order point, makes every message verify without that rule.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert!(!verify(&neutral, &[neutral, [0; 32]].concat(), b"anything"));
    }

    #[test]
    fn x25519_matches_rfc_7748() {
        // Section 5.2, the first vector.
        let scalar = bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
        let point = bytes("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let (scalar, point) = (scalar.try_into().unwrap(), point.try_into().unwrap());
        assert_eq!(
            hex(&derive(&scalar, &point).expect("no small-order point")),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
        );
        assert_eq!(derive(&scalar, &[0; 32]), None);
    }

    #[test]
    fn der_round_trips_and_other_keys_are_refused() {
        for (kind, other) in [(Kind::Ed25519, Kind::X25519), (Kind::X25519, Kind::Ed25519)] {
            let pair = kind.generate().expect("entropy");
            let private = kind.encode_private(&pair[..32]).expect("a key of 32 bytes");
            let public = kind.encode_public(&pair[32..]).expect("a key of 32 bytes");
            assert_eq!((private.len(), public.len()), (48, 44));
            assert_eq!(kind.parse_private(&private), Some(pair.clone()));
            assert_eq!(kind.parse_public(&public).as_deref(), Some(&pair[32..]));
            assert!(
                other.parse_private(&private).is_none() && other.parse_public(&public).is_none()
            );
            assert!(kind.parse_private(&private[..47]).is_none());
            assert!(kind.parse_public(&public[1..]).is_none());
        }
    }
}

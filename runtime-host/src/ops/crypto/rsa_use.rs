//! RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP (RFC 8017).

use rsa::{Oaep, Pkcs1v15Sign, PrivateKey, Pss, PublicKey};
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::entropy::Entropy;
use super::hash::{Hash, with_hash};
use super::rsa_key::{LONG_MODULUS_BITS, modulus_bits, private_key, public_key};
use super::{Answer, Input, answer};
use crate::isolate::watch;

/// A salt longer than this fits in no key that is accepted.
const SALT_MAX: usize = 1_024;

/// How a signature is padded.
#[derive(Clone, Copy, Debug)]
enum Scheme {
    Pkcs1,
    /// With the length of the salt in bytes.
    Pss(usize),
}

impl Scheme {
    /// -1 for PKCS #1, else the length of the salt.
    fn from_argument(args: &FunctionCallbackArguments<'_>, index: i32) -> Option<Self> {
        let number = v8::Local::<v8::Number>::try_from(args.get(index)).ok()?.value();
        Some(if number < 0.0 { Self::Pkcs1 } else { Self::Pss(number as usize) })
    }
}

/// `None` when the key is too short for the digest, or for the salt.
fn sign(scheme: Scheme, hash: Hash, key: &PrivateKey, data: &[u8]) -> Option<Vec<u8>> {
    let digest = hash.digest(data);
    let (digest, mut entropy) = (digest.as_bytes(), Entropy::new());
    with_hash!(hash, D => match scheme {
        Scheme::Pkcs1 => key.sign_with_rng(&mut entropy, Pkcs1v15Sign::new::<D>(), digest),
        Scheme::Pss(salt) if salt > SALT_MAX => return None,
        Scheme::Pss(salt) => key.sign_with_rng(&mut entropy, Pss::<D>::new_with_salt(salt), digest),
    }.ok(), None)
}

fn verify(scheme: Scheme, hash: Hash, key: &PublicKey, signature: &[u8], data: &[u8]) -> bool {
    let digest = hash.digest(data);
    let digest = digest.as_bytes();
    with_hash!(hash, D => match scheme {
        Scheme::Pkcs1 => key.verify(Pkcs1v15Sign::new::<D>(), digest, signature).is_ok(),
        Scheme::Pss(salt) if salt > SALT_MAX => false,
        Scheme::Pss(salt) => key.verify(Pss::<D>::new_with_salt(salt), digest, signature).is_ok(),
    }, false)
}

fn encrypt(hash: Hash, key: &PublicKey, label: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    with_hash!(hash, D => {
        key.encrypt(&mut Entropy::new(), Oaep::<D>::new_with_label(label), data).ok()
    }, None)
}

fn decrypt(hash: Hash, key: &PrivateKey, label: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    with_hash!(hash, D => {
        key.decrypt_blinded(&mut Entropy::new(), Oaep::<D>::new_with_label(label), data).ok()
    }, None)
}

/// Before a private operation.
fn before(key: &PrivateKey) {
    if modulus_bits(key) > LONG_MODULUS_BITS {
        watch::before_long_work();
    }
}

/// `cryptoRsaSign(scheme, hash, private, data) → signature | undefined`. Scheme: -1 for PKCS #1, else
/// the length of PSS's salt.
pub fn rsa_sign(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let signature = (|| {
        let (scheme, hash) = (Scheme::from_argument(&args, 0)?, Hash::from_argument(&args, 1)?);
        let (mut key, mut data) = (Input::new(&args, 2)?, Input::new(&args, 3)?);
        let key = private_key(key.bytes())?;
        before(&key);
        Some(Answer::from(sign(scheme, hash, &key, data.bytes())))
    })();
    answer(scope, rv, signature);
}

/// `cryptoRsaVerify(scheme, hash, public, signature, data) → boolean`.
pub fn rsa_verify(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let good = (|| {
        let (scheme, hash) = (Scheme::from_argument(&args, 0)?, Hash::from_argument(&args, 1)?);
        let (mut key, mut signature) = (Input::new(&args, 2)?, Input::new(&args, 3)?);
        let mut data = Input::new(&args, 4)?;
        let data = data.bytes();
        super::before(data.len());
        let key = public_key(key.bytes())?;
        Some(Answer::Bool(verify(scheme, hash, &key, signature.bytes(), data)))
    })();
    answer(scope, rv, good);
}

/// `cryptoRsaEncrypt(hash, public, label, data) → bytes | undefined`, with OAEP.
pub fn rsa_encrypt(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let sealed = (|| {
        let hash = Hash::from_argument(&args, 0)?;
        let (mut key, mut label) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let key = public_key(key.bytes())?;
        Some(Answer::from(encrypt(hash, &key, label.bytes(), Input::new(&args, 3)?.bytes())))
    })();
    answer(scope, rv, sealed);
}

/// `cryptoRsaDecrypt(hash, private, label, data) → bytes | undefined`, with OAEP.
pub fn rsa_decrypt(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let opened = (|| {
        let hash = Hash::from_argument(&args, 0)?;
        let (mut key, mut label) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let key = private_key(key.bytes())?;
        before(&key);
        Some(Answer::from(decrypt(hash, &key, label.bytes(), Input::new(&args, 3)?.bytes())))
    })();
    answer(scope, rv, opened);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PrivateKey {
        PrivateKey::new(&mut Entropy::new(), 1_024).expect("entropy")
    }

    #[test]
    fn signatures_hold_for_their_key_data_and_scheme_only() {
        let (key, other) = (key(), key());
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384] {
            for scheme in [Scheme::Pkcs1, Scheme::Pss(0), Scheme::Pss(20)] {
                let signature = sign(scheme, hash, &key, b"data").expect("a key of 1,024 bits");
                let (public, no_public) = (key.to_public_key(), other.to_public_key());
                assert!(verify(scheme, hash, &public, &signature, b"data"));
                assert!(!verify(scheme, hash, &public, &signature, b"date"));
                assert!(!verify(scheme, hash, &public, &signature[1..], b"data"));
                assert!(!verify(scheme, hash, &no_public, &signature, b"data"));
                assert!(!verify(Scheme::Pss(7), hash, &public, &signature, b"data"));
            }
        }
        for salt in [80, 1_025, usize::MAX] {
            assert!(sign(Scheme::Pss(salt), Hash::Sha512, &key, b"data").is_none());
            let public = key.to_public_key();
            assert!(!verify(Scheme::Pss(salt), Hash::Sha512, &public, &[1; 128], b"data"));
        }
        assert!(sign(Scheme::Pkcs1, Hash::Md5, &key, b"data").is_none());
    }

    #[test]
    fn oaep_opens_what_it_sealed_with_the_same_label() {
        let key = key();
        let public = key.to_public_key();
        let mut sealed = encrypt(Hash::Sha256, &public, b"label", b"secret").expect("it fits");
        assert_eq!(decrypt(Hash::Sha256, &key, b"label", &sealed).unwrap(), b"secret");
        assert!(decrypt(Hash::Sha256, &key, b"other", &sealed).is_none());
        sealed[9] ^= 1;
        assert!(decrypt(Hash::Sha256, &key, b"label", &sealed).is_none());
        assert!(encrypt(Hash::Sha256, &public, b"", &[0; 63]).is_none(), "too long");
        assert!(encrypt(Hash::Sha512, &public, b"", b"").is_none(), "the key is too short");
    }
}

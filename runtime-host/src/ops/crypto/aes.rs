//! The modes of AES that Web Crypto has.

#![allow(clippy::option_option)] // No such key, and no such ciphertext.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit, StreamCipher};
use aes::{Aes128, Aes192, Aes256};
use aes_kw::AesKw;
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::{Answer, Input, answer, gcm, number, output};

/// Evaluates `$body` with `$Cipher` as AES for a key of this length; JavaScript made sure that it is
/// 16, 24 or 32 bytes.
macro_rules! with_aes {
    ($key:expr, $Cipher:ident => $body:expr) => {
        match $key.len() {
            16 => {
                type $Cipher = Aes128;
                $body
            }
            24 => {
                type $Cipher = Aes192;
                $body
            }
            32 => {
                type $Cipher = Aes256;
                $body
            }
            _ => return None,
        }
    };
}

const BLOCK: usize = 16;

/// CBC with the padding of PKCS #7. Encrypts to `out`, whose length is that of the padded data, or
/// decrypts to the front of `out`. `Some(None)` for what is no ciphertext, else the length.
fn cbc(encrypt: bool, key: &[u8], iv: &[u8], data: &[u8], out: &mut [u8]) -> Option<Option<usize>> {
    with_aes!(key, C => Some(if encrypt {
        let cipher = cbc::Encryptor::<C>::new_from_slices(key, iv).ok()?;
        cipher.encrypt_padded_b2b::<Pkcs7>(data, out).ok().map(<[u8]>::len)
    } else {
        let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).ok()?;
        cipher.decrypt_padded_b2b::<Pkcs7>(data, out).ok().map(<[u8]>::len)
    }))
}

/// CTR as Web Crypto has it: the last `bits` bits of the block are the counter, and wrap around
/// among themselves. `Some(false)` when there is more data than the counter has values for.
fn ctr(key: &[u8], counter: [u8; BLOCK], bits: u32, data: &[u8], out: &mut [u8]) -> Option<bool> {
    if !(1..=128).contains(&bits) || data.len() != out.len() {
        return None;
    }
    let start = u128::from_be_bytes(counter);
    let mask = u128::MAX >> (128 - bits);
    let blocks = data.len().div_ceil(BLOCK) as u128;
    if blocks > 0 && blocks - 1 > mask {
        return Some(false);
    }
    // Up to where the counter wraps around, the whole block counts like its last bits do.
    let until_wrap = (mask - (start & mask)).saturating_add(1);
    let split = if blocks > until_wrap { until_wrap as usize * BLOCK } else { data.len() };
    let (data, wrapped_data) = data.split_at(split);
    let (out, wrapped_out) = out.split_at_mut(split);
    with_aes!(key, C => {
        type Ctr = ctr::Ctr128BE<C>;
        Ctr::new_from_slices(key, &counter).ok()?.try_apply_keystream_b2b(data, out).ok()?;
        if !wrapped_data.is_empty() {
            let counter = (start & !mask).to_be_bytes();
            let mut cipher = Ctr::new_from_slices(key, &counter).ok()?;
            cipher.try_apply_keystream_b2b(wrapped_data, wrapped_out).ok()?;
        }
    });
    Some(true)
}

/// Key wrap (RFC 3394), without padding. `Some(None)` when `data` has not the length for it, or is
/// no wrapped key.
fn kw(wrap: bool, key: &[u8], data: &[u8]) -> Option<Option<Vec<u8>>> {
    // The least that the RFC wraps is two blocks of 8 bytes.
    let least = if wrap { 16 } else { 24 };
    if !data.len().is_multiple_of(8) || data.len() < least {
        return Some(None);
    }
    let mut out = vec![0; if wrap { data.len() + 8 } else { data.len() - 8 }];
    with_aes!(key, C => {
        let cipher = AesKw::<C>::new_from_slice(key).ok()?;
        let done = if wrap {
            cipher.wrap_key(data, &mut out).is_ok()
        } else {
            cipher.unwrap_key(data, &mut out).is_ok()
        };
        Some(done.then_some(out))
    })
}

fn gcm(seal: bool, key: &[u8], parts: &gcm::Parts<'_>, out: &mut [u8]) -> Option<bool> {
    with_aes!(key, C => Some(if seal {
        gcm::seal::<C>(key, parts, out)
    } else {
        gcm::open::<C>(key, parts, out)
    }))
}

/// `cryptoAesCbc(encrypt, key, iv, data, out) → length | undefined`: `out` has the length of the
/// padded data, or that of the ciphertext.
pub fn aes_cbc(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let done = (|| {
        let (mut key, mut iv) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let mut data = Input::new(&args, 3)?;
        let data = data.bytes();
        super::before(data.len());
        let encrypt = args.get(0).is_true();
        let length = cbc(encrypt, key.bytes(), iv.bytes(), data, output(&args, 4)?)?;
        Some(length.map_or(Answer::Failed, |length| Answer::Number(length as u32)))
    })();
    answer(scope, rv, done);
}

/// `cryptoAesCtr(key, counter, bits, data, out) → boolean`.
pub fn aes_ctr(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let done = (|| {
        let (mut key, mut counter) = (Input::new(&args, 0)?, Input::new(&args, 1)?);
        let mut data = Input::new(&args, 3)?;
        let data = data.bytes();
        super::before(data.len());
        let counter = counter.bytes().try_into().ok()?;
        ctr(key.bytes(), counter, number(&args, 2), data, output(&args, 4)?).map(Answer::Bool)
    })();
    answer(scope, rv, done);
}

/// `cryptoAesGcm(seal, key, iv, additionalData, tagLength, data, out) → boolean`: the tag of
/// `tagLength` bytes is at the end of the ciphertext.
pub fn aes_gcm(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let done = (|| {
        let (mut key, mut iv) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let (mut additional, mut data) = (Input::new(&args, 3)?, Input::new(&args, 5)?);
        let parts = gcm::Parts {
            iv: iv.bytes(),
            additional: additional.bytes(),
            data: data.bytes(),
            tag_length: number(&args, 4) as usize,
        };
        super::before(parts.data.len() + parts.additional.len());
        gcm(args.get(0).is_true(), key.bytes(), &parts, output(&args, 6)?).map(Answer::Bool)
    })();
    answer(scope, rv, done);
}

/// `cryptoAesKw(wrap, key, data) → bytes | undefined`.
pub fn aes_kw(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let done = (|| {
        let (mut key, mut data) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let data = data.bytes();
        super::before(data.len());
        kw(args.get(0).is_true(), key.bytes(), data).map(Answer::from)
    })();
    answer(scope, rv, done);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::crypto::tests::{bytes, hex};

    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
    const TEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";

    #[test]
    fn cbc_matches_sp_800_38a_and_finds_bad_padding() {
        let (key, iv) = (bytes(KEY), bytes("000102030405060708090a0b0c0d0e0f"));
        let mut sealed = vec![0; 48];
        assert_eq!(cbc(true, &key, &iv, &bytes(TEXT), &mut sealed), Some(Some(48)));
        assert_eq!(
            hex(&sealed[..32]),
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
        );
        let mut opened = vec![0; 48];
        assert_eq!(cbc(false, &key, &iv, &sealed, &mut opened), Some(Some(32)));
        assert_eq!(hex(&opened[..32]), TEXT);
        sealed[47] ^= 1;
        assert_eq!(cbc(false, &key, &iv, &sealed, &mut opened), Some(None));
        assert_eq!(cbc(false, &key, &iv, &sealed[..40], &mut opened), Some(None));
        assert_eq!(cbc(true, &key[..15], &iv, b"", &mut opened), None);
    }

    #[test]
    fn ctr_matches_sp_800_38a_and_wraps_within_its_bits() {
        let key = bytes(KEY);
        let counter: [u8; 16] = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
        let mut out = vec![0; 32];
        assert_eq!(ctr(&key, counter, 128, &bytes(TEXT), &mut out), Some(true));
        assert_eq!(hex(&out), "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
        // With 8 bits the second block's counter is ...fe00 instead of ...ff00.
        let mut second = vec![0; 16];
        let next: [u8; 16] = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfe00").try_into().unwrap();
        assert_eq!(ctr(&key, next, 128, &[0; 16], &mut second), Some(true));
        assert_eq!(ctr(&key, counter, 8, &[0; 32], &mut out), Some(true));
        assert_eq!(out[16..], second);
        assert_eq!(ctr(&key, counter, 1, &[0; 33], &mut [0; 33]), Some(false));
        assert_eq!(ctr(&key, [255; 16], 128, &[0; 40], &mut [0; 40]), Some(true));
        assert_eq!(ctr(&key, counter, 0, b"", &mut []), None);
    }

    #[test]
    fn key_wrap_matches_rfc_3394() {
        let key = bytes("000102030405060708090a0b0c0d0e0f");
        let data = bytes("00112233445566778899aabbccddeeff");
        let mut wrapped = kw(true, &key, &data).flatten().expect("two blocks");
        assert_eq!(hex(&wrapped), "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
        assert_eq!(kw(false, &key, &wrapped), Some(Some(data)));
        wrapped[3] ^= 1;
        assert_eq!(kw(false, &key, &wrapped), Some(None));
        for length in [0, 8, 15, 17] {
            assert_eq!(kw(true, &key, &vec![0; length]), Some(None));
            assert_eq!(kw(false, &key, &vec![0; length]), Some(None));
        }
    }
}

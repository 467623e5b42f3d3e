//! AES-GCM (NIST SP 800-38D) with the lengths of initialization vectors and tags that Web Crypto
//! allows. The crate `aes-gcm` has them as types, so it serves the usual ones; the others are put
//! together here from the parts that it is made of: `ghash` and counter mode.

use aes::cipher::consts::{U12, U16};
use aes::cipher::{
    BlockCipherEncrypt, BlockSizeUser, InOutBuf, InnerIvInit, KeyInit, StreamCipher,
};
use aes_gcm::{AeadInOut, AesGcm, Nonce, Tag};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;

/// The inputs of both directions. `data` is the plaintext, or the ciphertext and after it the tag.
pub struct Parts<'a> {
    pub iv: &'a [u8],
    pub additional: &'a [u8],
    pub data: &'a [u8],
    /// Bytes, at most 16.
    pub tag_length: usize,
}

/// The length of the usual tag in bytes.
const FULL_TAG: usize = 16;

/// AES as GCM needs it.
pub trait Cipher: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit {}
impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit> Cipher for C {}

/// Writes the ciphertext and the tag to `out`, which has the length of both.
pub fn seal<C: Cipher>(key: &[u8], parts: &Parts<'_>, out: &mut [u8]) -> bool {
    let Some((out, tag)) = out.split_at_mut_checked(parts.data.len()) else { return false };
    if tag.len() != parts.tag_length || tag.len() > FULL_TAG {
        return false;
    }
    let full = match Nonce::<U12>::try_from(parts.iv) {
        Ok(iv) => (|| {
            let cipher = AesGcm::<C, U12>::new_from_slice(key).ok()?;
            let buffer = InOutBuf::new(parts.data, out).ok()?;
            cipher.encrypt_inout_detached(&iv, parts.additional, buffer).ok()
        })(),
        Err(_) => Unusual::<C>::new(key).map(|cipher| {
            let mask = cipher.apply(parts.iv, parts.data, out);
            cipher.tag(mask, parts.additional, out)
        }),
    };
    let Some(full) = full else { return false };
    tag.copy_from_slice(&full[..tag.len()]);
    true
}

/// Writes the plaintext to `out`, which has its length, if the tag is right.
pub fn open<C: Cipher>(key: &[u8], parts: &Parts<'_>, out: &mut [u8]) -> bool {
    let Some((data, tag)) = parts.data.split_at_checked(out.len()) else { return false };
    if tag.len() != parts.tag_length || tag.len() > FULL_TAG {
        return false;
    }
    if let (Ok(iv), Ok(tag)) = (Nonce::<U12>::try_from(parts.iv), Tag::<U16>::try_from(tag)) {
        let Ok(cipher) = AesGcm::<C, U12>::new_from_slice(key) else { return false };
        let Ok(buffer) = InOutBuf::new(data, out) else { return false };
        return cipher.decrypt_inout_detached(&iv, parts.additional, buffer, &tag).is_ok();
    }
    let Some(cipher) = Unusual::<C>::new(key) else { return false };
    let mut mask = Block::default();
    cipher.counter(parts.iv).apply_keystream(&mut mask);
    let expected = cipher.tag(mask, parts.additional, data);
    let right = bool::from(expected[..tag.len()].ct_eq(tag));
    if right {
        cipher.apply(parts.iv, data, out);
    }
    right
}

type Block = ghash::Block;

/// GCM with an initialization vector or a tag of unusual length.
struct Unusual<C> {
    cipher: C,
    ghash: GHash,
}

impl<C: Cipher> Unusual<C> {
    fn new(key: &[u8]) -> Option<Self> {
        let cipher = C::new_from_slice(key).ok()?;
        let mut hash_key = ghash::Key::default();
        cipher.encrypt_block(&mut hash_key);
        Some(Self { ghash: GHash::new(&hash_key), cipher })
    }

    /// Counter mode from J0 on (SP 800-38D, 7.1 step 2). Its first block masks the tag.
    fn counter(&self, iv: &[u8]) -> ctr::Ctr32BE<&C> {
        let mut first = Block::default();
        if iv.len() == 12 {
            first[..12].copy_from_slice(iv);
            first[15] = 1;
        } else {
            let mut ghash = self.ghash.clone();
            ghash.update_padded(iv);
            ghash.update(&[lengths(0, iv.len())]);
            first = ghash.finalize();
        }
        ctr::Ctr32BE::from_core(ctr::CtrCore::inner_iv_init(&self.cipher, &first))
    }

    /// Encrypts or decrypts, and gives the mask of the tag.
    fn apply(&self, iv: &[u8], data: &[u8], out: &mut [u8]) -> Block {
        let mut counter = self.counter(iv);
        let mut mask = Block::default();
        counter.apply_keystream(&mut mask);
        counter.apply_keystream_b2b(data, out);
        mask
    }

    fn tag(&self, mask: Block, additional: &[u8], ciphertext: &[u8]) -> Tag<U16> {
        let mut ghash = self.ghash.clone();
        ghash.update_padded(additional);
        ghash.update_padded(ciphertext);
        ghash.update(&[lengths(additional.len(), ciphertext.len())]);
        let mut tag = ghash.finalize();
        for (byte, mask) in tag.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        tag
    }
}

/// Two lengths in bits.
fn lengths(first: usize, second: usize) -> Block {
    let mut block = Block::default();
    block[..8].copy_from_slice(&(first as u64 * 8).to_be_bytes());
    block[8..].copy_from_slice(&(second as u64 * 8).to_be_bytes());
    block
}

#[cfg(test)]
mod tests {
    use aes::{Aes128, Aes256};

    use super::*;
    use crate::ops::crypto::tests::{bytes, hex};

    // Test cases 4 to 6 of the specification that was submitted to NIST.
    const KEY: &str = "feffe9928665731c6d6a8f9467308308";
    const TEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    const ADDITIONAL: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";

    #[test]
    fn initialization_vectors_of_all_lengths_match_published_vectors() {
        let long = "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728\
            c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b";
        for (iv, tag) in [
            ("cafebabefacedbaddecaf888", "5bc94fbc3221a5db94fae95ae7121a47"),
            ("cafebabefacedbad", "3612d2e79e3b0785561be14aaca2fccb"),
            (long, "619cc5aefffe0bfa462af43c1699d050"),
        ] {
            for tag_length in [16, 12, 4] {
                let (iv, additional, text) = (bytes(iv), bytes(ADDITIONAL), bytes(TEXT));
                let parts = Parts { iv: &iv, additional: &additional, data: &text, tag_length };
                let mut sealed = vec![0; text.len() + tag_length];
                assert!(seal::<Aes128>(&bytes(KEY), &parts, &mut sealed));
                assert_eq!(hex(&sealed[text.len()..]), tag[..2 * tag_length]);

                let mut opened = vec![0; text.len()];
                let parts = Parts { data: &sealed, ..parts };
                assert!(open::<Aes128>(&bytes(KEY), &parts, &mut opened));
                assert_eq!(opened, text);
                let parts = Parts { additional: b"other", ..parts };
                opened.fill(0);
                assert!(!open::<Aes128>(&bytes(KEY), &parts, &mut opened));
                assert!(opened.iter().all(|byte| *byte == 0), "nothing of a forgery is shown");
            }
        }
    }

    #[test]
    fn both_ways_are_the_same_algorithm() {
        let (key, iv) = ([7; 32], [9; 12]);
        let parts = Parts { iv: &iv, additional: b"more", data: &[3; 100], tag_length: 16 };
        let mut usual = vec![0; 116];
        assert!(seal::<Aes256>(&key, &parts, &mut usual));
        let cipher = Unusual::<Aes256>::new(&key).expect("a key of 32 bytes");
        let mut unusual = vec![0; 100];
        let mask = cipher.apply(&iv, parts.data, &mut unusual);
        unusual.extend_from_slice(&cipher.tag(mask, parts.additional, &unusual));
        assert_eq!(unusual, usual);
    }
}

//! Bodies whose every byte is known from its position, so that a lost, doubled or swapped piece
//! shows.

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// `len` bytes of the pattern that begins at `offset`.
pub fn bytes(offset: u64, len: usize) -> Bytes {
    let mut out = Vec::with_capacity(len + 16);
    let skipped = (offset % 8) as usize;
    for word in offset / 8.. {
        if out.len() >= skipped + len {
            break;
        }
        out.extend_from_slice(&mix(word).to_le_bytes());
    }
    Bytes::from(out).slice(skipped..skipped + len)
}

/// Text of the same nature (lower-case letters and spaces, ASCII).
pub fn text(len: usize) -> String {
    const LETTERS: [u8; 31] = *b"abcdefghijklmnopqrstuvwxyz     ";
    bytes(0, len).iter().map(|byte| char::from(LETTERS[usize::from(*byte % 31)])).collect()
}

/// Eight bytes from their position: mixed, so that no period is short enough to hide a shift.
fn mix(position: u64) -> u64 {
    let mut x = position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}

pub fn sha256(bytes: &[u8]) -> String {
    Checksum::default().and(bytes).finish()
}

/// A checksum of a body that comes in pieces.
#[derive(Clone, Debug, Default)]
pub struct Checksum(Sha256);

impl Checksum {
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[must_use]
    pub fn and(mut self, bytes: &[u8]) -> Self {
        self.add(bytes);
        self
    }

    pub fn finish(self) -> String {
        use std::fmt::Write as _;
        self.0.finalize().iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String can't fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

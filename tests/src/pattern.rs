//! Bodies whose every byte is known from its position, so that a lost, doubled or swapped piece
//! shows.

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// `len` bytes of the pattern that begins at `offset`.
pub fn bytes(offset: u64, len: usize) -> Bytes {
    (0..len as u64).map(|i| at(offset + i)).collect::<Vec<u8>>().into()
}

/// Text of the same nature (lower-case letters and spaces, ASCII).
pub fn text(len: usize) -> String {
    (0..len as u64)
        .map(|i| char::from(b"abcdefghijklmnopqrstuvwxyz     "[(at(i) % 31) as usize]))
        .collect()
}

/// The byte at a position: a mixing of the position, so that no period is short enough to hide
/// a shift.
fn at(position: u64) -> u8 {
    let mut x = position.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    (x.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8
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

//! Numbers of the things that the host and JavaScript tell each other about, and tables by number.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Ids are handed out one after another and skip 0 when they wrap.
#[derive(Debug, Default)]
pub struct Ids(u32);

impl Ids {
    pub fn take(&mut self) -> u32 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

/// A table by ids. A turn looks into some dozen of them, and the standard hasher takes longer than all
/// else that it does there. That one is for keys which an attacker chooses; these are counted up.
pub type IdMap<V> = HashMap<u32, V, BuildHasherDefault<IdHasher>>;

/// A set of ids.
pub type IdSet = HashSet<u32, BuildHasherDefault<IdHasher>>;

/// Hashes one `u32`.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u32(&mut self, id: u32) {
        // 2^64 divided by the golden ratio: neighbours are spread over the upper half, which is folded
        // into the lower one, so that ids which have their lower bits in common don't meet.
        let spread = u64::from(id).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }

    fn write(&mut self, bytes: &[u8]) {
        // For ids this is not called.
        for byte in bytes {
            self.write_u32((self.0 as u32).rotate_left(8) ^ u32::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::BuildHasher;

    #[test]
    fn ids_skip_0_when_they_wrap() {
        let mut ids = Ids(u32::MAX - 1);
        assert_eq!([ids.take(), ids.take(), ids.take()], [u32::MAX, 1, 2]);
    }

    /// The places of so many ids in a table of as many.
    fn places(ids: impl Iterator<Item = u32>) -> usize {
        let hasher = BuildHasherDefault::<IdHasher>::default();
        let places: HashSet<u64> = ids.map(|id| hasher.hash_one(id) % 1024).collect();
        places.len()
    }

    #[test]
    fn ids_are_spread_whatever_they_have_in_common() {
        // Of as many boxes, 647 get one of 1,024 balls that are thrown blindly.
        for step in [1, 2, 3, 64, 1024, 65_536, 1 << 20] {
            let found = places((1..=1024_u32).map(|id| id.wrapping_mul(step)));
            assert!(found > 400, "{found} of 1,024, {step} apart");
        }
    }
}

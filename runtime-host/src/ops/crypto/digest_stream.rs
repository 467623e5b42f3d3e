//! A digest of what comes in pieces. The state between two pieces is bytes that JavaScript keeps,
//! so that it is freed with the stream that it belongs to.

use md5::Md5;
use sha2::digest::Digest;
use sha2::digest::array::Array;
use sha2::digest::common::hazmat::SerializableState;
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::hash::{Hash, with_hash};
use super::{Answer, Input, answer};

fn start(hash: Hash) -> Vec<u8> {
    with_hash!(hash, D => save(&D::new()), save(&Md5::new()))
}

fn update(hash: Hash, state: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    with_hash!(hash, D => updated::<D>(state, data), updated::<Md5>(state, data))
}

fn finish(hash: Hash, state: &[u8]) -> Option<Vec<u8>> {
    with_hash!(hash, D => finished::<D>(state), finished::<Md5>(state))
}

fn save(state: &impl SerializableState) -> Vec<u8> {
    state.serialize().to_vec()
}

fn load<D: SerializableState>(state: &[u8]) -> Option<D> {
    D::deserialize(&Array::try_from(state).ok()?).ok()
}

fn updated<D: Digest + SerializableState>(state: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut digest: D = load(state)?;
    digest.update(data);
    Some(save(&digest))
}

fn finished<D: Digest + SerializableState>(state: &[u8]) -> Option<Vec<u8>> {
    Some(load::<D>(state)?.finalize().to_vec())
}

/// `cryptoDigestStart(hash) → state`.
pub fn digest_start(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let state = Hash::from_argument(&args, 0).map(|hash| Answer::Bytes(start(hash)));
    answer(scope, rv, state);
}

/// `cryptoDigestUpdate(hash, state, data) → state`.
pub fn digest_update(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let state = (|| {
        let hash = Hash::from_argument(&args, 0)?;
        let (mut state, mut data) = (Input::new(&args, 1)?, Input::new(&args, 2)?);
        let data = data.bytes();
        super::before(data.len());
        update(hash, state.bytes(), data).map(Answer::Bytes)
    })();
    answer(scope, rv, state);
}

/// `cryptoDigestFinal(hash, state) → digest`.
pub fn digest_final(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let digest = (|| {
        let hash = Hash::from_argument(&args, 0)?;
        finish(hash, Input::new(&args, 1)?.bytes()).map(Answer::Bytes)
    })();
    answer(scope, rv, digest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        let data: Vec<u8> = (0..1_000_u32).map(|i| i as u8).collect();
        for hash in [Hash::Md5, Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            for size in [1, 7, 64, 333] {
                let mut state = start(hash);
                for piece in data.chunks(size) {
                    state = update(hash, &state, piece).expect("a state of this hash");
                }
                let digest = finish(hash, &state).expect("a state of this hash");
                assert_eq!(digest, hash.digest(&data).as_bytes(), "{hash:?} by {size}");
            }
            assert!(update(hash, &[0; 3], b"").is_none());
        }
    }
}

//! DATA frames that are cut anywhere, and that hold anything.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use crate::ext_proc::grpc::framing::{Decoder, encode};
use crate::ext_proc::proto::HttpBody;
use crate::fuzz;

const MAX_MESSAGE_BYTES: usize = 1000;

/// All messages of a stream that comes in such frames; `None` when it is refused.
fn messages<'f>(frames: impl Iterator<Item = &'f [u8]>) -> Option<(Vec<Bytes>, bool)> {
    let mut decoder = Decoder::new(MAX_MESSAGE_BYTES);
    let mut all = Vec::new();
    for frame in frames {
        decoder.feed(Bytes::copy_from_slice(frame));
        while let Some(message) = decoder.next().ok()? {
            assert!(message.len() <= MAX_MESSAGE_BYTES);
            all.push(message);
        }
    }
    Some((all, decoder.is_at_boundary()))
}

/// The stream cut at these parts of its length.
fn cut<'s>(stream: &'s [u8], cuts: &[f64]) -> Vec<&'s [u8]> {
    let mut places: Vec<usize> =
        cuts.iter().map(|part| (part * stream.len() as f64) as usize).collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    places.windows(2).filter_map(|pair| stream.get(pair[0]..pair[1])).collect()
}

fn cuts() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.0..1.0, 0..12)
}

#[test]
fn messages_are_the_same_however_their_stream_is_cut() {
    let bodies = prop::collection::vec(0_usize..MAX_MESSAGE_BYTES - 10, 0..6);
    fuzz::check(300, &(bodies, cuts()), |(bodies, cuts)| {
        let mut stream = BytesMut::new();
        for (at, bytes) in bodies.iter().enumerate() {
            let body = Bytes::from(vec![at as u8; *bytes]);
            encode(&HttpBody { body, end_of_stream: at % 2 == 0 }, &mut stream);
        }
        let whole = messages(std::iter::once(&*stream)).expect("within the limits");
        assert_eq!((whole.0.len(), whole.1), (bodies.len(), true));
        assert_eq!(messages(cut(&stream, &cuts).into_iter()), Some(whole));
    });
}

#[test]
fn any_bytes_are_messages_or_refused() {
    // Also such as say of themselves that they are small.
    let byte = prop_oneof![3 => Just(0_u8), 1 => 0_u8..12, 1 => any::<u8>()];
    fuzz::check(500, &(prop::collection::vec(byte, 0..120), cuts()), |(stream, cuts)| {
        let whole = messages(std::iter::once(&*stream));
        assert_eq!(messages(cut(&stream, &cuts).into_iter()), whole);
    });
}

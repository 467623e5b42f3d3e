//! What the property tests share: the modules `fuzz`, each beside what it tests.
//!
//! Without anything set each runs a few cases of a fixed seed, the same everywhere. With
//! `PROPTEST_CASES` it runs so many, of another seed each time (`PROPTEST_RNG_SEED` chooses one). What
//! was found is kept as an ordinary test: the generators change, and with them what a seed means.

use proptest::prelude::*;
use proptest::test_runner::{Config, FailurePersistence, RngSeed, TestRunner};

/// So many cases by default: take less than half a second.
pub fn config(cases: u32) -> Config {
    let long = std::env::var_os("PROPTEST_CASES").is_some();
    let default = Config::default();
    Config {
        cases: if long { default.cases } else { cases },
        rng_seed: match default.rng_seed {
            RngSeed::Random if !long => RngSeed::Fixed(2026),
            seed => seed,
        },
        failure_persistence: None::<Box<dyn FailurePersistence>>,
        max_shrink_iters: 5_000,
        ..default
    }
}

/// Runs a property; a panic in it is a failure as well.
pub fn check<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(S::Value)) {
    let result = TestRunner::new(config(cases)).run(strategy, |value| {
        property(value);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Text of all kinds: letters, separators, control characters, other scripts.
pub fn text(most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9]{1,8}",
        4 => "[-/.:;,?#%@*=&\\\\\"'`~<>()\\[\\]{} +_!$|^]{1,4}",
        1 => "[\\x00-\\x1f\\x7f]{1,2}",
        1 => "\\PC{1,4}",
        1 => Just("%2e%2E%2f%00%".to_owned()),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..=most.max(1)).prop_map(|pieces| pieces.concat())
}

/// Names and values of header fields, as they may be and as they may not.
pub fn fields(most: usize) -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let name = prop_oneof![
        6 => "[a-z][a-z0-9-]{0,6}".prop_map(String::into_bytes),
        2 => prop::sample::select(vec![
            "set-cookie", "content-length", "content-type", "host", "connection", "nano-loop",
            "transfer-encoding", "x-envoy-a", "x-request-id", "trailer", ":path", ":status",
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    let value = prop_oneof![
        4 => "[ -~]{0,8}".prop_map(String::into_bytes),
        1 => "[0-9]{0,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec((name, value), 0..=most)
}

/// A change to a document: where (as a part of its length), how much is taken away, what is put there.
#[derive(Clone, Debug)]
pub struct Edit {
    at: f64,
    taken: usize,
    put: Put,
}

#[derive(Clone, Debug)]
enum Put {
    Text(String),
    /// What is elsewhere in the document.
    Copy(f64, usize),
}

/// Some changes, small as a rule; `pieces` are what the document's format has a meaning for.
pub fn edits(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<Edit>> {
    let put = prop_oneof![
        3 => prop::sample::select(pieces).prop_map(|piece| Put::Text(piece.to_owned())),
        2 => text(2).prop_map(Put::Text),
        1 => Just(Put::Text(String::new())),
        2 => (0.0..1.0, 0_usize..60).prop_map(|(from, length)| Put::Copy(from, length)),
    ];
    let taken = prop_oneof![3 => 0_usize..3, 1 => 0_usize..80];
    let edit = (0.0..1.0, taken, put).prop_map(|(at, taken, put)| Edit { at, taken, put });
    prop::collection::vec(edit, 1..5)
}

/// The document with the changes made to it.
pub fn edited(document: &str, edits: &[Edit]) -> String {
    let mut characters: Vec<char> = document.chars().collect();
    for Edit { at, taken, put } in edits {
        let place = |part: f64| (part * characters.len() as f64) as usize;
        let (at, copied) = (
            place(*at),
            match put {
                Put::Text(text) => text.chars().collect::<Vec<_>>(),
                Put::Copy(from, length) => {
                    characters.iter().skip(place(*from)).take(*length).copied().collect()
                }
            },
        );
        let end = (at + taken).min(characters.len());
        characters.splice(at..end, copied);
    }
    characters.into_iter().collect()
}

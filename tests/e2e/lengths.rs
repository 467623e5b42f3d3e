//! Streams of known length: `content-length` is declared wherever it can be, and never a wrong one.

use nano_tests::client::{Proto, Reply};
use nano_tests::listeners::Mode;
use nano_tests::pattern;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{answer, assert_same, counting, lab};
use crate::matrix;

/// What the lab writes.
const BYTES: usize = 300_000;

pub fn cases() -> Vec<Case> {
    matrix!(
        Mode::WITH_BODIES;
        answers_with_their_length,
        replaces_with_its_length,
        sends_on_with_its_length,
        sends_subrequests_with_their_length,
        cuts_short_what_is_not_as_long_as_declared,
    )
}

#[track_caller]
fn assert_counting(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    assert_same(&reply.body, &counting(BYTES));
}

async fn answers_with_their_length(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = answer(lab(stack, mode, proto, "GET", "/x", "fixedShort")).await;
    assert_counting(&reply);
    assert_eq!(reply.header("content-length"), Some("300000"));
    let reply = answer(lab(stack, mode, proto, "HEAD", "/x", "fixedShort")).await;
    assert!(reply.body.is_empty());
    if matches!(mode, Mode::Lazy | Mode::FullDuplex) {
        assert_eq!(reply.header("content-length"), Some("300000"));
    }
}

/// Where a message that goes on can carry a length that is not the one it came with: in BUFFERED, and
/// where the filter has `allow_content_length_header` (the lazy listener's has).
fn keeps_length(mode: Mode) -> bool {
    matches!(mode, Mode::Lazy | Mode::Buffered)
}

async fn replaces_with_its_length(stack: &Stack, mode: Mode, proto: Proto) {
    // With the same length, with another, and without one.
    for path in ["/bytes/300000", "/bytes/8", "/text/8"] {
        let reply = answer(lab(stack, mode, proto, "GET", path, "fixedReplace")).await;
        assert_counting(&reply);
        let expected = keeps_length(mode).then_some("300000");
        assert_eq!(reply.header("content-length"), expected, "{path}");
    }
}

async fn sends_on_with_its_length(stack: &Stack, mode: Mode, proto: Proto) {
    for bytes in [BYTES, 8] {
        let request = lab(stack, mode, proto, "POST", "/x", "fixedRequest").body(vec![b'x'; bytes]);
        let seen = answer(request).await.json().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(seen["body_sha256"], pattern::sha256(&counting(BYTES)), "{seen}");
        let expected = keeps_length(mode).then_some("300000");
        assert_eq!(seen["headers"]["content-length"].as_str(), expected, "{seen}");
    }
}

async fn sends_subrequests_with_their_length(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = answer(lab(stack, mode, proto, "GET", "/x", "fixedSubrequest")).await;
    let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seen["headers"]["content-length"], "300000", "{seen}");
    assert_eq!(seen["headers"]["transfer-encoding"], serde_json::Value::Null, "{seen}");
    assert_eq!(seen["body_sha256"], pattern::sha256(&counting(BYTES)));
}

async fn cuts_short_what_is_not_as_long_as_declared(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = lab(stack, mode, proto, "GET", "/x", "fixedBroken").send().await;
    // Where the answer is collected nothing had begun.
    assert!(reply.as_ref().map_or(true, |reply| reply.status == 500), "{reply:?}");
}

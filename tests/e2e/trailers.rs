//! Trailers arrive beside the body, touched or not.

use nano_tests::client::Proto;
use nano_tests::listeners::Mode;
use nano_tests::pattern;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{answer, assert_same, flipped, lab};
use crate::matrix;

pub fn cases() -> Vec<Case> {
    matrix!(Mode::WITH_BODIES; response_trailers, request_trailers, touched_body_before_trailers)
}

async fn response_trailers(stack: &Stack, mode: Mode, proto: Proto) {
    let body = pattern::bytes(0, 100_000);
    for handler in ["pass", "responseHeaders"] {
        let request = lab(stack, mode, proto, "GET", "/trailers", handler).header("te", "trailers");
        let reply = answer(request).await;
        assert_eq!(reply.status, 200);
        assert_same(&reply.body, &body);
        let trailers = reply.trailers.unwrap_or_else(|| panic!("{handler}: no trailers"));
        assert_eq!(trailers["x-end"], "yes");
        assert_eq!(trailers["x-checksum"], pattern::sha256(&body).as_str());
    }
}

async fn request_trailers(stack: &Stack, mode: Mode, proto: Proto) {
    let body = pattern::bytes(0, 100_000);
    let request = lab(stack, mode, proto, "POST", "/x", "pass")
        .trailers(body.clone(), &[("x-after", "the body")]);
    let seen = answer(request).await.json().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seen["body_sha256"], pattern::sha256(&body));
    assert_eq!(seen["trailers"]["x-after"], "the body");
}

/// A body that JavaScript reads is complete with trailers after it. `BUFFERED_PARTIAL` needs their
/// announcement to tell them from a body that was cut; over HTTP/2 the client does not announce.
async fn touched_body_before_trailers(stack: &Stack, mode: Mode, proto: Proto) {
    let body = pattern::bytes(0, 100_000);
    if mode != Mode::BufferedPartial || proto == Proto::H1 {
        let request = lab(stack, mode, proto, "POST", "/discard", "flipRequest")
            .trailers(body.clone(), &[("x-after", "the body")]);
        let reply = answer(request).await;
        let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(seen["body_sha256"], pattern::sha256(&flipped(&body)));
    }
    let from = |handler| {
        let request = lab(stack, mode, proto, "GET", "/trailers", handler);
        answer(request.header("te", "trailers"))
    };
    assert_same(&from("flipResponse").await.body, &flipped(&body));
    if mode != Mode::Streamed {
        let reply = from("readThenDoubleResponse").await;
        assert_eq!(reply.status, 203, "{}", reply.short_text());
        assert_same(&reply.body, &[&body[..], &body[..]].concat());
    }
}

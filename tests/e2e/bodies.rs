//! Bodies of every size and framing arrive byte for byte.

use bytes::Bytes;
use nano_tests::Result;
use nano_tests::client::{Proto, Reply, Request};
use nano_tests::listeners::{BUFFER_LIMIT_BYTES, Mode};
use nano_tests::pattern;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{assert_same, flipped, lab};
use crate::matrix;

const SIZES: [usize; 4] = [0, 1, 64 * 1024, 10_000_000];

pub fn cases() -> Vec<Case> {
    matrix!(
        Mode::WITH_BODIES;
        untouched_uploads,
        untouched_downloads,
        flipped_uploads,
        flipped_downloads,
        read_uploads,
        read_downloads,
    )
}

/// Whether Envoy may refuse this body because its mode makes it buffer what it can't hold. (It
/// does not when the runtime host lets go of the exchange before the body has come; and the limit
/// of an HTTP/2 stream is its window, where that is larger.)
fn may_be_too_large_for_envoy(mode: Mode, size: usize) -> bool {
    mode == Mode::Buffered && size as u64 > BUFFER_LIMIT_BYTES
}

/// Whether a Worker may not have all of it: only what was buffered came.
fn may_be_too_large_to_touch(mode: Mode, size: usize) -> bool {
    matches!(mode, Mode::Buffered | Mode::BufferedPartial) && size as u64 > BUFFER_LIMIT_BYTES
}

/// An error that the client sees as one: a status from 400 on, or a message that is cut off.
fn refused(reply: &Result<Reply>) -> bool {
    reply.as_ref().map_or(true, |reply| reply.status >= 400)
}

fn with_body(request: Request, body: &Bytes, with_length: bool) -> Request {
    if with_length { request.body(body.clone()) } else { request.chunked(body.clone(), 16 * 1024) }
}

#[track_caller]
fn assert_arrived(reply: Result<Reply>, body: &[u8]) {
    let reply = reply.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seen["body_bytes"], body.len());
    assert_eq!(seen["body_sha256"], pattern::sha256(body));
}

async fn untouched_uploads(stack: &Stack, mode: Mode, proto: Proto) {
    for size in SIZES {
        let body = pattern::bytes(0, size);
        for (with_length, handler) in
            [(true, "pass"), (false, "pass"), (true, "responseHeaders"), (false, "requestMethod")]
        {
            let request = lab(stack, mode, proto, "POST", "/discard", handler);
            let reply = with_body(request, &body, with_length).send().await;
            if !(may_be_too_large_for_envoy(mode, size) && refused(&reply)) {
                assert_arrived(reply, &body);
            }
        }
    }
}

async fn untouched_downloads(stack: &Stack, mode: Mode, proto: Proto) {
    for size in SIZES {
        for chunked in [0, 1] {
            for handler in ["pass", "awaited", "responseHeaders"] {
                let path = format!("/bytes/{size}?chunked={chunked}");
                let reply = lab(stack, mode, proto, "GET", &path, handler).send().await;
                if may_be_too_large_for_envoy(mode, size) && refused(&reply) {
                    continue;
                }
                let reply = reply.unwrap_or_else(|error| panic!("{path} {handler}: {error}"));
                assert_eq!(reply.status, 200);
                assert_same(&reply.body, &pattern::bytes(0, size));
                if mode == Mode::Lazy && chunked == 0 {
                    let length = size.to_string();
                    assert_eq!(reply.header("content-length"), Some(length.as_str()));
                }
            }
        }
    }
}

async fn flipped_uploads(stack: &Stack, mode: Mode, proto: Proto) {
    for size in SIZES {
        let body = pattern::bytes(0, size);
        for with_length in [true, false] {
            // A request that says it has no body has none to be turned over.
            if size == 0 && with_length {
                continue;
            }
            let request = lab(stack, mode, proto, "POST", "/discard", "flipRequest");
            let reply = with_body(request, &body, with_length).send().await;
            if !(may_be_too_large_to_touch(mode, size) && refused(&reply)) {
                assert_arrived(reply, &flipped(&body));
            }
        }
    }
}

async fn flipped_downloads(stack: &Stack, mode: Mode, proto: Proto) {
    for size in SIZES {
        for chunked in [0, 1] {
            let path = format!("/bytes/{size}?chunked={chunked}");
            let reply = lab(stack, mode, proto, "GET", &path, "flipResponse").send().await;
            if may_be_too_large_to_touch(mode, size) && refused(&reply) {
                continue;
            }
            let reply = reply.unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(reply.status, 200, "{}", reply.short_text());
            assert_same(&reply.body, &flipped(&pattern::bytes(0, size)));
        }
    }
}

/// The whole request body is read before the exchange goes on.
async fn read_uploads(stack: &Stack, mode: Mode, proto: Proto) {
    if mode == Mode::Streamed {
        return; // `handlers` has the error that this is.
    }
    for size in SIZES {
        let body = pattern::bytes(0, size);
        for with_length in [true, false] {
            let request = lab(stack, mode, proto, "POST", "/discard", "readThenContinue");
            let reply = with_body(request, &body, with_length).send().await;
            if !(may_be_too_large_to_touch(mode, size) && refused(&reply)) {
                assert_arrived(reply, &body);
            }
        }
    }
}

/// The whole response body is read before the Worker answers, with another head and body. Envoy has
/// to hold it back for that, so its buffer's limit counts in every mode but `FULL_DUPLEX_STREAMED`.
async fn read_downloads(stack: &Stack, mode: Mode, proto: Proto) {
    if mode == Mode::Streamed {
        return; // `handlers` has the error that this is.
    }
    for size in SIZES.into_iter().chain([900_000]) {
        for chunked in [0, 1] {
            let path = format!("/bytes/{size}?chunked={chunked}");
            let reply = lab(stack, mode, proto, "GET", &path, reader(size))
                .header("x-catch", "1")
                .send()
                .await;
            if may_be_too_large_for_envoy(mode, size) && refused(&reply) {
                continue;
            }
            let reply = reply.unwrap_or_else(|error| panic!("{path}: {error}"));
            let limited = matches!(mode, Mode::Lazy | Mode::BufferedPartial);
            if limited && size as u64 > BUFFER_LIMIT_BYTES {
                assert_does_not_fit(&reply, mode);
                continue;
            }
            assert_read(&reply, size);
            if mode == Mode::Lazy && chunked == 0 {
                let length = reply.body.len().to_string();
                assert_eq!(reply.header("content-length"), Some(length.as_str()));
            }
        }
    }
}

/// The handler that reads a response of this size: a large one is not made larger, so that several
/// fit into an isolate at a time.
pub fn reader(size: usize) -> &'static str {
    if size > 1_000_000 { "readResponse" } else { "readThenDoubleResponse" }
}

/// What `reader` makes of `/bytes/SIZE`.
#[track_caller]
pub fn assert_read(reply: &Reply, size: usize) {
    let body = pattern::bytes(0, size);
    if reader(size) == "readResponse" {
        assert_eq!(reply.status, 200, "{}", reply.short_text());
        let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(seen["bytes"], size);
        assert_eq!(seen["sha256"], pattern::sha256(&body));
    } else {
        assert_eq!(reply.status, 203, "{}", reply.short_text());
        assert_eq!(reply.header("x-bytes"), Some(size.to_string().as_str()));
        assert_same(&reply.body, &[&body[..], &body[..]].concat());
    }
}

/// The Worker could catch the error, it names the settings, and its answer is all there is.
#[track_caller]
pub fn assert_does_not_fit(reply: &Reply, mode: Mode) {
    assert_eq!(reply.status, 599, "{}", reply.short_text());
    let text = reply.text();
    assert!(text.len() < 1000, "{} bytes", text.len());
    assert!(text.contains("per_connection_buffer_limit_bytes"), "{text}");
    assert!(mode != Mode::Lazy || text.contains("reads_responses = true"), "{text}");
}

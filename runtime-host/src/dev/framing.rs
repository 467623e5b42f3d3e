//! How the length of a message that leaves is told.

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;

use super::leaving::Source;

/// What a head says of its body's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// The head's own `content-length`, if it has one, holds.
    AsDeclared,
    Known(u64),
    /// No `content-length`, whatever the head says.
    Open,
}

/// The length of a request's body. `fed` is for one that the Worker writes.
pub(super) fn of_request(method: &[u8], source: &Source, fed: Length) -> Length {
    // RFC 9110 §8.6: methods that anticipate content declare that there is none.
    let anticipates = matches!(method, b"POST" | b"PUT" | b"PATCH");
    match source {
        Source::Empty if anticipates => Length::Known(0),
        Source::Empty => Length::Open,
        Source::Full(bytes) => Length::Known(bytes.len() as u64),
        Source::Passed(body) => body.size_hint().exact().map_or(Length::Open, Length::Known),
        Source::Fed(_) => fed,
    }
}

/// The response's body as the request's method and the status allow it, and its length.
pub(super) fn of_response(method: &[u8], status: u16, source: Source) -> (Source, Length) {
    if method == b"HEAD" {
        return (Source::Empty, Length::AsDeclared);
    }
    let length = match (status, &source) {
        (304, _) => return (Source::Empty, Length::AsDeclared),
        (101 | 204, _) => return (Source::Empty, Length::Open),
        (_, Source::Empty) => Length::Known(0),
        (_, Source::Full(bytes)) => Length::Known(bytes.len() as u64),
        (_, Source::Passed(body)) => body.size_hint().exact().map_or(Length::Open, Length::Known),
        (_, Source::Fed(_)) => Length::AsDeclared,
    };
    (source, length)
}

/// The length that a message's fields declare.
pub(super) fn declared(length: Length, headers: &HeaderMap) -> Option<u64> {
    match length {
        Length::Known(bytes) => Some(bytes),
        Length::AsDeclared => headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok(),
        Length::Open => None,
    }
}

//! Texts for people: what can't be done, and which setting would allow it.

use super::mode::BodyMode;
use crate::exchange::Side;
use crate::ext_proc::settings::COLLECT_LIMIT_BYTES;
use crate::ext_proc::status::Status;

pub(super) fn name(side: Side) -> &'static str {
    match side {
        Side::Request => "request",
        Side::Response => "response",
    }
}

pub(super) fn unknown_message() -> Status {
    Status::invalid(
        "a ProcessingRequest without request_headers, request_body, request_trailers, \
         response_headers, response_body or response_trailers",
    )
}

pub(super) fn no_request_headers() -> Status {
    Status::out_of_order(
        "response_headers came first: set request_header_mode to SEND in the ext_proc filter's \
         processing_mode, a Worker starts with the request",
    )
}

/// The Worker reads a body that Envoy won't send before it has its header reply.
pub(super) fn body_not_sent(side: Side, mode: BodyMode, observability: bool) -> String {
    let (name, mode) = (name(side), mode.name());
    if observability {
        return format!(
            "the {name} body can't be read: in observability_mode Envoy sends it only with \
             {name}_body_mode STREAMED (now {mode})"
        );
    }
    let before = match side {
        Side::Request => "the request was sent on with fetch(request)",
        Side::Response => "the response was returned",
    };
    format!(
        "the {name} body can't be read before {before}: Envoy's ext_proc filter has \
         {name}_body_mode {mode} and no mode override can be used. Set allow_mode_override: true \
         there (Envoy 1.40 or later, mode_override on in nano.toml, no FULL_DUPLEX_STREAMED \
         configured), or {name}_body_mode: FULL_DUPLEX_STREAMED"
    )
}

/// The response is larger than what Envoy would buffer. Without a length it was found out only by
/// Envoy, whose limit may be another one.
pub(super) fn response_too_large(length: Option<u64>, limit: u64) -> String {
    let fact = match length {
        Some(length) => format!("the response body has {length} bytes"),
        None => "the response body is too large, or is followed by trailers that its head does \
                 not announce"
            .to_owned(),
    };
    format!(
        "{fact}; to read it before the response is returned Envoy must buffer it, up to {limit} \
         bytes. Return a stream (response.body.pipeThrough(...)), set reads_responses = true for \
         the Worker in nano.toml, or raise the listener's per_connection_buffer_limit_bytes in \
         Envoy and response_buffer_bytes in nano.toml"
    )
}

pub(super) fn larger_than_buffer(side: Side) -> String {
    let name = name(side);
    format!(
        "the {name} body is larger than the buffer limit of Envoy's {name}_body_mode \
         BUFFERED_PARTIAL, or is followed by trailers that its head does not announce: raise the \
         listener's per_connection_buffer_limit_bytes, or set {name}_body_mode: \
         FULL_DUPLEX_STREAMED"
    )
}

/// The Worker reads a body after it decided that something else leaves.
pub(super) fn body_gone(side: Side) -> String {
    match side {
        Side::Request => {
            "the request body was sent on or replaced already: read it before the \
                          request goes on with fetch()"
        }
        Side::Response => {
            "the response body was sent on or replaced already: read it before the \
                           response is returned"
        }
    }
    .to_owned()
}

/// The Worker reads on after what leaves was complete, and slower than the body arrives.
pub(super) fn read_too_late(side: Side) -> String {
    let name = name(side);
    format!(
        "the rest of the {name} body was dropped: another body was sent in its place, and it was \
         not read in time. Read it before"
    )
}

pub(super) fn too_large_to_collect(side: Side) -> String {
    let name = name(side);
    format!(
        "the Worker's {name} body is a stream of more than {COLLECT_LIMIT_BYTES} bytes; Envoy \
         can't stream it here ({name}_body_mode, or a message that had no body), so it must fit"
    )
}

pub(super) fn output_after_trailers(side: Side) -> String {
    let name = name(side);
    format!(
        "the Worker's {name} body was not complete when the trailers came, and with \
         {name}_body_mode STREAMED nothing can follow them: set FULL_DUPLEX_STREAMED"
    )
}

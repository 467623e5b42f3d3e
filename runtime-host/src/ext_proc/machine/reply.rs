//! Building blocks of replies.

use bytes::Bytes;

use super::diff::Changes;
use crate::exchange::{ResponseHead, Side};
use crate::ext_proc::proto::body_mutation::Mutation;
use crate::ext_proc::proto::processing_response::Response;
use crate::ext_proc::proto::streamed_immediate_response::Response as Streamed;
use crate::ext_proc::proto::{
    BodyMutation, BodyResponse, CommonResponse, HeaderMap, HeaderValue, HeadersResponse,
    HttpHeaders, HttpStatus, ImmediateResponse, ProcessingMode, ProcessingResponse, ResponseStatus,
    StreamedBodyResponse, StreamedImmediateResponse, TrailersResponse,
};

use super::diff;

fn reply(response: Response) -> ProcessingResponse {
    ProcessingResponse { response: Some(response), ..ProcessingResponse::default() }
}

/// A `mode_override` alone.
pub(super) fn standalone(mode: ProcessingMode) -> ProcessingResponse {
    ProcessingResponse { mode_override: Some(mode), ..ProcessingResponse::default() }
}

/// `None` for a reply that changes nothing: the shortest on the wire.
fn common(
    changes: Option<Changes>,
    body: Option<Mutation>,
    replace: bool,
) -> Option<CommonResponse> {
    let changes = changes.unwrap_or_default();
    if changes.is_empty() && body.is_none() && !replace {
        return None;
    }
    let status =
        if replace { ResponseStatus::ContinueAndReplace } else { ResponseStatus::Continue };
    Some(CommonResponse {
        status: status.into(),
        clear_route_cache: changes.clear_route_cache,
        header_mutation: (!changes.is_empty()).then_some(changes.mutation),
        body_mutation: body.map(|mutation| BodyMutation { mutation: Some(mutation) }),
    })
}

fn headers_of(side: Side, response: Option<CommonResponse>) -> ProcessingResponse {
    let headers = HeadersResponse { response };
    reply(match side {
        Side::Request => Response::RequestHeaders(headers),
        Side::Response => Response::ResponseHeaders(headers),
    })
}

fn body_of(side: Side, response: Option<CommonResponse>) -> ProcessingResponse {
    let body = BodyResponse { response };
    reply(match side {
        Side::Request => Response::RequestBody(body),
        Side::Response => Response::ResponseBody(body),
    })
}

/// The reply to a header message.
pub(super) fn headers(
    side: Side,
    changes: Option<Changes>,
    mode: Option<ProcessingMode>,
) -> ProcessingResponse {
    let mut reply = headers_of(side, common(changes, None, false));
    reply.mode_override = mode;
    reply
}

/// The reply to a header message that also replaces the body, whatever the mode.
pub(super) fn replace(side: Side, changes: Changes, body: Bytes) -> ProcessingResponse {
    headers_of(side, common(Some(changes), Some(whole_body(body)), true))
}

/// The reply to a body message of a 1:1 mode. `None` leaves the body as it came.
pub(super) fn body(
    side: Side,
    changes: Option<Changes>,
    body: Option<Bytes>,
) -> ProcessingResponse {
    body_of(side, common(changes, body.map(whole_body), false))
}

fn whole_body(body: Bytes) -> Mutation {
    if body.is_empty() { Mutation::ClearBody(true) } else { Mutation::Body(body) }
}

/// A piece of a body in `FULL_DUPLEX_STREAMED`.
pub(super) fn streamed(side: Side, body: Bytes, end_of_stream: bool) -> ProcessingResponse {
    let piece = Mutation::Streamed(StreamedBodyResponse { body, end_of_stream });
    body_of(side, common(None, Some(piece), false))
}

pub(super) fn trailers(side: Side) -> ProcessingResponse {
    let trailers = TrailersResponse::default();
    reply(match side {
        Side::Request => Response::RequestTrailers(trailers),
        Side::Response => Response::ResponseTrailers(trailers),
    })
}

pub(super) fn immediate(head: &ResponseHead, body: Bytes) -> ProcessingResponse {
    reply(Response::Immediate(ImmediateResponse {
        status: Some(HttpStatus { code: i32::from(head.status) }),
        headers: Some(diff::whole(&head.headers)),
        body,
        grpc_status: None,
        details: Bytes::from_static(b"nano_worker_response"),
    }))
}

/// Begins a streamed immediate response. `content_length` is sent when it is known.
pub(super) fn immediate_head(
    head: &ResponseHead,
    content_length: Option<u64>,
    end_of_stream: bool,
) -> ProcessingResponse {
    let field = |key: Bytes, raw_value: Bytes| HeaderValue { key, value: Bytes::new(), raw_value };
    let status = field(Bytes::from_static(b":status"), head.status.to_string().into());
    let fields = head.headers.iter().filter(|(name, _)| !diff::is_framing(name));
    let length = content_length
        .map(|length| field(Bytes::from_static(b"content-length"), length.to_string().into()));
    let headers = std::iter::once(status)
        .chain(fields.map(|(name, value)| field(name.clone(), value.clone())))
        .chain(length)
        .collect();
    immediate_part(Streamed::Headers(HttpHeaders {
        headers: Some(HeaderMap { headers }),
        end_of_stream,
    }))
}

pub(super) fn immediate_body(body: Bytes, end_of_stream: bool) -> ProcessingResponse {
    immediate_part(Streamed::Body(StreamedBodyResponse { body, end_of_stream }))
}

fn immediate_part(part: Streamed) -> ProcessingResponse {
    reply(Response::StreamedImmediate(StreamedImmediateResponse { response: Some(part) }))
}

//! Heads of messages from Envoy's header maps.

use bytes::Bytes;

use crate::exchange::{HeaderList, RequestHead, ResponseHead};
use crate::ext_proc::proto::HeaderMap;
use crate::ext_proc::status::Status;

/// Envoy lower-cases names and puts pseudo-headers among the fields.
pub(super) fn request(map: HeaderMap, has_body: bool) -> Result<RequestHead, Status> {
    let mut head = RequestHead { has_body, ..RequestHead::default() };
    head.headers = fields(map, |name, value| match name {
        b":method" => head.method = value,
        b":scheme" => head.scheme = value,
        b":authority" => head.authority = value,
        b":path" => head.path = value,
        // `:protocol` and what may come: not part of a Worker's Request.
        _ => {}
    });
    if head.method.is_empty() {
        return Err(Status::invalid(
            "request_headers without :method: forward_rules of the ext_proc filter must let \
             pseudo-headers through",
        ));
    }
    Ok(head)
}

pub(super) fn response(map: HeaderMap, has_body: bool) -> Result<ResponseHead, Status> {
    let mut status = None;
    let headers = fields(map, |name, value| {
        if name == b":status" {
            status = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
        }
    });
    let Some(status) = status.filter(|status| (100..=999).contains(status)) else {
        return Err(Status::invalid(
            "response_headers without a valid :status: forward_rules of the ext_proc filter must \
             let pseudo-headers through",
        ));
    };
    Ok(ResponseHead { status, headers, has_body })
}

/// Whether trailers can be expected: the head says so, or it is gRPC, which always has them.
pub(super) fn announces_trailers(headers: &HeaderList) -> bool {
    let grpc = headers.get("content-type").is_some_and(|v| v.starts_with(b"application/grpc"));
    grpc || headers.get("trailer").is_some()
}

fn fields(map: HeaderMap, mut pseudo: impl FnMut(&[u8], Bytes)) -> HeaderList {
    let mut list = HeaderList(Vec::with_capacity(map.headers.len()));
    for header in map.headers {
        // Envoy fills raw_value; other implementations of the protocol fill value.
        let value = if header.raw_value.is_empty() { header.value } else { header.raw_value };
        if header.key.first() == Some(&b':') {
            pseudo(&header.key, value);
        } else {
            list.push(header.key, value);
        }
    }
    list
}

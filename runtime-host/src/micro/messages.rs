//! Envoy's messages, with the headers that it and browsers send.

use bytes::Bytes;

use crate::ext_proc::offline::frame;
use crate::ext_proc::proto::processing_request::Request;
use crate::ext_proc::proto::{HeaderMap, HeaderValue, HttpBody, HttpHeaders, ProcessingRequest};

/// A GET of a page.
pub fn request() -> Bytes {
    let fields = [
        (":authority", "bench.test"),
        (":path", "/"),
        (":method", "GET"),
        (":scheme", "http"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-GB,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br"),
        ("cookie", "session=4711; theme=dark"),
        ("x-debug", "1"),
        ("x-forwarded-proto", "http"),
        ("x-request-id", "2f1c7c0e-5e39-4b6e-9d0a-3f6a2f8f1c11"),
    ];
    message(Request::RequestHeaders(headers(&fields, true)))
}

/// The upstream's answer, whose body has this type and length.
pub fn response(content_type: &str, length: usize) -> Bytes {
    let length = length.to_string();
    let fields = [
        (":status", "200"),
        ("content-type", content_type),
        ("content-length", &length),
        ("date", "Fri, 27 Nov 2026 10:00:00 GMT"),
        ("server", "origin"),
        ("cache-control", "no-store"),
        ("x-powered-by", "origin"),
        ("x-envoy-upstream-service-time", "0"),
    ];
    message(Request::ResponseHeaders(headers(&fields, length == "0")))
}

/// A part of the response's body.
pub fn body(part: impl Into<Bytes>, end_of_stream: bool) -> Bytes {
    message(Request::ResponseBody(HttpBody { body: part.into(), end_of_stream }))
}

fn message(request: Request) -> Bytes {
    frame(&ProcessingRequest { request: Some(request), ..ProcessingRequest::default() })
}

fn headers(fields: &[(&str, &str)], end_of_stream: bool) -> HttpHeaders {
    let headers = fields.iter().map(|(name, value)| HeaderValue {
        key: Bytes::copy_from_slice(name.as_bytes()),
        raw_value: Bytes::copy_from_slice(value.as_bytes()),
        ..HeaderValue::default()
    });
    HttpHeaders { headers: Some(HeaderMap { headers: headers.collect() }), end_of_stream }
}

//! Pages of the front end itself.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};

use crate::client::RawBody;
use crate::exchange::{HeaderList, ResponseHead};

/// What a `fetch(request)` gets when there is no origin.
pub(super) const NO_ORIGIN: &str = "fetch(request) goes on to the origin, and there is none.\n\
    Name it when starting: nano-host dev FILE --origin http://127.0.0.1:8000\n";

/// A plain-text 502, as an origin's response.
pub(super) fn bad_gateway(body: &str) -> (ResponseHead, Bytes) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let mut headers = HeaderList::default();
    headers.push("content-type", "text/plain; charset=utf-8");
    headers.push("content-length", body.len().to_string());
    (ResponseHead { status: 502, headers, has_body: true }, body)
}

/// What is answered when the exchange itself broke.
pub(super) fn internal_error() -> Response<RawBody> {
    let body = Full::from("The development server failed; its log says why.\n");
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

//! Heads between hyper's form and the contract's.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request;
use http::uri::{Authority, PathAndQuery};
use http::{Method, StatusCode};

use super::framing::Length;
use crate::client::Origin;
use crate::exchange::{HeaderList, RequestHead, ResponseHead};

/// The head of a client's request. `has_body` is the body's own knowledge.
pub(super) fn request_head(parts: &request::Parts, has_body: bool) -> RequestHead {
    let host = parts.headers.get(header::HOST).map(|v| Bytes::copy_from_slice(v.as_bytes()));
    let authority = match parts.uri.authority() {
        Some(authority) => text(authority.as_str()),
        None => host.unwrap_or_else(|| text("localhost")),
    };
    let mut headers = fields(&parts.headers, is_upgrade(&parts.headers));
    headers.remove("host");
    RequestHead {
        method: text(parts.method.as_str()),
        scheme: text("http"),
        authority,
        path: text(parts.uri.path_and_query().map_or("/", PathAndQuery::as_str)),
        headers,
        has_body,
    }
}

/// The head of the origin's response.
pub(super) fn response_head(parts: &http::response::Parts, has_body: bool) -> ResponseHead {
    let upgraded = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    ResponseHead {
        status: parts.status.as_u16(),
        headers: fields(&parts.headers, upgraded),
        has_body,
    }
}

/// Whether a request asks for another protocol (RFC 9110 §7.8).
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
        && nominated(headers).any(|name| name.eq_ignore_ascii_case("upgrade"))
}

/// The fields without those for one connection only (RFC 9110 §7.6.1). Those of an upgrade are
/// kept for one, as the proxy keeps them.
fn fields(map: &HeaderMap, keep_upgrade: bool) -> HeaderList {
    let mut list = HeaderList::default();
    for (name, value) in map {
        let kept = match name.as_str() {
            "upgrade" => keep_upgrade,
            // hyper answers the expectation itself, when the body is first read.
            "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "expect"
            | "http2-settings" => false,
            "te" => value.as_bytes().eq_ignore_ascii_case(b"trailers"),
            other => !nominated(map).any(|nominated| nominated.eq_ignore_ascii_case(other)),
        };
        if kept {
            list.push(text(name.as_str()), Bytes::copy_from_slice(value.as_bytes()));
        }
    }
    if keep_upgrade && map.contains_key(header::UPGRADE) {
        list.push("connection", "upgrade");
    }
    list
}

/// The names in `connection` fields.
fn nominated(map: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = map.get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// What can't be sent, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadHead(pub String);

/// The request to `origin`, without its body.
pub(super) fn to_origin(
    head: &RequestHead,
    origin: &Origin,
    length: Length,
) -> Result<http::Request<()>, BadHead> {
    let method = Method::from_bytes(&head.method).map_err(|_| bad("method", &head.method))?;
    let authority = Authority::from_maybe_shared(head.authority.clone())
        .map_err(|_| bad("host", &head.authority))?;
    // `OPTIONS *` has no form in a client's URI; its nearest is the root.
    let path = if head.path.as_ref() == b"*" { text("/") } else { head.path.clone() };
    let path = PathAndQuery::from_maybe_shared(path).map_err(|_| bad("path", &head.path))?;
    let mut request = http::Request::new(());
    *request.headers_mut() = map(&head.headers, length)?;
    // hyper sends no body with these methods unless told how it is framed.
    let quiet = matches!(method, Method::GET | Method::HEAD);
    if quiet && head.has_body && !request.headers().contains_key(header::CONTENT_LENGTH) {
        request
            .headers_mut()
            .insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    *request.method_mut() = method;
    *request.uri_mut() = origin.with(authority, path);
    Ok(request)
}

/// The response to the client, without its body.
pub(super) fn to_client(
    head: &ResponseHead,
    length: Length,
) -> Result<http::Response<()>, BadHead> {
    let mut response = http::Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status)
        .map_err(|_| BadHead(format!("{} is not an HTTP status", head.status)))?;
    *response.headers_mut() = map(&head.headers, length)?;
    Ok(response)
}

fn map(list: &HeaderList, length: Length) -> Result<HeaderMap, BadHead> {
    let mut map = HeaderMap::with_capacity(list.0.len() + 1);
    for (name, value) in list {
        let field = HeaderName::from_bytes(name).map_err(|_| bad("header name", name))?;
        if field == header::CONTENT_LENGTH && length != Length::AsDeclared {
            continue;
        }
        let value = HeaderValue::from_maybe_shared(value.clone())
            .map_err(|_| bad("value of a header", value))?;
        map.try_append(field, value).map_err(|_| BadHead("too many headers".to_owned()))?;
    }
    if let Length::Known(bytes) = length {
        map.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    Ok(map)
}

fn bad(what: &str, bytes: &[u8]) -> BadHead {
    BadHead(format!("{:?} can't be sent as {what}", String::from_utf8_lossy(bytes)))
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

//! Header lists to and from what goes over a connection.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{ErrorKind, FetchError};
use crate::exchange::HeaderList;

/// Fields that belong to one connection (RFC 9110 §7.6.1) or that frame the message; a caller's
/// are dropped, the client sets what applies. Smuggling a request into a connection needs one.
const CONNECTION_FIELDS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What a fetch sends of `list`. Names and values are checked against RFC 9110 §5, so no field can
/// break out of its line.
pub(super) fn outgoing(list: &HeaderList) -> Result<HeaderMap, FetchError> {
    let mut map = HeaderMap::with_capacity(list.0.len() + 5);
    for (name, value) in list {
        let shown = String::from_utf8_lossy(name);
        let field = HeaderName::from_bytes(name).map_err(|_| {
            FetchError::new(ErrorKind::Request, format!("{shown:?} is not a header name"))
        })?;
        if CONNECTION_FIELDS.contains(&field.as_str()) {
            continue;
        }
        let value = HeaderValue::from_maybe_shared(value.clone()).map_err(|_| {
            let message = format!("the value of header {shown:?} has a control character in it");
            FetchError::new(ErrorKind::Request, message)
        })?;
        map.try_append(field, value)
            .map_err(|_| FetchError::new(ErrorKind::Request, "too many headers"))?;
    }
    Ok(map)
}

/// What a Worker sees of a response's fields: all but the connection's own.
pub(super) fn incoming(map: HeaderMap) -> HeaderList {
    let mut list = HeaderList(Vec::with_capacity(map.len()));
    let mut name = None;
    for (next, value) in map {
        // A map yields a name once, and then None for its further values.
        name = next.or(name);
        let Some(name) = &name else { continue };
        if !is_hop_by_hop(name) {
            list.push(bytes_of(name), bytes::Bytes::copy_from_slice(value.as_bytes()));
        }
    }
    list
}

/// Whether a field is for one connection only. `content-length` of a response is not.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

fn bytes_of(name: &HeaderName) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(name.as_str().as_bytes())
}

//! The opening handshake of a WebSocket (RFC 6455 section 4.1), over HTTP/1.1 and through the same rules and
//! limits as every other request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderValue};
use http::{StatusCode, Version};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};

use super::hop::Hop;
use super::pool::PoolKey;
use super::{Client, ErrorKind, FetchError, FetchRequest, FetchResponse, error};

/// What both sides hash with the key, so that no other server's answer passes for an agreement.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A connection that speaks WebSocket from now on.
pub type Connection = TokioIo<Upgraded>;

impl Client {
    /// Asks for a WebSocket: the response, and the connection when the server agreed (101). Redirects are
    /// not followed; the request's body is not sent.
    pub async fn websocket(
        &self,
        request: FetchRequest,
    ) -> Result<(FetchResponse, Option<Connection>), FetchError> {
        let mut hop = Hop::first(request)?;
        let (target, peer) = hop.target()?;
        let pool = self.pools.lock().get(PoolKey { target, http1_only: true });
        let mut message = hop.message()?;
        let key = new_key()?;
        *message.version_mut() = Version::HTTP_11;
        set_fields(message.headers_mut(), &key)?;
        let sent = pool.request(message).await;
        let mut response = sent.map_err(|e| error::from_pool(&e, &peer))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok((hop.into_response(response), None));
        }
        check(response.headers(), &key)
            .map_err(|what| FetchError::new(ErrorKind::Peer, format!("{peer} {what}")))?;
        let upgraded = hyper::upgrade::on(&mut response).await;
        let upgraded = upgraded.map_err(|e| error::from_hyper(&e, &peer.to_string()))?;
        Ok((hop.into_response(response), Some(TokioIo::new(upgraded))))
    }
}

fn new_key() -> Result<String, FetchError> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)
        .map_err(|e| FetchError::new(ErrorKind::Request, format!("no random bytes: {e}")))?;
    Ok(STANDARD.encode(nonce))
}

fn set_fields(headers: &mut HeaderMap, key: &str) -> Result<(), FetchError> {
    let key = HeaderValue::from_str(key)
        .map_err(|e| FetchError::new(ErrorKind::Request, e.to_string()))?;
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    // None is known here, and a server must not choose one that was not offered.
    headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
    headers.remove(header::CONTENT_LENGTH);
    Ok(())
}

/// What is wrong with a 101, as the end of a sentence that begins with the server's name.
fn check(headers: &HeaderMap, key: &str) -> Result<(), &'static str> {
    let is = |name: &header::HeaderName, value: &[u8]| {
        headers.get_all(name).iter().any(|field| {
            let mut members = field.as_bytes().split(|byte| *byte == b',');
            members.any(|member| member.trim_ascii().eq_ignore_ascii_case(value))
        })
    };
    if !is(&header::UPGRADE, b"websocket") || !is(&header::CONNECTION, b"upgrade") {
        return Err("switched to a protocol that is not WebSocket");
    }
    let expected = STANDARD.encode(Sha1::digest(format!("{key}{GUID}")));
    let accepted = headers.get(header::SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|field| field.as_bytes().trim_ascii() != expected.as_bytes()) {
        return Err("did not accept the WebSocket handshake: its sec-websocket-accept is wrong");
    }
    if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        return Err("chose a WebSocket extension that was not offered");
    }
    if headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().count() > 1 {
        return Err("chose more than one WebSocket protocol");
    }
    Ok(())
}

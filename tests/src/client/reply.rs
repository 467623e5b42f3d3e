//! Responses: whole, or piece by piece.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::{Connection, chain};
use crate::{Error, Result};

/// A complete response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Reply {
    /// The first value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn headers_named(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .map_err(Error::during(format!("not JSON: {:?}", self.short_text())))
    }

    /// For messages.
    pub fn short_text(&self) -> String {
        let text = self.text();
        match text.char_indices().nth(2000) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

/// A response whose head has come. Dropping it hangs up.
#[derive(Debug)]
pub struct Opened {
    pub status: u16,
    pub version: Version,
    pub headers: HeaderMap,
    body: Incoming,
    trailers: Option<HeaderMap>,
    _connection: Connection,
}

impl Opened {
    pub(super) fn new(response: http::Response<Incoming>, connection: Connection) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            version: head.version,
            headers: head.headers,
            body,
            trailers: None,
            _connection: connection,
        }
    }

    /// The next piece of the body, `None` after the last; an error when the body is cut off.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            let frame = match self.body.frame().await? {
                Ok(frame) => frame,
                Err(error) => {
                    return Some(Err(Error::new(format!("body cut off: {}", chain(&error)))));
                }
            };
            match frame.into_data() {
                Ok(data) => return Some(Ok(data)),
                Err(other) => self.trailers = other.into_trailers().ok(),
            }
        }
    }

    /// Reads the rest.
    pub async fn finish(mut self) -> Result<Reply> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.next().await {
            body.extend_from_slice(&piece?);
        }
        Ok(Reply {
            status: self.status,
            version: self.version,
            headers: self.headers,
            body: body.freeze(),
            trailers: self.trailers,
        })
    }
}

//! The way to the origin and what comes back.

use std::future::Future;
use std::pin::Pin;

use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::upgrade::OnUpgrade;

use super::heads;
use super::page;
use crate::client::{BoxError, Client, FetchError, Origin, RawBody};
use crate::exchange::ResponseHead;

/// The origin's response.
pub(super) struct Answer {
    pub head: ResponseHead,
    pub body: RawBody,
    /// Of a 101 response.
    pub upgrade: Option<OnUpgrade>,
}

/// An answer to come.
pub(super) type Coming = Pin<Box<dyn Future<Output = Result<Answer, String>> + Send>>;

pub(super) fn send(client: Client, origin: Origin, request: http::Request<RawBody>) -> Coming {
    Box::pin(async move {
        let sent = client.forward(&origin, request).await;
        let mut response = sent.map_err(|e: FetchError| e.message)?;
        let upgraded = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
        let upgrade = upgraded.then(|| hyper::upgrade::on(&mut response));
        let (parts, body) = response.into_parts();
        let head = heads::response_head(&parts, !body.is_end_stream());
        let body = body.map_err(BoxError::from).boxed_unsync();
        Ok(Answer { head, body, upgrade })
    })
}

/// A page in the origin's place.
pub(super) fn bad_gateway(text: &str) -> Answer {
    let (head, body) = page::bad_gateway(text);
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    Answer { head, body, upgrade: None }
}

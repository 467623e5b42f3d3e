//! Cutting a connection: one whose request was given up while its body was being sent, and one on which a
//! body may come that nobody asked for.
//!
//! hyper closes an HTTP/1.1 connection whose request is dropped, but writes first what it has buffered:
//! towards a server that reads nothing that never ends, and TLS can't say its goodbye either.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use futures_util::task::AtomicWaker;
use http::{Extensions, Request, Response, StatusCode, Version, header};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use super::RawBody;

/// Travels with a connection, and is asked by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_cut: AtomicBool,
    /// The one task that drives the connection.
    driver: AtomicWaker,
}

impl Cut {
    fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Release);
        self.0.driver.wake();
    }

    /// Fails when the connection was cut; else the task is woken when it is.
    pub fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        self.0.driver.register(cx.waker());
        if self.0.is_cut.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection was cut"));
        }
        Ok(())
    }
}

/// Cuts the connection of a response that announces a body where its status allows none (RFC 9110
/// §15.3.5 and §15.4.5): what comes would be taken for the response to the next request.
pub(super) fn forbidden_body<B>(response: &Response<B>) {
    if !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || response.version() > Version::HTTP_11
    {
        return;
    }
    let headers = response.headers();
    let announced = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    if let Some(cut) = response.extensions().get::<Cut>().filter(|_| announced) {
        cut.cut();
    }
}

/// A request that is being sent. Dropped, it cuts its connection, unless others share that (HTTP/2).
#[derive(Debug)]
pub(super) struct Sending(Option<CaptureConnection>);

impl Sending {
    /// Of a message that is about to be given to a pool. One without a body needs none: its head fits the
    /// kernel's buffers.
    pub fn of(message: &mut Request<RawBody>) -> Self {
        let has_body = !http_body::Body::is_end_stream(message.body());
        Self(has_body.then(|| capture_connection(message)))
    }

    /// The connection may serve others from now on.
    pub fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let Some(captured) = self.0.take() else { return };
        let connected = captured.connection_metadata();
        if let Some(connected) = connected.as_ref().filter(|c| !c.is_negotiated_h2()) {
            let mut extensions = Extensions::new();
            connected.get_extras(&mut extensions);
            if let Some(cut) = extensions.get::<Cut>() {
                cut.cut();
            }
        }
    }
}

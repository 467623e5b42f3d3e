//! Counters of the `ext_proc` front end, read by telemetry.

use std::sync::atomic::{AtomicU64, Ordering};

use super::proto::processing_request::Request;
use crate::exchange::Side;

/// Messages by kind, in the order of [`MESSAGE_KINDS`].
pub const MESSAGE_KINDS: [&str; 6] = [
    "request_headers",
    "response_headers",
    "request_body",
    "response_body",
    "request_trailers",
    "response_trailers",
];

/// What came in since the start of the process, and what is open now.
#[derive(Debug, Default)]
pub struct Stats {
    messages: [AtomicU64; 6],
    body_bytes: [AtomicU64; 2],
    streams_open: AtomicU64,
    streams_total: AtomicU64,
    connections_open: AtomicU64,
    protocol_errors: AtomicU64,
}

impl Stats {
    /// Messages received, each kind with its name.
    pub fn messages(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        MESSAGE_KINDS.into_iter().zip(self.messages.iter().map(|n| n.load(Ordering::Relaxed)))
    }

    /// Body bytes that Envoy sent here: 0 for bodies that no Worker touched.
    pub fn body_bytes(&self, side: Side) -> u64 {
        self.body_bytes[side as usize].load(Ordering::Relaxed)
    }

    pub fn streams_open(&self) -> u64 {
        self.streams_open.load(Ordering::Relaxed)
    }

    pub fn streams_total(&self) -> u64 {
        self.streams_total.load(Ordering::Relaxed)
    }

    pub fn connections_open(&self) -> u64 {
        self.connections_open.load(Ordering::Relaxed)
    }

    /// Streams that ended because the peer broke the protocol.
    pub fn protocol_errors(&self) -> u64 {
        self.protocol_errors.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, request: &Request) {
        let kind = match request {
            Request::RequestHeaders(_) => 0,
            Request::ResponseHeaders(_) => 1,
            Request::RequestBody(body) => {
                self.body_bytes[0].fetch_add(body.body.len() as u64, Ordering::Relaxed);
                2
            }
            Request::ResponseBody(body) => {
                self.body_bytes[1].fetch_add(body.body.len() as u64, Ordering::Relaxed);
                3
            }
            Request::RequestTrailers(_) => 4,
            Request::ResponseTrailers(_) => 5,
        };
        self.messages[kind].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn protocol_error(&self) {
        self.protocol_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stream_opened(&self) {
        self.streams_open.fetch_add(1, Ordering::Relaxed);
        self.streams_total.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stream_closed(&self) {
        self.streams_open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn connection_opened(&self) {
        self.connections_open.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connection_closed(&self) {
        self.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

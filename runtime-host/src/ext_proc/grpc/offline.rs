//! Exchanges without a connection, on the calling thread: messages come from a list, replies go into
//! one. What lies between is what serves Envoy; the micro benchmarks measure it with this.

use std::slice::Iter;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use prost::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::framing::{self, Decoder};
use super::transport::PENDING_BYTES;
use super::{Received, Server};
use crate::exchange::Engine;
use crate::ext_proc::proto::ProcessingResponse;
use crate::ext_proc::stream::{self, Messages, Replies};
use crate::ext_proc::{Settings, Stats, Status};

/// A server that is called.
pub struct Offline {
    server: Server,
}

impl Offline {
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        let (settings, stats) = (Settings::default(), Arc::new(Stats::default()));
        let (shutdown, streams) = (CancellationToken::new(), TaskTracker::new());
        Self { server: Server { engine, settings, stats, shutdown, streams } }
    }

    /// Plays one exchange and returns the frames of its replies. Each message of `frames` is given
    /// when all that those before it led to is done.
    ///
    /// # Panics
    /// When the exchange waits for something else, such as a timer or a subrequest, and when its
    /// stream ends with an error.
    pub fn exchange(&self, frames: &[Bytes]) -> Vec<Bytes> {
        let mut sent = Vec::new();
        let incoming = Listed { left: frames.iter(), decoder: Decoder::new(usize::MAX) };
        let outgoing = Kept { pending: BytesMut::new(), sent: &mut sent };
        // On the heap, as a task is.
        let mut stream = Box::pin(stream::run(HeaderMap::new(), incoming, outgoing, &self.server));
        let polled = stream.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready(), "the exchange waits for something that is not in its messages");
        drop(stream);
        sent
    }
}

/// A message as Envoy's gRPC stream carries it.
pub fn frame(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::new();
    framing::encode(message, &mut frame);
    frame.freeze()
}

struct Listed<'a> {
    left: Iter<'a, Bytes>,
    decoder: Decoder,
}

impl Messages for Listed<'_> {
    fn poll_message(&mut self, _cx: &mut Context<'_>) -> Poll<Received> {
        loop {
            match self.decoder.next() {
                Ok(Some(message)) => return Poll::Ready(Received::Message(message)),
                Err(status) => return Poll::Ready(Received::Refused(status)),
                Ok(None) => {}
            }
            match self.left.next() {
                Some(frame) => self.decoder.feed(frame.clone()),
                None => return Poll::Ready(Received::HalfClosed),
            }
        }
    }
}

struct Kept<'a> {
    pending: BytesMut,
    sent: &'a mut Vec<Bytes>,
}

impl Replies for Kept<'_> {
    fn push(&mut self, reply: &ProcessingResponse) {
        framing::encode(reply, &mut self.pending);
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= PENDING_BYTES
    }

    fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        if self.has_pending() {
            self.sent.push(self.pending.split().freeze());
        }
        Poll::Ready(Ok(()))
    }

    fn poll_reset(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    async fn finish(&mut self, status: &Status) {
        assert!(status.is_ok(), "the exchange was refused: {status}");
        if self.has_pending() {
            self.sent.push(self.pending.split().freeze());
        }
    }
}

//! The two directions of a gRPC stream.

use std::fmt::Write as _;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Response};
use prost::Message;

use super::framing::{self, Decoder};
use crate::ext_proc::proto::ProcessingResponse;
use crate::ext_proc::status::Status;
use crate::ext_proc::stream::{Messages, Replies};

/// Messages of the client.
pub(crate) struct Incoming {
    body: RecvStream,
    decoder: Decoder,
}

/// What the client did next.
#[derive(Debug)]
pub(crate) enum Received {
    Message(Bytes),
    /// It sends no more.
    HalfClosed,
    /// The stream or its connection is gone.
    Broken,
    /// It broke the framing.
    Refused(Status),
}

impl Incoming {
    pub fn new(body: RecvStream, max_message_bytes: usize) -> Self {
        Self { body, decoder: Decoder::new(max_message_bytes) }
    }

    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        loop {
            match self.decoder.next() {
                Ok(Some(message)) => return Poll::Ready(Received::Message(message)),
                Err(status) => return Poll::Ready(Received::Refused(status)),
                Ok(None) => {}
            }
            match ready!(self.body.poll_data(cx)) {
                Some(Ok(frame)) => {
                    // Frames are only read while the Worker keeps up, so what was read counts
                    // as consumed. It fails only for a stream that is gone, as poll_data will.
                    let _gone = self.body.flow_control().release_capacity(frame.len());
                    self.decoder.feed(frame);
                }
                Some(Err(_)) => return Poll::Ready(Received::Broken),
                None if self.decoder.is_at_boundary() => {
                    return Poll::Ready(Received::HalfClosed);
                }
                None => {
                    let status = Status::invalid("the stream ended within a message");
                    return Poll::Ready(Received::Refused(status));
                }
            }
        }
    }

    pub async fn message(&mut self) -> Received {
        poll_fn(|cx| self.poll_message(cx)).await
    }
}

impl Messages for Incoming {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        Self::poll_message(self, cx)
    }
}

/// Replies up to this many bytes together are left to `h2`'s buffer; more wait for window, so that a
/// client that takes nothing holds back the Worker and not memory.
const UNPACED_BYTES: usize = 16 * 1024;

/// What is encoded ahead of the network: as much as a stream's window usually takes at once.
pub(super) const PENDING_BYTES: usize = 256 * 1024;

/// Messages to the client.
pub(crate) struct Outgoing {
    respond: SendResponse<Bytes>,
    stream: Option<SendStream<Bytes>>,
    /// Encoded and not yet handed to `h2`.
    pending: BytesMut,
    /// Bytes that may still be left to `h2`'s buffer without a look at the window.
    unpaced_bytes: usize,
}

impl Outgoing {
    pub fn new(respond: SendResponse<Bytes>) -> Self {
        Self { respond, stream: None, pending: BytesMut::new(), unpaced_bytes: UNPACED_BYTES }
    }

    /// Encodes messages; [`Outgoing::poll_flush`] sends them.
    pub fn push(&mut self, message: &impl Message) {
        framing::encode(message, &mut self.pending);
    }

    /// Whether what is pending is enough for now: flush before more is pushed.
    pub fn is_full(&self) -> bool {
        self.pending.len() >= PENDING_BYTES
    }

    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Hands everything pending to `h2`, waiting for window where it is much.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        while !self.pending.is_empty() {
            self.open()?;
            let Some(stream) = &mut self.stream else { break };
            let mut sendable = self.pending.len();
            if sendable <= self.unpaced_bytes {
                self.unpaced_bytes -= sendable;
            } else {
                stream.reserve_capacity(sendable);
                if stream.capacity() == 0 {
                    match ready!(stream.poll_capacity(cx)) {
                        Some(granted) => granted?,
                        None => return Poll::Ready(Err(Reason::CANCEL.into())),
                    };
                }
                sendable = sendable.min(stream.capacity());
                // There is window left beyond all that `h2` has: it holds nothing back.
                self.unpaced_bytes = UNPACED_BYTES;
            }
            stream.send_data(self.pending.split_to(sendable).freeze(), false)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the client reset the stream, also while no message is read from it.
    pub fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.stream {
            Some(stream) => stream.poll_reset(cx).map(|_| ()),
            None => self.respond.poll_reset(cx).map(|_| ()),
        }
    }

    /// Sends what is pending and ends the stream with `status`.
    pub async fn finish(&mut self, status: &Status) {
        let sent = async {
            poll_fn(|cx| self.poll_flush(cx)).await?;
            self.send_status(status)
        };
        if let Err(error) = sent.await {
            tracing::debug!(%error, "the end of a gRPC stream could not be sent");
        }
    }

    fn send_status(&mut self, status: &Status) -> Result<(), h2::Error> {
        let mut trailers = HeaderMap::with_capacity(2);
        trailers.insert("grpc-status", HeaderValue::from(status.code as u16));
        if let Ok(message) = HeaderValue::from_str(&percent_encoded(&status.message))
            && !message.is_empty()
        {
            trailers.insert("grpc-message", message);
        }
        if let Some(stream) = &mut self.stream {
            return stream.send_trailers(trailers);
        }
        // "Trailers-Only": nothing was sent before.
        trailers.insert(http::header::CONTENT_TYPE, GRPC);
        let mut response = Response::new(());
        *response.headers_mut() = trailers;
        self.respond.send_response(response, true).map(drop)
    }

    /// The response's headers go out with the first message.
    fn open(&mut self) -> Result<(), h2::Error> {
        if self.stream.is_none() {
            let mut response = Response::new(());
            response.headers_mut().insert(http::header::CONTENT_TYPE, GRPC);
            self.stream = Some(self.respond.send_response(response, false)?);
        }
        Ok(())
    }
}

impl Replies for Outgoing {
    fn push(&mut self, reply: &ProcessingResponse) {
        Self::push(self, reply);
    }

    fn is_full(&self) -> bool {
        Self::is_full(self)
    }

    fn has_pending(&self) -> bool {
        Self::has_pending(self)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        Self::poll_flush(self, cx)
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Self::poll_reset(self, cx)
    }

    async fn finish(&mut self, status: &Status) {
        Self::finish(self, status).await;
    }
}

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// gRPC's encoding of `grpc-message` ("Responses"): printable ASCII but `%` stays.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ok = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

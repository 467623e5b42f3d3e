//! A request body that is written while it is sent, with back-pressure.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::cut::Sending;
use super::{BoxError, ErrorKind, FetchError};
use crate::exchange::BODY_WINDOW_BYTES;

enum Part {
    Chunk(Bytes),
    End,
    Failed(String),
}

/// A body to be written through the sender. `length` becomes the `content-length` and must then be
/// kept to; without it the body is chunked.
pub fn upload(length: Option<u64>) -> (UploadSender, Upload) {
    let (parts, received) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(BODY_WINDOW_BYTES));
    let cancelled = CancellationToken::new();
    let upload = Upload {
        received,
        room: room.clone(),
        left: length,
        ended: false,
        cancelled: cancelled.clone(),
        when_cancelled: Box::pin(cancelled.cancelled_owned()),
    };
    (UploadSender { parts, room }, upload)
}

/// The writing end. Dropping it without [`UploadSender::finish`] breaks the request off.
#[derive(Debug)]
pub struct UploadSender {
    parts: mpsc::UnboundedSender<Part>,
    room: Arc<Semaphore>,
}

impl UploadSender {
    /// Hands a chunk over, once less than a body window of earlier bytes waits to be sent.
    pub async fn send(&self, chunk: Bytes) -> Result<(), UploadClosed> {
        if chunk.is_empty() {
            return Ok(());
        }
        let permits =
            self.room.acquire_many(permits_for(&chunk)).await.map_err(|_| UploadClosed)?;
        permits.forget();
        self.parts.send(Part::Chunk(chunk)).map_err(|_| UploadClosed)
    }

    /// The body is complete.
    pub fn finish(self) {
        // When nobody receives any more, the request is over anyway.
        let _ = self.parts.send(Part::End);
    }

    /// The body can't be completed: the request is broken off with this reason.
    pub fn abort(self, reason: impl Into<String>) {
        let _ = self.parts.send(Part::Failed(reason.into()));
    }
}

/// A chunk larger than the window takes all of it.
fn permits_for(chunk: &Bytes) -> u32 {
    chunk.len().min(BODY_WINDOW_BYTES) as u32
}

/// The request is over; nobody reads its body any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadClosed;

impl fmt::Display for UploadClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request ended before its body was sent")
    }
}

impl std::error::Error for UploadClosed {}

/// The sending end, the body of a [`super::FetchRequest`].
pub struct Upload {
    received: mpsc::UnboundedReceiver<Part>,
    room: Arc<Semaphore>,
    left: Option<u64>,
    ended: bool,
    cancelled: CancellationToken,
    when_cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Upload {
    /// Cancels the upload when dropped, wherever the body itself has gone.
    pub(super) fn canceller(&self) -> UploadCanceller {
        let (token, room) = (self.cancelled.clone(), self.room.clone());
        UploadCanceller(Some(Cancelled { token, room, sending: None }))
    }

    fn failure(&mut self, message: String) -> BoxError {
        self.ended = true;
        Box::new(FetchError::new(ErrorKind::Upload, message))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.when_cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(self.failure("the request was cancelled".to_owned()))));
        }
        match ready!(self.received.poll_recv(cx)) {
            Some(Part::Chunk(chunk)) => {
                self.room.add_permits(permits_for(&chunk) as usize);
                if let Some(left) = self.left {
                    let Some(left) = left.checked_sub(chunk.len() as u64) else {
                        let message = "the request body is longer than its declared length";
                        return Poll::Ready(Some(Err(self.failure(message.to_owned()))));
                    };
                    self.left = Some(left);
                }
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Some(Part::End) => {
                self.ended = true;
                if self.left.is_some_and(|left| left > 0) {
                    let message = "the request body is shorter than its declared length";
                    return Poll::Ready(Some(Err(self.failure(message.to_owned()))));
                }
                Poll::Ready(None)
            }
            Some(Part::Failed(reason)) => {
                let message = format!("the request body failed: {reason}");
                Poll::Ready(Some(Err(self.failure(message))))
            }
            None => {
                let message = "the request body was abandoned before its end";
                Poll::Ready(Some(Err(self.failure(message.to_owned()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Writers that wait for room learn that there will be none.
        self.room.close();
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("left", &self.left).finish_non_exhaustive()
    }
}

/// See [`Upload::canceller`].
#[derive(Debug, Default)]
pub(super) struct UploadCanceller(Option<Cancelled>);

#[derive(Debug)]
struct Cancelled {
    token: CancellationToken,
    room: Arc<Semaphore>,
    sending: Option<Sending>,
}

impl UploadCanceller {
    /// The exchange is complete: the upload may finish by itself.
    pub(super) fn disarm(&mut self) {
        if let Some(sending) = self.0.take().and_then(|cancelled| cancelled.sending) {
            sending.over();
        }
    }

    /// The connection on which the upload is.
    pub(super) fn watch(&mut self, sending: Sending) {
        match &mut self.0 {
            Some(cancelled) => cancelled.sending = Some(sending),
            None => sending.over(),
        }
    }
}

impl Drop for UploadCanceller {
    fn drop(&mut self) {
        let Some(Cancelled { token, room, sending }) = self.0.take() else { return };
        // Its body was dropped: all of it is sent, and others may have the connection.
        let is_sent = room.is_closed();
        token.cancel();
        // The connection drops the body only once it can write; its writer need not wait.
        room.close();
        if let Some(sending) = sending.filter(|_| is_sent) {
            sending.over();
        }
    }
}

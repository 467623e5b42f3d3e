//! A body that arrives: untouched until JavaScript reads it or it is passed on.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body;

use crate::client::RawBody;
use crate::exchange::BODY_WINDOW_BYTES;

/// The states of an arriving body.
#[derive(Debug, Default)]
pub(super) enum Arriving {
    /// There is none (yet), it has ended, or it was passed on.
    #[default]
    Gone,
    Untouched(RawBody),
    /// JavaScript reads it; `ahead` bytes were delivered and not yet taken.
    Read {
        body: RawBody,
        ahead: usize,
    },
    /// Read and thrown away, so that the connection stays usable.
    Discarded(RawBody),
}

/// What came of a body that is read.
#[derive(Debug)]
pub(super) enum Arrived {
    Chunk(Bytes),
    End,
    Failed(String),
}

impl Arriving {
    /// JavaScript begins to read. `false`: there is nothing to be read any more.
    pub(super) fn read(&mut self) -> bool {
        match std::mem::take(self) {
            Self::Untouched(body) => {
                *self = Self::Read { body, ahead: 0 };
                true
            }
            other => {
                *self = other;
                matches!(self, Self::Read { .. })
            }
        }
    }

    pub(super) fn consumed(&mut self, bytes: usize) {
        if let Self::Read { ahead, .. } = self {
            *ahead = ahead.saturating_sub(bytes);
        }
    }

    pub(super) fn discard(&mut self) {
        if let Self::Untouched(body) | Self::Read { body, .. } = std::mem::take(self) {
            *self = Self::Discarded(body);
        }
    }

    /// The body, for passing it on as it is.
    pub(super) fn pass_on(&mut self) -> Option<RawBody> {
        match std::mem::take(self) {
            Self::Untouched(body) => Some(body),
            other => {
                *self = other;
                None
            }
        }
    }

    /// What arrives of a body that is read; pending for others, and while JavaScript lags behind.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrived> {
        match self {
            Self::Read { body, ahead } if *ahead < BODY_WINDOW_BYTES => {
                let arrived = ready!(poll_chunk(body, cx));
                match &arrived {
                    Arrived::Chunk(chunk) => *ahead += chunk.len(),
                    Arrived::End | Arrived::Failed(_) => *self = Self::Gone,
                }
                Poll::Ready(arrived)
            }
            Self::Discarded(body) => {
                while let Arrived::Chunk(_) = ready!(poll_chunk(body, cx)) {}
                *self = Self::Gone;
                Poll::Pending
            }
            _ => Poll::Pending,
        }
    }

    /// Reads and throws away what is left.
    pub(super) async fn drain(mut self) {
        self.discard();
        std::future::poll_fn(|cx| match &mut self {
            Self::Discarded(body) => {
                while let Arrived::Chunk(_) = ready!(poll_chunk(body, cx)) {}
                Poll::Ready(())
            }
            _ => Poll::Ready(()),
        })
        .await;
    }
}

/// The next bytes, never empty. Trailers end where JavaScript reads a body: it has no place for
/// them.
fn poll_chunk(body: &mut RawBody, cx: &mut Context<'_>) -> Poll<Arrived> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(Arrived::End),
            Some(Err(e)) => return Poll::Ready(Arrived::Failed(e.to_string())),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Poll::Ready(Arrived::Chunk(data)),
                _ => {}
            },
        }
    }
}

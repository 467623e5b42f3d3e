//! Response bodies that are made while they are sent, and request bodies that are watched while
//! they are read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;

use super::records::{Shared, Upload};
use crate::pattern;

pub type OriginBody = UnsyncBoxBody<Bytes, io::Error>;
pub type Piece = io::Result<Frame<Bytes>>;

/// A whole body, with its length known.
pub fn full(bytes: impl Into<Bytes>) -> OriginBody {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body of unknown length.
pub fn stream(pieces: impl Stream<Item = Piece> + Send + 'static) -> OriginBody {
    BodyExt::boxed_unsync(StreamBody::new(pieces))
}

/// `total` bytes of the pattern in pieces of `piece`.
pub fn pattern_pieces(total: u64, piece: usize) -> impl Stream<Item = Piece> + Send {
    futures_util::stream::unfold(0u64, move |offset| async move {
        let len = piece.min(usize::try_from(total - offset).unwrap_or(usize::MAX));
        (len > 0).then(|| (Ok(Frame::data(pattern::bytes(offset, len))), offset + len as u64))
    })
}

/// A body that stops with an error, which resets the stream or closes the connection.
pub fn broken_after(bytes: u64) -> OriginBody {
    let end = futures_util::stream::once(async {
        // Time for the part before it to leave.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Err(io::Error::other("broken off on request"))
    });
    stream(pattern_pieces(bytes, 16 * 1024).chain(end))
}

/// Reads a request body to its end, keeping the record. `None` when it broke off.
pub async fn read(mut body: Incoming, record: &Shared) -> Option<(Vec<u8>, Option<HeaderMap>)> {
    let mut bytes = Vec::new();
    let mut trailers = None;
    loop {
        match body.frame().await {
            None => {
                record.change(|r| r.upload = Upload::Complete);
                return Some((bytes, trailers));
            }
            Some(Err(_)) => {
                record.change(|r| r.upload = Upload::Broken);
                return None;
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    record.change(|r| r.body_bytes += data.len() as u64);
                    bytes.extend_from_slice(&data);
                }
                Err(other) => trailers = other.into_trailers().ok(),
            },
        }
    }
}

/// A body that notes in the record whether it was read to its end.
#[derive(Debug)]
pub struct Watched {
    inner: OriginBody,
    record: Shared,
    done: bool,
}

impl Watched {
    pub fn new(inner: OriginBody, record: Shared) -> Self {
        Self { done: false, inner, record }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.record.change(|r| r.sent_bytes += data.len() as u64);
        }
        if frame.is_none() || self.inner.is_end_stream() {
            self.done = true;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let done = self.done || self.inner.is_end_stream();
        self.record.change(|r| {
            r.answered = done;
            r.abandoned = !done;
        });
    }
}

//! Request bodies.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::{Error, Result};

type Piece = io::Result<Frame<Bytes>>;

/// What a request carries.
#[derive(Debug)]
pub enum ClientBody {
    Empty,
    Full(Bytes),
    Pieces { body: Bytes, piece: usize, trailers: Option<HeaderMap> },
    Channel(mpsc::Receiver<Piece>),
}

impl ClientBody {
    pub(super) fn into_hyper(self) -> BoxBody<Bytes, io::Error> {
        match self {
            Self::Empty => Empty::new().map_err(|never| match never {}).boxed(),
            Self::Full(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed(),
            Self::Pieces { mut body, piece, trailers } => {
                let mut frames = Vec::new();
                while !body.is_empty() {
                    let part = body.split_to(piece.clamp(1, body.len()));
                    frames.push(Ok(Frame::data(part)));
                }
                frames.extend(trailers.map(|map| Ok(Frame::trailers(map))));
                BodyExt::boxed(StreamBody::new(stream::iter(frames)))
            }
            Self::Channel(receiver) => BodyExt::boxed(StreamBody::new(stream::unfold(
                receiver,
                |mut receiver| async move { Some((receiver.recv().await?, receiver)) },
            ))),
        }
    }
}

/// Writes a request body. Dropping it ends the body in good order.
#[derive(Debug)]
pub struct BodySender(mpsc::Sender<Piece>);

impl BodySender {
    pub(super) fn new() -> (Self, ClientBody) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), ClientBody::Channel(receiver))
    }

    /// Waits until the connection takes more.
    pub async fn send(&self, bytes: impl Into<Bytes>) -> Result<()> {
        self.0
            .send(Ok(Frame::data(bytes.into())))
            .await
            .map_err(|_| Error::new("the request body is not read any more"))
    }

    /// Breaks the body off: the peer sees a broken message.
    pub async fn fail(self) {
        // When nobody listens any more there is nothing left to break.
        drop(self.0.send(Err(io::Error::other("broken off by the test"))).await);
    }
}

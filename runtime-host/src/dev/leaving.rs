//! A body that leaves, and what it tells its exchange.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::client::{BoxError, RawBody};
use crate::exchange::Side;

/// What leaving bodies report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// So many of the Worker's bytes were handed to the network, or will never be.
    Bytes(Side, usize),
    /// The network needs no more of this body: all was sent, or its peer is gone.
    End { side: Side, complete: bool },
}

/// Parts of a body that the Worker writes.
#[derive(Debug)]
pub(super) enum Part {
    Chunk(Bytes),
    End,
    Failed(String),
}

/// Where the bytes come from. The channel needs no bound: the engine counts what is in it.
#[derive(Debug)]
pub(super) enum Source {
    Empty,
    Full(Bytes),
    Passed(RawBody),
    Fed(Fed),
}

/// The taking end of [`feed`].
#[derive(Debug)]
pub(super) struct Fed {
    side: Side,
    parts: UnboundedReceiver<Part>,
    report: UnboundedSender<Sent>,
}

impl Fed {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Part>> {
        let part = ready!(self.parts.poll_recv(cx));
        if let Some(Part::Chunk(chunk)) = &part {
            say(&self.report, Sent::Bytes(self.side, chunk.len()));
        }
        Poll::Ready(part)
    }
}

impl Drop for Fed {
    /// What will not be sent is given back: its writer may wait for room.
    fn drop(&mut self) {
        self.parts.close();
        let mut unsent = 0;
        while let Ok(part) = self.parts.try_recv() {
            if let Part::Chunk(chunk) = part {
                unsent += chunk.len();
            }
        }
        if unsent > 0 {
            say(&self.report, Sent::Bytes(self.side, unsent));
        }
    }
}

fn say(report: &UnboundedSender<Sent>, sent: Sent) {
    // Nobody listens once the exchange is over.
    let _ = report.send(sent);
}

/// A body on its way to the network. Its length is not told to hyper, for the head tells it.
struct Leaving {
    side: Side,
    source: Source,
    /// Bytes until the declared length is reached.
    left: Option<u64>,
    ended: bool,
    report: UnboundedSender<Sent>,
}

/// The body for hyper. `length` is what the head declares: hyper asks for no more than that.
pub(super) fn leaving(
    side: Side,
    source: Source,
    length: Option<u64>,
    report: &UnboundedSender<Sent>,
) -> RawBody {
    let ended = match &source {
        Source::Empty => true,
        Source::Full(bytes) => bytes.is_empty(),
        Source::Passed(body) => body.is_end_stream(),
        Source::Fed(_) => false,
    };
    Leaving { side, source, left: length, ended, report: report.clone() }.boxed_unsync()
}

/// A pair: where the exchange writes, and where the body takes from.
pub(super) fn feed(side: Side, report: &UnboundedSender<Sent>) -> (UnboundedSender<Part>, Source) {
    let (sender, parts) = mpsc::unbounded_channel();
    (sender, Source::Fed(Fed { side, parts, report: report.clone() }))
}

impl Leaving {
    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.source {
            Source::Empty => Poll::Ready(None),
            Source::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.source = Source::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Source::Passed(body) => {
                let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
                self.ended = body.is_end_stream();
                Poll::Ready(frame)
            }
            Source::Fed(fed) => Poll::Ready(match ready!(fed.poll_part(cx)) {
                Some(Part::Chunk(chunk)) => Some(Ok(Frame::data(chunk))),
                Some(Part::End) => None,
                Some(Part::Failed(reason)) => Some(Err(reason.into())),
                None => Some(Err("the exchange ended before the body did".into())),
            }),
        }
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.poll_source(cx));
        match &frame {
            None => self.ended = true,
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.left = self.left.map(|left| left.saturating_sub(bytes));
                self.ended |= matches!(self.source, Source::Empty);
            }
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let complete = self.ended || self.left == Some(0);
        say(&self.report, Sent::End { side: self.side, complete });
    }
}

//! One direction of an exchange: the request on its way to the upstream, or the response on its
//! way to the client.

use std::collections::VecDeque;

use bytes::Bytes;

use super::diff::Changes;
use super::mode::BodyMode;
use super::texts;
use crate::exchange::{BODY_WINDOW_BYTES, Event, HeaderList, OutBody, Side};

/// How much of an arriving body is kept for a Worker that sends a body of its own instead, in
/// case it still reads it. More is dropped: the gRPC stream is one pipe for both directions, so
/// waiting for the Worker could hold up the response that the Worker waits for.
const LATE_BODY_BYTES: usize = 4 * BODY_WINDOW_BYTES;

pub(super) struct Leg {
    pub side: Side,
    /// What Envoy does with the body now, as far as is known here.
    pub mode: BodyMode,
    /// What the filter is configured to do.
    pub configured: BodyMode,
    pub head: Head,
    pub has_body: bool,
    pub arriving: Arriving,
    /// What Worker and Envoy's messages have left here: arrived and not yet delivered or sent on.
    pub queue: VecDeque<Bytes>,
    queued_bytes: usize,
    pub reader: Reader,
    /// Bytes given to the Worker that it has not taken yet.
    pub unconsumed: usize,
    pub plan: Plan,
    /// Header changes that wait for the reply which can carry them.
    pub changes: Option<Changes>,
    /// Body messages of the 1:1 modes that have no reply yet.
    pub owed_bodies: usize,
    pub owes_trailers: bool,
    /// The arriving body was cut at Envoy's buffer limit, which is said here for the Worker: the rest
    /// follows what leaves, unseen.
    pub cut: Option<String>,
}

/// Where the header message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Awaited,
    /// It came; Envoy waits for the reply.
    Owed,
    Replied,
}

/// Where the arriving body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arriving {
    NotStarted,
    Started,
    Ended,
}

/// What JavaScript does with the arriving body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Not read so far.
    Untouched,
    Reading,
    /// All of it was delivered, or an error in its place.
    Finished,
    /// Whatever comes is dropped.
    Dropping,
}

/// What leaves.
pub(super) enum Plan {
    Undecided,
    /// What arrives goes on as it came.
    AsItCame,
    Own(Leaving),
    /// Everything was sent.
    Done,
}

/// A body of the Worker's own on its way out.
#[derive(Default)]
pub(super) struct Leaving {
    pub chunks: VecDeque<Bytes>,
    pub bytes: usize,
    /// Of how many bytes a stream will be, if that is known.
    pub length: Option<u64>,
    /// No more chunks will come.
    pub ended: bool,
    pub error: Option<String>,
    /// Of `bytes`, those that the Worker's outbox still counts.
    unreleased: usize,
}

impl Leaving {
    /// `head` is the one that leaves with it, if the Worker gave one.
    pub fn new(body: OutBody, head: Option<&HeaderList>) -> Self {
        let mut leaving = Self { ended: true, ..Self::default() };
        match body {
            OutBody::Full(bytes) if !bytes.is_empty() => leaving.push(bytes),
            OutBody::Full(_) | OutBody::Empty | OutBody::AsItCame => {}
            OutBody::Stream => {
                leaving.ended = false;
                leaving.length = head.and_then(HeaderList::content_length);
            }
        }
        leaving
    }

    fn push(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
    }

    /// A chunk that the outbox counts.
    pub fn push_counted(&mut self, chunk: Bytes) {
        self.unreleased += chunk.len();
        self.push(chunk);
    }

    /// All of the body is here.
    pub fn is_whole(&self) -> bool {
        self.ended && self.error.is_none()
    }

    /// Takes up to `limit` bytes of the next chunk, and how many of them to release.
    pub fn pop(&mut self, limit: usize) -> Option<(Bytes, usize)> {
        let front = self.chunks.front_mut()?;
        let piece = if front.len() > limit {
            front.split_to(limit)
        } else {
            self.chunks.pop_front().unwrap_or_default()
        };
        self.bytes -= piece.len();
        let released = piece.len().min(self.unreleased);
        self.unreleased -= released;
        Some((piece, released))
    }

    /// Takes all that is there as one buffer, and how many bytes to release.
    pub fn take(&mut self) -> (Bytes, usize) {
        let released = std::mem::take(&mut self.unreleased);
        if self.chunks.len() <= 1 {
            self.bytes = 0;
            return (self.chunks.pop_front().unwrap_or_default(), released);
        }
        let mut all = Vec::with_capacity(std::mem::take(&mut self.bytes));
        for chunk in self.chunks.drain(..) {
            all.extend_from_slice(&chunk);
        }
        (all.into(), released)
    }

    /// The bytes stay here until the end, so the Worker may go on writing: how many to release.
    pub fn collect(&mut self) -> usize {
        std::mem::take(&mut self.unreleased)
    }
}

impl Leg {
    pub fn new(side: Side, mode: BodyMode) -> Self {
        Self {
            side,
            mode,
            configured: mode,
            head: Head::Awaited,
            has_body: false,
            arriving: Arriving::NotStarted,
            queue: VecDeque::new(),
            queued_bytes: 0,
            reader: Reader::Untouched,
            unconsumed: 0,
            plan: Plan::Undecided,
            changes: None,
            owed_bodies: 0,
            owes_trailers: false,
            cut: None,
        }
    }

    pub fn head_arrived(&mut self, has_body: bool) {
        self.head = Head::Owed;
        self.has_body = has_body;
        if !has_body {
            self.arriving = Arriving::Ended;
        }
    }

    /// Whether this direction needs nothing more.
    pub fn is_done(&self) -> bool {
        matches!(self.plan, Plan::Done)
    }

    pub fn own(&mut self) -> Option<&mut Leaving> {
        match &mut self.plan {
            Plan::Own(leaving) => Some(leaving),
            _ => None,
        }
    }

    /// A part of the body arrived.
    pub fn chunk(&mut self, chunk: Bytes, events: &mut Vec<Event>) {
        if chunk.is_empty() {
            return;
        }
        match self.reader {
            Reader::Reading => {
                self.unconsumed += chunk.len();
                events.push(Event::Chunk(self.side, chunk));
                if self.needs_no_more() && self.unconsumed > LATE_BODY_BYTES {
                    self.fail_reader(texts::read_too_late(self.side), events);
                    self.drop_arriving();
                }
            }
            Reader::Untouched if !self.is_done() => {
                self.queued_bytes += chunk.len();
                self.queue.push_back(chunk);
                if self.own().is_some() && self.queued_bytes > LATE_BODY_BYTES {
                    self.drop_arriving();
                }
            }
            Reader::Untouched | Reader::Finished | Reader::Dropping => {}
        }
    }

    /// The Worker's own body is complete: what arrives can't change what leaves.
    fn needs_no_more(&self) -> bool {
        match &self.plan {
            Plan::Own(leaving) => leaving.ended,
            Plan::Done => true,
            Plan::Undecided | Plan::AsItCame => false,
        }
    }

    pub fn drop_arriving(&mut self) {
        self.reader = Reader::Dropping;
        self.queue.clear();
        self.queued_bytes = 0;
        self.unconsumed = 0;
    }

    pub fn end(&mut self, events: &mut Vec<Event>) {
        self.arriving = Arriving::Ended;
        if self.reader == Reader::Reading {
            match self.cut.clone() {
                Some(reason) => self.fail_reader(reason, events),
                None => {
                    self.reader = Reader::Finished;
                    events.push(Event::End(self.side));
                }
            }
        }
    }

    /// The Worker begins to read: hands over what has arrived.
    pub fn deliver_queue(&mut self, events: &mut Vec<Event>) {
        self.reader = Reader::Reading;
        self.unconsumed += std::mem::take(&mut self.queued_bytes);
        for chunk in self.queue.drain(..) {
            events.push(Event::Chunk(self.side, chunk));
        }
        if self.arriving == Arriving::Ended {
            self.end(events);
        }
    }

    pub fn take_queued(&mut self) -> Option<Bytes> {
        let chunk = self.queue.pop_front()?;
        self.queued_bytes -= chunk.len();
        Some(chunk)
    }

    /// Tells the Worker that the body can't be had.
    pub fn fail_reader(&mut self, reason: String, events: &mut Vec<Event>) {
        self.reader = Reader::Finished;
        self.unconsumed = 0;
        events.push(Event::BodyError(self.side, reason));
    }

    /// More bytes wait for the Worker than the window allows, and it can be waited for. Once it
    /// decided what leaves it may wait for the other direction, which comes in the same stream.
    pub fn is_full(&self) -> bool {
        let waiting = self.unconsumed + self.queued_bytes;
        let may_block = match self.reader {
            Reader::Reading => !self.needs_no_more(),
            _ => !matches!(self.plan, Plan::Own(_) | Plan::Done),
        };
        may_block && waiting > BODY_WINDOW_BYTES
    }
}

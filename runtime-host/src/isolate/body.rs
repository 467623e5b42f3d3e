//! Bodies as an isolate sees them: those that arrive and those that JavaScript writes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::inbound::Collected;
use super::message::{BodyId, InvocationId, LeavingId, OpId};
use super::socket::SocketId;
use crate::exchange::{BODY_WINDOW_BYTES, HeaderList, Side};

/// Bytes that JavaScript gets at once from a stream. A proxy may send a megabyte in one message; a
/// transformation then has several copies of a chunk at the same time.
pub const CHUNK_MAX_BYTES: usize = 64 * 1024;

/// Where an arriving body comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Exchange(Side),
    Subrequest,
}

/// An arriving body, and the head it belongs to when it is a response's.
#[derive(Debug)]
pub struct Arriving {
    pub invocation: InvocationId,
    pub source: Source,
    pub phase: Phase,
    chunks: VecDeque<Bytes>,
    /// Bytes in `chunks`.
    queued: usize,
    /// What came since all of it was wanted.
    collected: Collected,
    pub waiting: Option<Reader>,
    pub headers: HeaderList,
    /// The reason phrase of a subrequest's response; empty for the exchange's own bodies.
    pub status_text: String,
    /// The final URL of a subrequest; empty for the exchange's own bodies.
    pub url: String,
    pub redirected: bool,
    /// The WebSocket that a subrequest asked for; 0: it did not, or got none.
    pub socket: SocketId,
    /// Of a subrequest's response, if it is known.
    pub length: Option<u64>,
    /// Bytes of the subrequest's own body that may still be on their way.
    pub upload_bytes: usize,
    /// The subrequest's own body, when JavaScript writes it.
    pub upload: Option<LeavingId>,
    /// Where it goes as it comes, without JavaScript.
    pub relay: Option<LeavingId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// JavaScript has not touched it.
    Untouched,
    Reading,
    Ended,
    Failed(String),
}

/// An op that waits for the body.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    pub op: OpId,
    pub want: Want,
}

/// What a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    Chunk,
    /// The whole body, as bytes.
    Bytes,
    /// The whole body, as the text that it is in UTF-8.
    Text,
}

impl Arriving {
    pub fn new(invocation: InvocationId, source: Source) -> Self {
        Self {
            invocation,
            source,
            phase: Phase::Untouched,
            chunks: VecDeque::new(),
            queued: 0,
            collected: Collected::default(),
            waiting: None,
            headers: HeaderList::default(),
            status_text: String::new(),
            url: String::new(),
            redirected: false,
            socket: 0,
            length: None,
            upload_bytes: 0,
            upload: None,
            relay: None,
        }
    }

    /// Keeps a chunk until somebody reads.
    pub fn push(&mut self, chunk: Bytes) {
        self.queued += chunk.len();
        self.chunks.push_back(chunk);
    }

    /// The next piece of what is kept, of [`CHUNK_MAX_BYTES`] at most.
    pub fn pop(&mut self) -> Option<Bytes> {
        let first = self.chunks.front_mut()?;
        let piece = if first.len() > CHUNK_MAX_BYTES {
            first.split_to(CHUNK_MAX_BYTES)
        } else {
            self.chunks.pop_front()?
        };
        self.queued -= piece.len();
        Some(piece)
    }

    /// The next of the chunks that are kept, as it came.
    pub fn pop_whole(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.pop_front()?;
        self.queued -= chunk.len();
        Some(chunk)
    }

    /// Adds a chunk to the whole that is wanted; `expected` is how long that will be, if it can be
    /// believed.
    pub fn collect(&mut self, chunk: Bytes, expected: Option<usize>) {
        self.collect_queue(expected);
        self.collected.push(chunk, expected);
    }

    fn collect_queue(&mut self, expected: Option<usize>) {
        self.queued = 0;
        for chunk in self.chunks.drain(..) {
            self.collected.push(chunk, expected);
        }
    }

    pub fn clear(&mut self) {
        self.chunks.clear();
        self.queued = 0;
        self.collected = Collected::default();
    }

    /// Everything that came.
    pub fn take_all(&mut self) -> Collected {
        self.collect_queue(None);
        std::mem::take(&mut self.collected)
    }

    /// Bytes that are kept here.
    pub fn buffered(&self) -> usize {
        self.queued + self.collected.len()
    }
}

/// Where a leaving body goes.
#[derive(Clone, Debug)]
pub enum Sink {
    Exchange(Side),
    Upload(Arc<UploadFlow>),
}

/// A body that JavaScript writes, or the host in its place.
#[derive(Debug)]
pub struct Leaving {
    pub invocation: InvocationId,
    pub sink: Sink,
    /// The writer that waits for room.
    pub waiting: Option<OpId>,
    /// Bytes until the declared length is reached, if one was declared.
    pub left: Option<u64>,
    /// The arriving body that the host sends on as this one.
    pub relays: Option<BodyId>,
}

impl Leaving {
    /// Counts bytes that are written; false when that is more than was declared.
    pub fn take(&mut self, bytes: usize) -> bool {
        let Some(left) = self.left else { return true };
        self.left = left.checked_sub(bytes as u64);
        self.left.is_some()
    }

    pub fn is_short(&self) -> bool {
        self.left.is_some_and(|left| left > 0)
    }
}

/// Bytes of an upload between JavaScript and the HTTP client.
#[derive(Debug, Default)]
pub struct UploadFlow {
    bytes: AtomicUsize,
}

impl UploadFlow {
    /// Counts bytes in; true while the writer may go on at once.
    pub fn add(&self, bytes: usize) -> bool {
        self.bytes.fetch_add(bytes, Ordering::AcqRel) + bytes < BODY_WINDOW_BYTES
    }

    pub fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Acquire) < BODY_WINDOW_BYTES
    }

    /// Counts bytes out; true when a waiting writer may go on.
    pub fn release(&self, bytes: usize) -> bool {
        let before = self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        before >= BODY_WINDOW_BYTES / 2 && before.saturating_sub(bytes) < BODY_WINDOW_BYTES / 2
    }
}

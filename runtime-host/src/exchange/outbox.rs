//! The queue of commands of one exchange.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use super::{BODY_WINDOW_BYTES, Command, Side};

/// Commands from the engine to one front-end task. The engine pushes a whole turn's commands at
/// once; the task drains them at once.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: Mutex<VecDeque<Command>>,
    waker: AtomicWaker,
    leaving: [Leaving; 2],
}

/// Bytes written by the Worker and not yet released, and whether the writer waits for room.
#[derive(Debug, Default)]
struct Leaving {
    bytes: AtomicUsize,
    wants_room: AtomicBool,
}

impl Outbox {
    /// Engine: publishes a turn's commands (leaving `commands` empty) and wakes the front end.
    pub fn publish(&self, commands: &mut Vec<Command>) {
        if commands.is_empty() {
            return;
        }
        self.queue.lock().extend(commands.drain(..));
        self.waker.wake();
    }

    /// Engine: counts bytes that a Worker wrote to a leaving body, when it writes them.
    pub fn count(&self, side: Side, bytes: usize) {
        self.leaving[side as usize].bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Engine: whether a writer may go on writing; if not, [`super::Event::Drained`] will follow.
    pub fn has_room(&self, side: Side) -> bool {
        let leaving = &self.leaving[side as usize];
        if leaving.bytes.load(Ordering::Acquire) < BODY_WINDOW_BYTES {
            return true;
        }
        leaving.wants_room.store(true, Ordering::SeqCst);
        // The front end may have released everything before it could see the flag.
        if leaving.bytes.load(Ordering::SeqCst) < BODY_WINDOW_BYTES {
            leaving.wants_room.store(false, Ordering::SeqCst);
            return true;
        }
        false
    }

    /// Front end: `bytes` of a leaving body were handed to the network. When this returns true,
    /// post [`super::Event::Drained`] for that side.
    #[must_use]
    pub fn release(&self, side: Side, bytes: usize) -> bool {
        let leaving = &self.leaving[side as usize];
        let before = leaving.bytes.fetch_sub(bytes, Ordering::SeqCst);
        before - bytes < BODY_WINDOW_BYTES / 2 + 1
            && leaving.wants_room.swap(false, Ordering::SeqCst)
    }

    /// Front end: takes all commands there are now.
    pub fn drain(&self, into: &mut Vec<Command>) {
        into.extend(self.queue.lock().drain(..));
    }

    /// Front end: waits until there are commands and takes them all.
    pub fn poll_drain(&self, cx: &mut Context<'_>, into: &mut Vec<Command>) -> Poll<()> {
        self.drain(into);
        if !into.is_empty() {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        self.drain(into);
        if into.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }
}

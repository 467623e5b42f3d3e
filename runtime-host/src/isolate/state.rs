//! The host's state of one isolate, reached by ops through the isolate's data slot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::adoption::Watches;
use super::body::{Arriving, Leaving};
use super::ids::{IdMap, Ids};
use super::invocation::Invocation;
use super::load::ModuleMap;
use super::memory::BufferMeter;
use super::message::{BodyId, Effect, InvocationId, Message, OpId};
use super::rejections::Rejections;
use super::resources::Resources;
use super::socket::Socket;
use crate::limits::Limit;
use crate::ops::html_rewriter::Rewriters;
use crate::worker::Bundle;

const STATE_SLOT: u32 = 0;

/// Everything ops work on. One per isolate; only touched by the thread that holds its lock.
pub struct State {
    pub bundle: Arc<Bundle>,
    pub invocations: IdMap<Invocation>,
    pub bodies: IdMap<Arriving>,
    pub leaving: IdMap<Leaving>,
    /// Who waits for a response's head: the invocation, and the body when it is a subrequest's.
    pub fetches: IdMap<(InvocationId, Option<BodyId>)>,
    /// Bytes that were given to the cache and that it may not have taken yet.
    pub puts: IdMap<usize>,
    /// `WebSocket`s that are not closed.
    pub sockets: IdMap<Socket>,
    pub socket_ids: Ids,
    /// Whose a pending timer is.
    pub timers: IdMap<InvocationId>,
    /// Timers that the current turn set, in their order: one that is cleared in the same turn
    /// never leaves it, so that a loop of both costs nothing.
    new_timers: BTreeMap<u32, (InvocationId, Duration)>,
    pub modules: ModuleMap,
    pub effects: Vec<Effect>,
    pub body_ids: Ids,
    pub leaving_ids: Ids,
    /// Invocations touched by the current turn.
    pub touched: Vec<InvocationId>,
    /// Promises that were rejected and have no handler yet, and what becomes of them.
    pub rejections: Rejections,
    /// Responses of upstreams that perhaps nobody looks at.
    pub watches: Watches,
    /// Codecs, HTML rewriters.
    pub resources: Resources,
    /// What they share.
    pub rewriters: Rewriters,
    pub meter: Arc<BufferMeter>,
    /// Modules are being evaluated: no request, so no I/O.
    pub starting: bool,
    /// A turn kept its thread's other work waiting for long.
    pub held_thread: bool,
    /// Bytes of console lines in this turn that belong to no invocation.
    pub stray_log_bytes: usize,
}

/// What becomes of a console line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRoom {
    Fits,
    /// It is the first that does not fit.
    JustFull,
    Full,
}

impl State {
    pub fn new(bundle: Arc<Bundle>, meter: Arc<BufferMeter>) -> Box<Self> {
        Box::new(Self {
            bundle,
            invocations: IdMap::default(),
            bodies: IdMap::default(),
            leaving: IdMap::default(),
            fetches: IdMap::default(),
            puts: IdMap::default(),
            sockets: IdMap::default(),
            socket_ids: Ids::default(),
            timers: IdMap::default(),
            new_timers: BTreeMap::new(),
            modules: ModuleMap::default(),
            effects: Vec::new(),
            body_ids: Ids::default(),
            leaving_ids: Ids::default(),
            touched: Vec::new(),
            rejections: Rejections::default(),
            watches: Watches::default(),
            resources: Resources::default(),
            rewriters: Rewriters::default(),
            meter,
            starting: true,
            held_thread: false,
            stray_log_bytes: 0,
        })
    }

    /// Whether a message begins an invocation or belongs to one that is not over.
    pub fn is_concerned(&self, message: &Message) -> bool {
        matches!(message, Message::Start { .. })
            || self.invocations.contains_key(&self.invocation_of(message))
    }

    /// The invocation a message belongs to; 0 when it is over.
    pub fn invocation_of(&self, message: &Message) -> InvocationId {
        match message {
            Message::Start { id, .. }
            | Message::Exchange { id, .. }
            | Message::Timer { id, .. }
            | Message::Subrequest { id, .. }
            | Message::Answered { id, .. }
            | Message::Expired { id, .. } => *id,
            Message::Socket { socket, .. } => {
                self.sockets.get(socket).map_or(0, |socket| socket.invocation)
            }
            Message::Chunk { body, .. } | Message::End { body } | Message::Failed { body, .. } => {
                self.bodies.get(body).map_or(0, |body| body.invocation)
            }
            Message::UploadRoom { leaving } => {
                self.leaving.get(leaving).map_or(0, |leaving| leaving.invocation)
            }
        }
    }

    /// The invocation with this id, marked as touched by the turn.
    pub fn touch(&mut self, id: InvocationId) -> Option<&mut Invocation> {
        let invocation = self.invocations.get_mut(&id)?;
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        Some(invocation)
    }

    /// Takes room for a console line of so many bytes.
    pub fn log_room(&mut self, current: Option<InvocationId>, bytes: usize) -> LogRoom {
        let most = self.bundle.settings.limits.log_bytes();
        let invocation = current.and_then(|id| self.invocations.get_mut(&id));
        let (used, limits) = match invocation {
            Some(invocation) => (&mut invocation.log_bytes, Some(&mut invocation.limits)),
            None => (&mut self.stray_log_bytes, None),
        };
        if *used > most {
            return LogRoom::Full;
        }
        *used = used.saturating_add(bytes);
        if *used <= most {
            return LogRoom::Fits;
        }
        if let Some(limits) = limits {
            limits.insert(Limit::Log);
        }
        LogRoom::JustFull
    }

    /// Sets a timer of a live invocation.
    pub fn start_timer(&mut self, id: InvocationId, timer: u32, delay: Duration) {
        if let Some(invocation) = self.touch(id) {
            invocation.timers.insert(timer);
            self.timers.insert(timer, id);
            self.new_timers.insert(timer, (id, delay));
        }
    }

    /// A timer fired; false when it was cleared before.
    pub fn end_timer(&mut self, id: InvocationId, timer: u32) -> bool {
        let pending = self.touch(id).is_some_and(|i| i.timers.remove(&timer));
        if pending {
            self.timers.remove(&timer);
        }
        pending
    }

    /// Clears a timer of any invocation: they share the isolate's numbers.
    pub fn clear_timer(&mut self, timer: u32) {
        let Some(id) = self.timers.remove(&timer) else { return };
        if let Some(invocation) = self.touch(id) {
            invocation.timers.remove(&timer);
        }
        if self.new_timers.remove(&timer).is_none() {
            self.effects.push(Effect::ClearTimer { id, timer });
        }
    }

    /// Gives away what the turn wants done.
    pub fn take_effects(&mut self, into: &mut Vec<Effect>) {
        into.append(&mut self.effects);
        while let Some((timer, (id, delay))) = self.new_timers.pop_first() {
            into.push(Effect::Timer { id, timer, delay });
        }
    }

    /// `op` will not be settled: JavaScript drops it when the invocation is over.
    pub fn abandon(&mut self, id: InvocationId, op: OpId) {
        if let Some(invocation) = self.touch(id)
            && let Some(at) = invocation.waiting.iter().position(|waiting| *waiting == op)
        {
            invocation.waiting.swap_remove(at);
            invocation.abandoned.push(op);
        }
    }
}

/// Puts the state into the isolate's slot.
///
/// # Safety
/// `state` must outlive every entry into the isolate.
pub unsafe fn install(isolate: &mut v8::Isolate, state: *mut State) {
    isolate.set_data(STATE_SLOT, state.cast());
}

/// Works on the isolate's state. `f` must not call JavaScript: that would let another op borrow
/// the state again.
///
/// # Panics
/// When the isolate has no state: the snapshot is being made, where ops may not be called.
pub fn with<R>(isolate: &v8::Isolate, f: impl FnOnce(&mut State) -> R) -> R {
    let state = isolate.get_data(STATE_SLOT).cast::<State>();
    assert!(!state.is_null(), "host functions need a Worker's isolate");
    // SAFETY: `install` put a pointer there that outlives the entry into the isolate; the caller
    // holds the isolate's lock; no borrow overlaps because `f` does not run JavaScript.
    f(unsafe { &mut *state })
}

/// Whether the isolate runs a Worker; those that test the snapshot's JavaScript do not.
#[cfg(test)]
pub fn is_installed(isolate: &v8::Isolate) -> bool {
    !isolate.get_data(STATE_SLOT).is_null()
}

/// Whether the isolate evaluates a Worker's modules.
pub fn is_starting(isolate: &v8::Isolate) -> bool {
    let state = isolate.get_data(STATE_SLOT).cast::<State>();
    // An isolate without a Worker has no state: one that the platform's own tests run in.
    !state.is_null() && with(isolate, |s| s.starting)
}

/// The invocation whose code is running, as V8 carries it along with promises and callbacks.
pub fn current(scope: &v8::PinScope<'_, '_>) -> Option<InvocationId> {
    let data = scope.get_continuation_preserved_embedder_data();
    v8::Local::<v8::Integer>::try_from(data)
        .ok()
        .and_then(|id| InvocationId::try_from(id.value()).ok())
        .filter(|id| *id != 0)
}

/// Makes `id` the running invocation; 0 for none.
pub fn enter(scope: &v8::PinScope<'_, '_>, id: InvocationId) {
    let id = v8::Integer::new_from_unsigned(scope, id);
    scope.set_continuation_preserved_embedder_data(id.into());
}

//! The host's state of one isolate, reached by ops through the isolate's data slot.

use std::collections::HashMap;
use std::sync::Arc;

use super::body::{Arriving, Leaving};
use super::invocation::{Ids, Invocation, InvocationMap};
use super::load::ModuleMap;
use super::memory::BufferMeter;
use super::message::{BodyId, Effect, InvocationId, LeavingId};
use crate::worker::Bundle;

const STATE_SLOT: u32 = 0;

/// Everything ops work on. One per isolate; only touched by the thread that holds its lock.
pub struct State {
    pub bundle: Arc<Bundle>,
    pub invocations: InvocationMap,
    pub bodies: HashMap<BodyId, Arriving>,
    pub leaving: HashMap<LeavingId, Leaving>,
    pub modules: ModuleMap,
    pub effects: Vec<Effect>,
    pub body_ids: Ids,
    pub leaving_ids: Ids,
    /// Invocations touched by the current turn.
    pub touched: Vec<InvocationId>,
    /// Rejected promises that have no handler yet, with the reason.
    pub unhandled: Vec<(v8::Global<v8::Promise>, v8::Global<v8::Value>)>,
    pub meter: Arc<BufferMeter>,
    /// Modules are being evaluated: no request, so no I/O.
    pub starting: bool,
}

impl State {
    pub fn new(bundle: Arc<Bundle>, meter: Arc<BufferMeter>) -> Box<Self> {
        Box::new(Self {
            bundle,
            invocations: HashMap::new(),
            bodies: HashMap::new(),
            leaving: HashMap::new(),
            modules: ModuleMap::default(),
            effects: Vec::new(),
            body_ids: Ids::default(),
            leaving_ids: Ids::default(),
            touched: Vec::new(),
            unhandled: Vec::new(),
            meter,
            starting: true,
        })
    }

    /// The invocation with this id, marked as touched by the turn.
    pub fn touch(&mut self, id: InvocationId) -> Option<&mut Invocation> {
        let invocation = self.invocations.get_mut(&id)?;
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        Some(invocation)
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

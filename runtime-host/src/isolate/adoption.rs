//! Finds out that nobody looks at the upstream's response.
//!
//! `async fetch(request) { return fetch(request) }` returns a promise that *follows* the one of the
//! continuing `fetch()`. When that is all that ever becomes of the latter, the proxy need not show
//! us the response. V8 tells who listens to a promise only through its promise hook, which is on
//! from the continuing `fetch()` until its promise is seen in other company, or the turn ends.
//!
//! What a promise that follows another does, when its turn comes, looks like this and like nothing
//! else: its job begins, one listener is attached with no JavaScript on the stack, its job ends.
//! (ECMA-262 §27.2.2.2 `NewPromiseResolveThenableJob`; a reaction's job resolves its promise.)
//!
//! Nothing rests on that alone. The fetch is *rejected*, and only when this rejection comes out of
//! the handler is the upstream's response its answer. A listener that came too late to be seen gets
//! a rejection that says why, never a wrong value.

use v8::{Global, Local, PinScope, Promise, PromiseHookType};

use super::dispatch::Turn;
use super::hooks::{Kind, Value};
use super::message::{InvocationId, OpId};
use super::state;

/// Watched at once: one turn of an isolate rarely continues more than one exchange. Each of them is
/// looked at for each event, so there is a limit; those beyond it have an ordinary response phase.
const WATCHES_MAX: usize = 16;

/// Promises that follow one another, from `fetch()` to the handler: one for each async function.
const CHAIN_MAX: usize = 16;

/// What the promise hook works on.
#[derive(Default)]
pub struct Watches {
    open: Vec<Watch>,
    /// The promise whose job began with the last event.
    job: Option<Global<Promise>>,
    /// What the handler that the turn began returned.
    returned: Option<Returned>,
}

/// A handler's pending promise. We listen to it at the end of its first turn: until then V8 can say
/// whether anybody else does.
pub struct Returned {
    pub id: InvocationId,
    pub promise: Global<Promise>,
    pub succeeded: Global<v8::Function>,
    pub failed: Global<v8::Function>,
}

impl Returned {
    fn listen(self, scope: &mut PinScope<'_, '_>) {
        let promise = Local::new(scope, self.promise);
        let succeeded = Local::new(scope, self.succeeded);
        let failed = Local::new(scope, self.failed);
        promise.then2(scope, succeeded, failed);
    }
}

struct Watch {
    id: InvocationId,
    /// The op that the `fetch()` waits for.
    op: OpId,
    /// The promise of `fetch()`, then those that follow: each is all that listens to the one before.
    chain: Vec<Global<Promise>>,
    /// Follows the chain's last one, if its job ends with the next event.
    joining: Option<Global<Promise>>,
    /// The handler's promise, once it is known and nobody but us has listened to it.
    answer: Option<Global<Promise>>,
}

impl Watch {
    fn is_unseen(&self) -> bool {
        self.joining.is_none() && self.answer.is_some() && self.chain.last() == self.answer.as_ref()
    }

    /// A listener is being attached to `parent`. False when somebody may look at the response.
    fn listened(&mut self, parent: Local<'_, Promise>, job: Option<&Global<Promise>>) -> bool {
        let Some(at) = self.chain.iter().position(|promise| *promise == parent) else {
            return self.answer.as_ref().is_none_or(|answer| *answer != parent);
        };
        let is_last = at + 1 == self.chain.len() && self.chain.len() < CHAIN_MAX;
        self.joining = job.filter(|_| is_last && !parent.has_handler()).cloned();
        self.joining.is_some()
    }
}

impl Watches {
    fn event(
        &mut self,
        scope: &PinScope<'_, '_>,
        kind: PromiseHookType,
        promise: Local<'_, Promise>,
        parent: Local<'_, v8::Value>,
    ) {
        let job = self.job.take();
        if kind == PromiseHookType::After {
            for watch in &mut self.open {
                watch.chain.extend(watch.joining.take_if(|joining| *joining == promise));
            }
        }
        self.open.retain(|watch| watch.joining.is_none());
        match kind {
            PromiseHookType::Before => self.job = Some(Global::new(scope, promise)),
            PromiseHookType::Init => {
                let Ok(parent) = Local::<Promise>::try_from(parent) else { return };
                let job = job.filter(|_| !runs_javascript(scope));
                self.open.retain_mut(|watch| watch.listened(parent, job.as_ref()));
            }
            PromiseHookType::Resolve | PromiseHookType::After => {}
        }
    }
}

fn runs_javascript(scope: &PinScope<'_, '_>) -> bool {
    v8::StackTrace::current_stack_trace(scope, 1).is_none_or(|stack| stack.get_frame_count() > 0)
}

/// Watches the promise of the `fetch()` that continued an exchange.
pub fn watch(scope: &mut PinScope<'_, '_>, op: OpId, promise: Local<'_, Promise>) {
    let promise = Global::new(scope, promise);
    let begins = state::with(scope, |s| {
        let id = s.fetches.get(&op)?.0;
        let returned = s.watches.returned.as_ref().filter(|returned| returned.id == id);
        let answer = match returned {
            Some(Returned { promise, .. }) => is_unheard(scope, promise).then_some(promise),
            None => s.invocations.get(&id)?.answer.as_ref(),
        };
        let answer = answer.cloned();
        let open = &mut s.watches.open;
        (open.len() < WATCHES_MAX)
            .then(|| open.push(Watch { id, op, chain: vec![promise], joining: None, answer }))
    });
    if begins.is_some() {
        set_hook(scope, Some(on_promise));
    }
}

fn is_unheard(scope: &PinScope<'_, '_>, promise: &Global<Promise>) -> bool {
    !Local::new(scope, promise).has_handler()
}

/// A handler returned a promise. False when we may as well listen to it at once.
///
/// After the first turn our own listener hides others. `is_private` says that there are none: the
/// function's caller is the only one who ever has its promise.
pub fn answer(scope: &mut PinScope<'_, '_>, returned: Returned, is_private: bool) -> bool {
    let promise = Local::new(scope, &returned.promise);
    if promise.state() != v8::PromiseState::Pending || promise.has_handler() {
        return false;
    }
    state::with(scope, |s| {
        let id = returned.id;
        if let Some(watch) = s.watches.open.iter_mut().find(|watch| watch.id == id) {
            watch.answer = Some(returned.promise.clone());
        }
        if let Some(invocation) = s.invocations.get_mut(&id).filter(|_| is_private) {
            invocation.answer = Some(returned.promise.clone());
        }
        s.watches.returned = Some(returned);
    });
    true
}

/// At the end of a turn: settles the fetches that nobody looks at. The commands of a turn leave
/// together, so it is the last moment at which the proxy can be told.
pub fn settle(turn: &Turn<'_>, scope: &mut PinScope<'_, '_>) {
    let Watches { open, returned, .. } = state::with(scope, |s| std::mem::take(&mut s.watches));
    if !open.is_empty() {
        set_hook(scope, None);
    }
    if turn.heap.exhausted() || scope.is_execution_terminating() {
        return;
    }
    v8::tc_scope!(let scope, scope);
    if let Some(returned) = returned {
        returned.listen(scope);
        scope.perform_microtask_checkpoint();
    }
    for watch in open.into_iter().filter(Watch::is_unseen) {
        turn.settle(scope, watch.id, watch.op, Kind::Unseen, Value::Invocation(watch.id));
        scope.perform_microtask_checkpoint();
    }
}

/// # Safety
/// V8 calls it, with the context of the promise entered.
unsafe extern "C" fn on_promise(
    kind: PromiseHookType,
    promise: Local<'_, Promise>,
    parent: Local<'_, v8::Value>,
) {
    v8::callback_scope!(unsafe scope, promise);
    let is_over = state::with(scope, |s| {
        s.watches.event(scope, kind, promise, parent);
        s.watches.open.is_empty()
    });
    if is_over {
        set_hook(scope, None);
    }
}

unsafe extern "C" {
    /// `v8::Isolate::SetPromiseHook`, whose null turns the hook off: `Isolate::set_promise_hook`
    /// takes none.
    fn v8__Isolate__SetPromiseHook(isolate: v8::UnsafeRawIsolatePtr, hook: Option<v8::PromiseHook>);
}

fn set_hook(isolate: &v8::Isolate, hook: Option<v8::PromiseHook>) {
    // SAFETY: the isolate is alive and entered by this thread; both types are what C++ takes, a
    // pointer to the isolate and a nullable pointer to a function.
    unsafe { v8__Isolate__SetPromiseHook(isolate.as_raw_isolate_ptr(), hook) }
}

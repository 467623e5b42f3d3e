//! Promises that were rejected and that nobody handles
//! (<https://html.spec.whatwg.org/#unhandled-promise-rejections>).

use std::collections::VecDeque;

use v8::{Local, PinScope};

use super::hooks::{Hooks, call};
use super::message::InvocationId;
use super::{error, state};

/// Rejections of one turn that are kept, and those told of that may still get a handler. A flood of
/// them must not grow the host; the first ones tell the story.
const KEPT_MAX: usize = 64;
/// A listener may reject promises itself: how often that is looked at in one turn.
const ROUNDS_MAX: usize = 8;

/// What the hook `rejected` answers, as bits.
const LOG: u32 = 1;
const KEEP: u32 = 2;

/// A rejected promise.
pub struct Rejected {
    promise: v8::Global<v8::Promise>,
    reason: v8::Global<v8::Value>,
    /// Whose code rejected it; 0 for none.
    invocation: InvocationId,
}

/// Rejected promises of one isolate.
#[derive(Default)]
pub struct Rejections {
    /// Without a handler since this turn.
    unhandled: Vec<Rejected>,
    /// Told of in a turn before, while somebody listens for handlers that come late.
    told: VecDeque<Rejected>,
    /// Told of before, and handled in this turn.
    handled: Vec<Rejected>,
}

impl Rejections {
    fn reject(&mut self, rejected: Rejected) {
        if self.unhandled.len() < KEPT_MAX {
            self.unhandled.push(rejected);
        }
    }

    fn handle(&mut self, promise: &v8::Global<v8::Promise>) {
        self.unhandled.retain(|rejected| rejected.promise != *promise);
        if let Some(at) = self.told.iter().position(|rejected| rejected.promise == *promise) {
            self.handled.extend(self.told.remove(at));
        }
    }

    fn keep(&mut self, rejected: Rejected) {
        if self.told.len() == KEPT_MAX {
            self.told.pop_front();
        }
        self.told.push_back(rejected);
    }
}

/// Keeps rejected promises until the end of the turn, when it is clear that nobody handles them.
///
/// # Safety
/// V8 calls it, with a context entered.
pub unsafe extern "C" fn promise_rejected(message: v8::PromiseRejectMessage<'_>) {
    v8::callback_scope!(unsafe scope, &message);
    let promise = v8::Global::new(scope, message.get_promise());
    match message.get_event() {
        v8::PromiseRejectEvent::PromiseRejectWithNoHandler => {
            let reason = message.get_value().unwrap_or_else(|| v8::undefined(scope).into());
            let reason = v8::Global::new(scope, reason);
            let invocation = state::current(scope).unwrap_or(0);
            state::with(scope, |s| s.rejections.reject(Rejected { promise, reason, invocation }));
        }
        v8::PromiseRejectEvent::PromiseHandlerAddedAfterReject => {
            state::with(scope, |s| s.rejections.handle(&promise));
        }
        _ => {}
    }
}

/// Tells the Worker's listeners, and logs what they leave.
pub fn report(hooks: &Hooks, scope: &mut PinScope<'_, '_>) {
    v8::tc_scope!(let scope, scope);
    for _ in 0..ROUNDS_MAX {
        let (unhandled, handled) = state::with(scope, |s| {
            (std::mem::take(&mut s.rejections.unhandled), std::mem::take(&mut s.rejections.handled))
        });
        if unhandled.is_empty() && handled.is_empty() {
            break;
        }
        for rejected in handled {
            if tell(scope, &hooks.rejection_handled, &rejected).is_none() {
                return scope.reset();
            }
        }
        for rejected in unhandled {
            let Some(answer) = tell(scope, &hooks.rejected, &rejected) else {
                return scope.reset();
            };
            if answer & LOG != 0 {
                let bundle = state::with(scope, |s| s.bundle.clone());
                let reason = Local::new(scope, &rejected.reason);
                let text = error::describe(scope, &bundle, reason);
                tracing::warn!(target: "worker", worker = %bundle.name, "unhandled rejection: {text}");
            }
            if answer & KEEP != 0 {
                state::with(scope, |s| s.rejections.keep(rejected));
            }
        }
        scope.perform_microtask_checkpoint();
    }
    scope.reset();
}

/// What a hook answers; `None` when the turn was terminated.
fn tell(
    scope: &mut PinScope<'_, '_>,
    hook: &v8::Global<v8::Function>,
    rejected: &Rejected,
) -> Option<u32> {
    state::enter(scope, rejected.invocation);
    let promise = Local::new(scope, &rejected.promise).into();
    let reason = Local::new(scope, &rejected.reason);
    let answer = call(scope, hook, &[promise, reason])?;
    Some(answer.uint32_value(scope).unwrap_or(0))
}

//! Promises that were rejected and that nobody handles.

use v8::{Local, PinScope};

use super::{error, state};

/// Rejections of one turn that are kept for the log. A flood of them must not grow the host; the
/// first ones tell the story.
const KEPT_MAX: usize = 64;

/// Keeps rejected promises until the end of the turn, when it is clear that nobody handles them.
///
/// # Safety
/// V8 calls it, with a context entered.
pub unsafe extern "C" fn promise_rejected(message: v8::PromiseRejectMessage<'_>) {
    v8::callback_scope!(unsafe scope, &message);
    let promise = message.get_promise();
    match message.get_event() {
        v8::PromiseRejectEvent::PromiseRejectWithNoHandler => {
            let reason = message.get_value().unwrap_or_else(|| v8::undefined(scope).into());
            let entry = (v8::Global::new(scope, promise), v8::Global::new(scope, reason));
            state::with(scope, |s| {
                if s.unhandled.len() < KEPT_MAX {
                    s.unhandled.push(entry);
                }
            });
        }
        v8::PromiseRejectEvent::PromiseHandlerAddedAfterReject => {
            let promise = v8::Global::new(scope, promise);
            state::with(scope, |s| s.unhandled.retain(|(p, _)| *p != promise));
        }
        _ => {}
    }
}

/// Logs what is still unhandled.
pub fn report(scope: &mut PinScope<'_, '_>) {
    let rejected = state::with(scope, |s| std::mem::take(&mut s.unhandled));
    for (_, reason) in rejected {
        let bundle = state::with(scope, |s| s.bundle.clone());
        let reason = Local::new(scope, reason);
        let text = error::describe(scope, &bundle, reason);
        tracing::warn!(target: "worker", worker = %bundle.name, "unhandled rejection: {text}");
    }
}

//! Timers.

use std::time::Duration;

use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::{args, throw_error};
use crate::isolate::state;
use crate::limits::Limit;

/// `timerStart(timer, delay)`: the host fires `timer` after `delay` milliseconds.
pub fn timer_start(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let timer = args::id(scope, &args, 0);
    let delay = args.get(1).number_value(scope).unwrap_or(0.0);
    let delay = Duration::try_from_secs_f64(delay / 1e3).unwrap_or_default();
    let Some(id) = state::current(scope) else {
        return throw_error(scope, super::GLOBAL_SCOPE);
    };
    let started = state::with(scope, |s| {
        let most = s.bundle.settings.limits.timers as usize;
        let invocation = s.touch(id).ok_or(super::REQUEST_OVER)?;
        if invocation.timers.len() >= most {
            invocation.limits.insert(Limit::Timers);
            return Err("Too many timers are pending in this invocation.");
        }
        s.start_timer(id, timer, delay);
        Ok(())
    });
    if let Err(message) = started {
        throw_error(scope, message);
    }
}

/// `timerClear(timer)`
pub fn timer_clear(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let timer = args::id(scope, &args, 0);
    state::with(scope, |s| s.clear_timer(timer));
}

//! Facts about values that JavaScript cannot ask without running a Worker's code, and the clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::args;
use crate::isolate::message::InvocationId;
use crate::isolate::state::{LogRoom, State};
use crate::isolate::{clock, error, state, watch};

macro_rules! predicates {
    ($($(#[$doc:meta])* $name:ident = $method:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(
            _scope: &mut PinScope<'_, '_>,
            args: FunctionCallbackArguments<'_>,
            mut rv: ReturnValue<'_>,
        ) {
            rv.set_bool(args.get(0).$method());
        }
    )*};
}

predicates! {
    /// `isProxy(value) → boolean`
    is_proxy = is_proxy;
    /// `isError(value) → boolean`: an object made by an Error constructor.
    is_error = is_native_error;
    /// `isRegExp(value) → boolean`
    is_reg_exp = is_reg_exp;
    /// `isMap(value) → boolean`
    is_map = is_map;
    /// `isSet(value) → boolean`
    is_set = is_set;
    /// `isBytes(value) → boolean`: a view of an `ArrayBuffer`.
    is_bytes = is_array_buffer_view;
}

/// `promiseState(promise) → 0 pending | 1 fulfilled | 2 rejected`, or -1 for other values.
pub fn promise_state(
    _scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let state = v8::Local::<v8::Promise>::try_from(args.get(0)).map_or(-1, |promise| match promise
        .state()
    {
        v8::PromiseState::Pending => 0,
        v8::PromiseState::Fulfilled => 1,
        v8::PromiseState::Rejected => 2,
    });
    rv.set_int32(state);
}

/// `now() → number`: milliseconds since 1970, monotonic, as in Workers, where the time origin is 0:
/// one counted from the start of this process would tell Workers that they share it. When clocks
/// stand still, the time at which the turn began, and 0 while modules are evaluated.
pub fn now(
    scope: &mut PinScope<'_, '_>,
    _args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    static BEGAN: OnceLock<(Instant, Duration)> = OnceLock::new();
    if clock::freezes() && state::is_starting(scope) {
        return rv.set_double(0.0);
    }
    let (began, then) = *BEGAN.get_or_init(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (Instant::now(), since_1970)
    });
    let now = clock::freezes().then(watch::turn_began).flatten().unwrap_or_else(Instant::now);
    // A turn that began before the first call of the process, which is within it, is a little earlier.
    let shown = then + now.saturating_duration_since(began);
    rv.set_double(shown.as_secs_f64() * 1e3);
}

/// `currentInvocation() → number`: 0 outside of a request.
pub fn current_invocation(
    scope: &mut PinScope<'_, '_>,
    _args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    rv.set_uint32(state::current(scope).unwrap_or(0));
}

/// `console(level, text)`: a line of the Worker's for the log. Stacks in it tell positions in the
/// files that the author wrote.
pub fn console(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let level = args::string(scope, &args, 0).unwrap_or_default();
    let text = v8::Local::<v8::String>::try_from(args.get(1))
        .map_or_else(|_| String::new(), |text| error::bounded(scope, text));
    let text = if text.contains("    at ") {
        let bundle = state::with(scope, |s| s.bundle.clone());
        error::map_positions(&bundle, &text)
    } else {
        text
    };
    log_line(scope, &level, &text);
}

/// `reportException(value)`: an exception that no code of the Worker's caught, for the log.
pub fn report_exception(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let bundle = state::with(scope, |s| s.bundle.clone());
    let text = error::describe(scope, &bundle, args.get(0));
    log_line(scope, "error", &format!("uncaught: {text}"));
}

fn log_line(scope: &PinScope<'_, '_>, level: &str, text: &str) {
    let current = state::current(scope);
    state::with(scope, |s| match s.log_room(current, text.len()) {
        LogRoom::Fits => write_line(s, current, level, text),
        LogRoom::JustFull => {
            let most = s.bundle.settings.limits.log_kb;
            let note = format!(
                "what this request logs from here on is dropped: it is more than {most} KiB \
                 (limits.log_kb)"
            );
            write_line(s, current, "warn", &note);
        }
        LogRoom::Full => {}
    });
}

fn write_line(s: &State, current: Option<InvocationId>, level: &str, text: &str) {
    let invocation = current.and_then(|id| s.invocations.get(&id));
    let request_id = invocation.map_or("", |i| i.start.request_id.as_str());
    let (worker, version) = (s.bundle.name.as_str(), s.bundle.version.as_str());
    match level {
        "debug" => tracing::debug!(target: "console", worker, version, request_id, "{text}"),
        "warn" => tracing::warn!(target: "console", worker, version, request_id, "{text}"),
        "error" => tracing::error!(target: "console", worker, version, request_id, "{text}"),
        _ => tracing::info!(target: "console", worker, version, request_id, "{text}"),
    }
}

//! Facts about values that JavaScript cannot ask without running a Worker's code.

use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

/// `isProxy(value) → boolean`
pub fn is_proxy(
    _scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    rv.set_bool(args.get(0).is_proxy());
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

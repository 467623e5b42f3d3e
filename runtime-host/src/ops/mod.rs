//! Host functions that the snapshot's JavaScript calls, one file per API.
//!
//! An op is `fn(scope, args, return_value)`. Arguments come from code of ours, but carry a Worker's
//! values: an op checks types and bounds and throws a JavaScript exception; it never panics. An op
//! that finishes later takes an op id and is settled by the engine (see [`crate::engine`]).
#![allow(clippy::needless_pass_by_value)] // V8's callback signature takes its arguments by value.
#![allow(unsafe_code)] // Ops read and write V8's buffers; each block says why it holds.

mod base;
mod globals;

use v8::MapFnTo;

/// One host function.
pub struct Op {
    pub name: &'static str,
    pub callback: v8::FunctionCallback,
}

macro_rules! ops {
    ($($name:literal => $function:path),* $(,)?) => {
        vec![$(Op { name: $name, callback: $function.map_fn_to() }),*]
    };
}

/// Every op: the one list. Its order is part of the snapshot, which is made in the same process.
pub fn list() -> Vec<Op> {
    ops![
        "isProxy" => base::is_proxy,
        "promiseState" => base::promise_state,
        "queueMicrotask" => globals::queue_microtask,
        "errorLocation" => globals::error_location,
    ]
}

/// The `ops` object for the snapshot: a null-prototype object with every op.
pub fn object<'s>(scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Object> {
    let null = v8::null(scope).into();
    let object = v8::Object::with_prototype_and_properties(scope, null, &[], &[]);
    for op in list() {
        let name = v8::String::new(scope, op.name).expect("op names are short");
        let function = v8::Function::builder_raw(op.callback)
            .constructor_behavior(v8::ConstructorBehavior::Throw)
            .build(scope)
            .expect("a function is made from a live scope");
        function.set_name(name);
        object.set(scope, name.into(), function.into());
    }
    object
}

/// Throws a `TypeError`.
pub fn throw_type_error(scope: &mut v8::PinScope<'_, '_>, message: &str) {
    let message = v8::String::new(scope, message).unwrap_or_else(|| v8::String::empty(scope));
    let error = v8::Exception::type_error(scope, message);
    scope.throw_exception(error);
}

/// Throws a `RangeError`.
pub fn throw_range_error(scope: &mut v8::PinScope<'_, '_>, message: &str) {
    let message = v8::String::new(scope, message).unwrap_or_else(|| v8::String::empty(scope));
    let error = v8::Exception::range_error(scope, message);
    scope.throw_exception(error);
}

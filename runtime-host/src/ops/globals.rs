//! What the small globals need of the engine.

use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

/// `queueMicrotask(function)`: runs it at the next microtask checkpoint. The function must not
/// throw; the caller wraps a Worker's callback.
pub fn queue_microtask(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    match v8::Local::<v8::Function>::try_from(args.get(0)) {
        Ok(function) => scope.enqueue_microtask(function),
        Err(_) => super::throw_type_error(scope, "queueMicrotask takes a function"),
    }
}

/// `errorLocation(error) → [message, script, line, column]` as the engine would report the value
/// if nobody caught it. Line and column count from 1; a value that is no error has line 0.
pub fn error_location(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let message = v8::Exception::create_message(scope, args.get(0));
    let text = message.get(scope);
    let script = match message.get_script_resource_name(scope) {
        Some(name) if name.is_string() => name,
        _ => v8::String::empty(scope).into(),
    };
    let line = message.get_line_number(scope).unwrap_or(0);
    let column = if line == 0 { 0 } else { message.get_start_column() + 1 };
    let line = v8::Integer::new(scope, line as i32).into();
    let column = v8::Integer::new(scope, column as i32).into();
    rv.set(v8::Array::new_with_elements(scope, &[text.into(), script, line, column]).into());
}

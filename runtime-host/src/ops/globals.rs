//! What the small globals need of the engine.

use v8::{
    FunctionCallbackArguments, Local, MapFnTo, PinScope, PropertyAttribute,
    PropertyCallbackArguments, ReturnValue, SideEffectType,
};

use crate::isolate::{code_generation, state};

/// `lazyResolver(function)`: what gives the values of the properties that `exposeLazily` adds, by
/// their names. Called once, while the snapshot is made.
pub fn lazy_resolver(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    if let Some((place, key)) = resolver_place(scope) {
        place.set_private(scope, key, args.get(0));
    }
}

/// Where a context keeps its resolver, out of JavaScript's reach. V8 has room for data with each such
/// property, but a snapshot can't have functions there.
fn resolver_place<'s>(
    scope: &mut PinScope<'s, '_>,
) -> Option<(Local<'s, v8::Object>, Local<'s, v8::Private>)> {
    let object_prototype = v8::Object::new(scope).get_prototype(scope)?;
    let name = v8::String::new(scope, "nano.lazyResolver");
    let key = v8::Private::for_api(scope, name);
    Some((Local::<v8::Object>::try_from(object_prototype).ok()?, key))
}

/// `exposeLazily(name, enumerable, target)`: adds a global, or a property of `target`, whose value
/// the resolver gives when somebody first reads it. To JavaScript it is a plain property from the
/// beginning (Web IDL's interface objects are such). While the snapshot is made this may be called.
pub fn expose_lazily(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let Ok(name) = Local::<v8::Name>::try_from(args.get(0)) else {
        return super::throw_type_error(scope, "exposeLazily takes a name");
    };
    let attributes =
        if args.get(1).is_true() { PropertyAttribute::NONE } else { PropertyAttribute::DONT_ENUM };
    let target = Local::<v8::Object>::try_from(args.get(2));
    let target = target.unwrap_or_else(|_| scope.get_current_context().global(scope));
    let data = v8::undefined(scope).into();
    target.set_lazy_data_property_with_data(
        scope,
        name,
        read_lazily,
        data,
        attributes,
        SideEffectType::HasSideEffect,
        SideEffectType::HasSideEffect,
    );
}

/// The address that the snapshot has for such a property.
pub fn lazy_getter() -> v8::AccessorNameGetterCallback {
    read_lazily.map_fn_to()
}

/// V8 puts what this returns in the property's place; after an exception it asks again.
fn read_lazily(
    scope: &mut PinScope<'_, '_>,
    name: Local<'_, v8::Name>,
    _args: PropertyCallbackArguments<'_>,
    mut rv: ReturnValue<'_, v8::Value>,
) {
    let value = resolver_place(scope)
        .and_then(|(place, key)| place.get_private(scope, key))
        .and_then(|resolver| Local::<v8::Function>::try_from(resolver).ok())
        .and_then(|resolver| {
            let receiver = v8::undefined(scope).into();
            resolver.call(scope, receiver, &[name.into()])
        });
    if let Some(value) = value {
        rv.set(value);
    }
}

/// `microtaskCheckpoint()`: runs what is queued, between two tasks that one message to the isolate
/// brings. Nothing happens while microtasks run.
pub fn microtask_checkpoint(
    scope: &mut PinScope<'_, '_>,
    _args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    // Microtasks leave no invocation behind; the caller goes on with its own.
    let invocation = scope.get_continuation_preserved_embedder_data();
    scope.perform_microtask_checkpoint();
    scope.set_continuation_preserved_embedder_data(invocation);
}

/// `compatibilityFlags() → array`: the names that the Worker's wrangler file has.
pub fn compatibility_flags(
    scope: &mut PinScope<'_, '_>,
    _args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let bundle = state::with(scope, |s| s.bundle.clone());
    let names = bundle.settings.compatibility_flags.iter();
    let names: Vec<Local<'_, v8::Value>> =
        names.filter_map(|name| v8::String::new(scope, name).map(Into::into)).collect();
    rv.set(v8::Array::new_with_elements(scope, &names).into());
}

/// `codeGenerationAllowed() → boolean`: whether code may be made of strings and bytes.
pub fn code_generation_allowed(
    _scope: &mut PinScope<'_, '_>,
    _args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    rv.set_bool(code_generation::is_allowed());
}

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

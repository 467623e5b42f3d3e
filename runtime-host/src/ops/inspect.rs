//! What `console` needs to know of a value to show it without running any of its code.

use v8::{FunctionCallbackArguments, Local, PinScope, PropertyFilter, ReturnValue};

use super::structured_clone;

/// `inspectKind(value) → number`: what an object is. The numbers are those of `62_inspect.js`; below
/// 14 they are `objectKind`'s.
pub fn inspect_kind(
    _scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    rv.set_int32(kind(args.get(0)));
}

fn kind(value: Local<'_, v8::Value>) -> i32 {
    if value.is_proxy() {
        return 16;
    }
    if value.is_function() {
        return match (value.is_async_function(), value.is_generator_function()) {
            (false, false) => 17,
            (true, false) => 18,
            (false, true) => 19,
            (true, true) => 27,
        };
    }
    match structured_clone::kind(value) {
        structured_clone::UNCLONEABLE => other(value),
        structured_clone::PLAIN if value.is_arguments_object() => 26,
        kind => kind,
    }
}

fn other(value: Local<'_, v8::Value>) -> i32 {
    if value.is_symbol_object() {
        14
    } else if value.is_promise() {
        20
    } else if value.is_weak_map() {
        21
    } else if value.is_weak_set() {
        22
    } else if value.is_map_iterator() {
        23
    } else if value.is_set_iterator() {
        24
    } else if value.is_module_namespace_object() {
        25
    } else {
        0
    }
}

/// `proxyTarget(proxy) → object`: null for a revoked one.
pub fn proxy_target(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    match Local::<v8::Proxy>::try_from(args.get(0)) {
        Ok(proxy) => rv.set(proxy.get_target(scope)),
        Err(_) => rv.set_null(),
    }
}

/// `promiseResult(promise)`: what it is fulfilled or rejected with; undefined for a pending one and
/// for other values.
pub fn promise_result(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    if let Ok(promise) = Local::<v8::Promise>::try_from(args.get(0))
        && promise.state() != v8::PromiseState::Pending
    {
        rv.set(promise.result(scope));
    }
}

/// `ownKeys(object, skipIndices) → array`: its own enumerable strings and symbols. With
/// `skipIndices` without those of its elements: a large array has as many. Not for proxies.
pub fn own_keys(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let value = args.get(0);
    let Ok(object) = Local::<v8::Object>::try_from(value) else {
        return super::throw_type_error(scope, "an object was expected");
    };
    if value.is_proxy() {
        return super::throw_type_error(scope, "a proxy has no keys that can be told");
    }
    let index_filter = if args.get(1).is_true() {
        v8::IndexFilter::SkipIndices
    } else {
        v8::IndexFilter::IncludeIndices
    };
    let names = v8::GetPropertyNamesArgs {
        mode: v8::KeyCollectionMode::OwnOnly,
        property_filter: PropertyFilter::ONLY_ENUMERABLE,
        index_filter,
        key_conversion: v8::KeyConversionMode::ConvertToString,
    };
    // The binding of V8's function for own names takes no filter of indices.
    // Without an answer an exception is pending: a module's binding that has no value yet.
    if let Some(keys) = object.get_property_names(scope, names) {
        rv.set(keys.into());
    }
}

/// `previewEntries(iterator, most) → array`: what an iterator of a Map or Set still has, without
/// moving it: how many values in all, whether they are pairs, and the first values, `most` times two
/// of them.
pub fn preview_entries(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let Ok(object) = Local::<v8::Object>::try_from(args.get(0)) else { return };
    let (entries, pairs) = object.preview_entries(scope);
    let Some(entries) = entries else { return };
    let most = args.get(1).uint32_value(scope).unwrap_or(0).saturating_mul(2);
    let size = v8::Integer::new_from_unsigned(scope, entries.length()).into();
    let mut shown = vec![size, v8::Boolean::new(scope, pairs).into()];
    for index in 0..entries.length().min(most) {
        if let Some(entry) = entries.get_index(scope, index) {
            shown.push(entry);
        }
    }
    rv.set(v8::Array::new_with_elements(scope, &shown).into());
}

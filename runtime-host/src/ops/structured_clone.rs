//! What structured cloning needs to know of an object (<https://html.spec.whatwg.org/#safe-passing-of-structured-data>).

use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

/// `objectKind(value) → number`: which internal slots an object has. The numbers are those of
/// `23_structured_clone.js`.
pub fn object_kind(
    _scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    rv.set_int32(kind(args.get(0)));
}

/// An ordinary object.
pub const PLAIN: i32 = 0;
/// An object that structured cloning refuses.
pub const UNCLONEABLE: i32 = 15;

/// Which internal slots an object has.
pub fn kind(value: v8::Local<'_, v8::Value>) -> i32 {
    // A proxy of an array is also an array to some checks, so it goes first.
    if value.is_proxy() || value.is_function() {
        UNCLONEABLE
    } else if value.is_array() {
        1
    } else if value.is_date() {
        2
    } else if value.is_reg_exp() {
        3
    } else if value.is_map() {
        4
    } else if value.is_set() {
        5
    } else if value.is_array_buffer() {
        6
    } else if value.is_shared_array_buffer() {
        7
    } else if value.is_array_buffer_view() {
        8
    } else if value.is_native_error() {
        9
    } else if value.is_boolean_object() {
        10
    } else if value.is_number_object() {
        11
    } else if value.is_string_object() {
        12
    } else if value.is_big_int_object() {
        13
    } else if has_other_slots(value) {
        UNCLONEABLE
    } else {
        PLAIN
    }
}

fn has_other_slots(value: v8::Local<'_, v8::Value>) -> bool {
    value.is_symbol_object()
        || value.is_promise()
        || value.is_weak_map()
        || value.is_weak_set()
        || value.is_map_iterator()
        || value.is_set_iterator()
        || value.is_generator_object()
        || value.is_module_namespace_object()
        || value.is_wasm_module_object()
        || value.is_wasm_memory_object()
        || value.is_external()
}

//! Strings and bytes as the ops of the web platform read and make them. A wrong type throws.

use std::borrow::Cow;

use v8::{FunctionCallbackArguments, Local, PinScope};

/// Room for the contents of a typed array that V8 keeps inside its heap.
pub type InHeapStorage = [u8; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];

/// The bytes of an `ArrayBufferView`. They are V8's own memory (or `storage`): read them before any
/// JavaScript runs.
pub fn bytes<'a>(view: &'a v8::ArrayBufferView, storage: &'a mut InHeapStorage) -> &'a [u8] {
    view.get_contents(storage)
}

/// Argument `index` as an `ArrayBufferView`; throws a `TypeError` for anything else.
pub fn view<'s>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
    index: i32,
) -> Option<Local<'s, v8::ArrayBufferView>> {
    let view = Local::<v8::ArrayBufferView>::try_from(args.get(index)).ok();
    if view.is_none() {
        super::throw_type_error(scope, "an ArrayBuffer view was expected");
    }
    view
}

/// Argument `index` as a string; throws a `TypeError` for anything else.
pub fn string<'s>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
    index: i32,
) -> Option<Local<'s, v8::String>> {
    let string = Local::<v8::String>::try_from(args.get(index)).ok();
    if string.is_none() {
        super::throw_type_error(scope, "a string was expected");
    }
    string
}

/// The text of a string, lone surrogates replaced by U+FFFD. Copies only what is not ASCII.
pub fn with_text<R>(
    scope: &mut PinScope<'_, '_>,
    string: Local<'_, v8::String>,
    read: impl FnOnce(Cow<'_, str>) -> R,
) -> R {
    let view = v8::ValueView::new(scope, string);
    read(view.to_cow_lossy())
}

/// The same as a copy.
pub fn owned_text(scope: &mut PinScope<'_, '_>, string: Local<'_, v8::String>) -> String {
    v8::ValueView::new(scope, string).to_cow_lossy().into_owned()
}

/// A JavaScript string of `text`; throws a `RangeError` when V8 cannot hold one that long.
pub fn new_string<'s>(scope: &mut PinScope<'s, '_>, text: &[u8]) -> Option<Local<'s, v8::String>> {
    let string = v8::String::new_from_utf8(scope, text, v8::NewStringType::Normal);
    if string.is_none() {
        super::throw_range_error(scope, "the string would be longer than the engine allows");
    }
    string
}

/// A JavaScript string with a code unit for each byte; throws a `RangeError` when V8 cannot hold
/// one that long.
pub fn new_one_byte_string<'s>(
    scope: &mut PinScope<'s, '_>,
    bytes: &[u8],
) -> Option<Local<'s, v8::String>> {
    let string = v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal);
    if string.is_none() {
        super::throw_range_error(scope, "the string would be longer than the engine allows");
    }
    string
}

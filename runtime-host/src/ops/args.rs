//! Reading arguments of ops. A wrong type reads as a default: the JavaScript that calls ops is ours
//! and has converted what a Worker gave.

use bytes::Bytes;
use v8::{FunctionCallbackArguments, Local, PinScope};

use crate::exchange::HeaderList;

/// An id; 0 for anything that is not one.
pub fn id(scope: &PinScope<'_, '_>, args: &FunctionCallbackArguments<'_>, index: i32) -> u32 {
    let value = args.get(index);
    if value.is_uint32() { value.uint32_value(scope).unwrap_or(0) } else { 0 }
}

/// A number of bytes. `None` when absent.
pub fn length(
    scope: &PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
    index: i32,
) -> Option<u64> {
    let value = args.get(index);
    let number = if value.is_number() { value.number_value(scope)? } else { return None };
    // Up to the largest integer that a Number holds exactly.
    (0.0..=9_007_199_254_740_991.0).contains(&number).then_some(number as u64)
}

/// A byte string: each code unit is a byte (Web IDL `ByteString`). `None` when absent.
pub fn byte_string(
    scope: &PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
    index: i32,
) -> Option<Bytes> {
    let string = Local::<v8::String>::try_from(args.get(index)).ok()?;
    let mut bytes = vec![0; string.length()];
    string.write_one_byte_v2(scope, 0, &mut bytes, v8::WriteFlags::empty());
    Some(bytes.into())
}

/// A string in UTF-8. `None` when absent.
pub fn string(
    scope: &PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
    index: i32,
) -> Option<String> {
    let string = Local::<v8::String>::try_from(args.get(index)).ok()?;
    Some(string.to_rust_string_lossy(scope))
}

/// A copy of the bytes of a view. `None` when it is none.
pub fn bytes(args: &FunctionCallbackArguments<'_>, index: i32) -> Option<Bytes> {
    let view = Local::<v8::ArrayBufferView>::try_from(args.get(index)).ok()?;
    let mut bytes = vec![0; view.byte_length()];
    let copied = view.copy_contents(&mut bytes);
    bytes.truncate(copied);
    Some(bytes.into())
}

/// Headers in their packed form: `name\nvalue\nname\nvalue`.
pub fn headers(
    scope: &PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
    index: i32,
) -> Option<HeaderList> {
    byte_string(scope, args, index).map(|packed| unpack(&packed))
}

fn unpack(packed: &Bytes) -> HeaderList {
    let mut list = HeaderList::default();
    let mut parts = packed.split(|byte| *byte == b'\n');
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        list.push(packed.slice_ref(name), packed.slice_ref(value));
    }
    list
}

/// The packed form of headers.
pub fn pack(list: &HeaderList) -> Vec<u8> {
    let size = list.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut packed = Vec::with_capacity(size);
    for (name, value) in list {
        if !packed.is_empty() {
            packed.push(b'\n');
        }
        packed.extend_from_slice(name);
        packed.push(b'\n');
        // A peer that lets control characters through must not make two fields of one.
        packed.extend(
            value.iter().map(|byte| if matches!(byte, b'\n' | b'\r' | 0) { b' ' } else { *byte }),
        );
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_round_trips_and_keeps_values_on_one_line() {
        let mut list = HeaderList::default();
        list.push("a", "1");
        list.push("set-cookie", "x=\u{fc}");
        list.push("empty", "");
        assert_eq!(unpack(&pack(&list).into()), list);
        let mut list = HeaderList::default();
        list.push("a", "1\nb\n2");
        assert_eq!(unpack(&pack(&list).into()).0.len(), 1);
        assert_eq!(unpack(&Bytes::new()).0.len(), 0);
    }
}

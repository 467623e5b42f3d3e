//! Reading arguments of ops. A wrong type reads as a default: the JavaScript that calls ops is ours
//! and has converted what a Worker gave.

use bytes::Bytes;
use v8::{FunctionCallbackArguments, Local, PinScope};

use super::values;
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
    scope: &mut PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
    index: i32,
) -> Option<Bytes> {
    let string = Local::<v8::String>::try_from(args.get(index)).ok()?;
    let view = v8::ValueView::new(scope, string);
    Some(match view.data() {
        v8::ValueViewData::OneByte(bytes) => Bytes::copy_from_slice(bytes),
        // V8 may keep Latin-1 in a string of two-byte units.
        v8::ValueViewData::TwoByte(units) => units.iter().map(|unit| *unit as u8).collect(),
    })
}

/// The UTF-8 bytes of a string; lone surrogates become U+FFFD.
pub fn utf8(scope: &mut PinScope<'_, '_>, string: Local<'_, v8::String>) -> Bytes {
    values::with_text(scope, string, |text| text.into_owned().into())
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
    let mut storage = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    Some(Bytes::copy_from_slice(values::bytes(&view, &mut storage)))
}

/// Headers in their packed form: `name\nvalue\nname\nvalue`.
pub fn headers(
    scope: &mut PinScope<'_, '_>,
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

/// The packed form of headers, without those that are hidden.
pub fn pack(list: &HeaderList, is_hidden: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let size = list.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut packed = Vec::with_capacity(size);
    for (name, value) in list {
        if is_hidden(name) {
            continue;
        }
        if !packed.is_empty() {
            packed.push(b'\n');
        }
        packed.extend(name.iter().copied().map(in_line));
        packed.push(b'\n');
        packed.extend(value.iter().copied().map(in_line));
    }
    packed
}

/// A peer that lets control characters through must not make two fields of one.
fn in_line(byte: u8) -> u8 {
    if matches!(byte, b'\n' | b'\r' | 0) { b' ' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz;

    #[test]
    fn fuzzed_fields_stay_as_many_and_on_their_lines() {
        fuzz::check(300, &fuzz::fields(12), |fields| {
            let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into()));
            let list = HeaderList(fields.collect());
            let packed = Bytes::from(pack(&list, |_| false));
            let shown = unpack(&packed);
            assert_eq!(shown.0.len(), list.0.len());
            for ((name, value), (before, old)) in shown.iter().zip(&list) {
                assert!(![name, value].into_iter().flatten().any(|b| b"\n\r\0".contains(b)));
                assert_eq!((name.len(), value.len()), (before.len(), old.len()));
            }
            assert_eq!(unpack(&pack(&shown, |_| false).into()), shown);
        });
    }

    #[test]
    fn packing_round_trips_and_keeps_values_on_one_line() {
        let mut list = HeaderList::default();
        list.push("a", "1");
        list.push("set-cookie", "x=\u{fc}");
        list.push("empty", "");
        assert_eq!(unpack(&pack(&list, |_| false).into()), list);
        let shown = unpack(&pack(&list, |name| name == b"a").into());
        assert_eq!((shown.get("a"), shown.0.len()), (None, 2));
        let mut list = HeaderList::default();
        list.push("a", "1\nb\n2");
        assert_eq!(unpack(&pack(&list, |_| false).into()).0.len(), 1);
        assert_eq!(unpack(&Bytes::new()).0.len(), 0);
    }
}

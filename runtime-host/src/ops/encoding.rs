//! Text encodings: UTF-8 by V8's own conversions, the others of the Encoding Standard by
//! `encoding_rs`.
//!
//! No decoder outlives its call: V8 gives shared isolates no finalizers, so a table of decoders
//! could only grow. What a streaming decoder has to remember stays with its JavaScript object as the
//! bytes to feed again ([`decode_chunk`]).

use encoding_rs::{
    CoderResult, Decoder, DecoderResult, Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE,
};
use v8::{FunctionCallbackArguments, Local, PinScope, ReturnValue};

use super::values;

const REPLACE: v8::WriteFlags = v8::WriteFlags::kReplaceInvalidUtf8;
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// `utf8Length(string) → bytes` that [`utf8_write`] needs.
pub fn utf8_length<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(string) = values::string(scope, &args, 0) else { return };
    rv.set_double(string.utf8_length(scope) as f64);
}

/// `utf8Write(string, view) → [code units read, bytes written]`; writes whole characters only.
pub fn utf8_write<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(string) = values::string(scope, &args, 0) else { return };
    let Some(view) = values::view(scope, &args, 1) else { return };
    let (mut read, mut written) = (0, 0);
    let length = view.byte_length();
    if length > 0 {
        // SAFETY: `data` is the start of the view's `length` bytes, which stay allocated while the
        // view is reachable. Nothing else reads or writes them during this block: the isolate runs
        // on this thread only and V8 calls no JavaScript from `write_utf8_v2`.
        let target = unsafe { std::slice::from_raw_parts_mut(view.data().cast::<u8>(), length) };
        written = string.write_utf8_v2(scope, target, REPLACE, Some(&mut read));
    }
    let pair = [read, written].map(|n| v8::Number::new(scope, n as f64).into());
    rv.set(v8::Array::new_with_elements(scope, &pair).into());
}

/// `utf8Decode(view, fatal, keepBom) → string`. Throws a `TypeError` for bytes that are not UTF-8
/// when `fatal`.
pub fn utf8_decode<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(view) = values::view(scope, &args, 0) else { return };
    let mut storage = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    let mut bytes = values::bytes(&view, &mut storage);
    if args.get(1).is_true() && Encoding::utf8_valid_up_to(bytes) < bytes.len() {
        return throw_invalid(scope, UTF_8);
    }
    if !args.get(2).is_true() {
        bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    }
    if let Some(string) = values::new_string(scope, bytes) {
        rv.set(string.into());
    }
}

/// `encodingName(label) → string`: the name of the encoding that has the label, or undefined.
pub fn encoding_name<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(label) = values::string(scope, &args, 0) else { return };
    let encoding = values::with_text(scope, label, |label| {
        Encoding::for_label_no_replacement(label.as_bytes())
    });
    if let Some(name) = encoding.and_then(|e| v8::String::new(scope, e.name())) {
        rv.set(name.into());
    }
}

/// `decodeAll(name, view, fatal, skip) → string`: decodes a whole input, without regard to a byte
/// order mark, and leaves out the first `skip` code units.
pub fn decode_all<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(input) = Input::read(scope, &args) else { return };
    let mut storage = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    let bytes = values::bytes(&input.view, &mut storage);
    let mut decoder = input.encoding.new_decoder_without_bom_handling();
    let Some(units) = decode(&mut decoder, bytes, true, input.fatal) else {
        return throw_invalid(scope, input.encoding);
    };
    if let Some(string) = utf16_string(scope, units.get(input.skip..).unwrap_or_default()) {
        rv.set(string.into());
    }
}

/// `decodeChunk(name, view, fatal, skip) → [string, keep, skip]`: decodes bytes that more will
/// follow. Give the last `keep` bytes of the input again, in front of the next chunk, with the new
/// `skip`: the number of code units of them that were handed out already.
pub fn decode_chunk<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(input) = Input::read(scope, &args) else { return };
    let mut storage = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    let bytes = values::bytes(&input.view, &mut storage);
    let mut decoder = input.encoding.new_decoder_without_bom_handling();
    let Some(units) = decode(&mut decoder, bytes, false, input.fatal) else {
        return throw_invalid(scope, input.encoding);
    };
    let keep = bytes_to_keep(input.encoding, decoder, bytes);
    // All of the kept bytes' text was handed out if any was: only ISO-2022-JP keeps such bytes.
    let skip = if keep == bytes.len() { units.len() } else { 0 };
    let fresh = units.get(input.skip..).unwrap_or_default();
    let Some(string) = utf16_string(scope, fresh) else { return };
    let keep = v8::Number::new(scope, keep as f64).into();
    let skip = v8::Number::new(scope, skip as f64).into();
    rv.set(v8::Array::new_with_elements(scope, &[string.into(), keep, skip]).into());
}

struct Input<'s> {
    encoding: &'static Encoding,
    view: Local<'s, v8::ArrayBufferView>,
    fatal: bool,
    skip: usize,
}

impl<'s> Input<'s> {
    fn read(
        scope: &mut PinScope<'s, '_>,
        args: &FunctionCallbackArguments<'s>,
    ) -> Option<Input<'s>> {
        let name = values::string(scope, args, 0)?;
        let view = values::view(scope, args, 1)?;
        let encoding = values::with_text(scope, name, |name| Encoding::for_label(name.as_bytes()));
        let Some(encoding) = encoding else {
            super::throw_type_error(scope, "not the name of an encoding");
            return None;
        };
        let skip = args.get(3).uint32_value(scope).unwrap_or(0) as usize;
        Some(Input { encoding, view, fatal: args.get(2).is_true(), skip })
    }
}

/// Decodes to UTF-16. `None`: the input is malformed and `fatal` is set.
fn decode(decoder: &mut Decoder, mut input: &[u8], last: bool, fatal: bool) -> Option<Vec<u16>> {
    // One code unit per byte is the most common maximum; the loop grows the vector when an encoding
    // needs more.
    let mut units = vec![0; input.len() + 8];
    let mut filled = 0;
    loop {
        let target = &mut units[filled..];
        let (done, read, written) = if fatal {
            let (result, read, written) =
                decoder.decode_to_utf16_without_replacement(input, target, last);
            if let DecoderResult::Malformed(..) = result {
                return None;
            }
            (result == DecoderResult::InputEmpty, read, written)
        } else {
            let (result, read, written, _) = decoder.decode_to_utf16(input, target, last);
            (result == CoderResult::InputEmpty, read, written)
        };
        filled += written;
        input = input.get(read..).unwrap_or_default();
        if done {
            units.truncate(filled);
            return Some(units);
        }
        let longer = units.len() * 2;
        units.resize(longer, 0);
    }
}

/// How many bytes at the end of `bytes` the decoder has not finished with. `decoder` has decoded
/// all of them.
fn bytes_to_keep(encoding: &'static Encoding, decoder: Decoder, bytes: &[u8]) -> usize {
    if encoding == ISO_2022_JP {
        // Its escape sequences switch modes, which may last for the rest of the input. Once it is
        // back in ASCII, with something after the escape sequence, nothing is remembered.
        let ends_in_escape = bytes.iter().rev().take(3).any(|&b| b == 0x1b);
        return if !ends_in_escape && is_in_ascii_mode(decoder) { 0 } else { bytes.len() };
    }
    if encoding == UTF_16LE || encoding == UTF_16BE {
        return utf16_bytes_to_keep(bytes, encoding == UTF_16BE);
    }
    // The others have characters of at most four bytes, and each sequence begins between two.
    let mut decoder = decoder;
    for keep in 0..=bytes.len().min(3) {
        if keep > 0 {
            decoder = encoding.new_decoder_without_bom_handling();
            decode(&mut decoder, &bytes[..bytes.len() - keep], false, false);
        }
        if is_between_characters(&mut decoder) {
            return keep;
        }
    }
    0
}

/// Half a code unit, and a high surrogate before it.
fn utf16_bytes_to_keep(bytes: &[u8], big_endian: bool) -> usize {
    let half = bytes.len() % 2;
    match bytes[..bytes.len() - half].last_chunk::<2>() {
        Some(&unit) => {
            let high_byte = if big_endian { unit[0] } else { unit[1] };
            half + if (0xd8..0xdc).contains(&high_byte) { 2 } else { 0 }
        }
        None => half,
    }
}

/// Whether ending the input here would yield no replacement character.
fn is_between_characters(decoder: &mut Decoder) -> bool {
    decode(decoder, b"", true, false).is_some_and(|rest| rest.is_empty())
}

/// In ISO-2022-JP's other modes a backslash is a yen sign or half of a character.
fn is_in_ascii_mode(mut decoder: Decoder) -> bool {
    decode(&mut decoder, b"\\", true, false).is_some_and(|text| text == [u16::from(b'\\')])
}

fn utf16_string<'s>(scope: &mut PinScope<'s, '_>, units: &[u16]) -> Option<Local<'s, v8::String>> {
    let string = v8::String::new_from_two_byte(scope, units, v8::NewStringType::Normal);
    if string.is_none() {
        super::throw_range_error(scope, "the string would be longer than the engine allows");
    }
    string
}

fn throw_invalid(scope: &mut PinScope<'_, '_>, encoding: &'static Encoding) {
    let name = encoding.name().to_ascii_lowercase();
    super::throw_type_error(scope, &format!("The encoded data was not valid for encoding {name}."));
}

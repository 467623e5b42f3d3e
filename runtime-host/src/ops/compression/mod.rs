//! `CompressionStream` and `DecompressionStream` (<https://compression.spec.whatwg.org/>).
//!
//! JavaScript gives input a piece at a time and takes output a piece at a time, so that neither side
//! of a compression bomb is ever there as a whole, and so that a Worker's CPU limit is looked at
//! between two pieces.

mod brotli;
mod codec;

use std::cell::RefCell;

use v8::{FunctionCallbackArguments, Local, PinScope, ReturnValue};

use self::codec::{Codec, Failure, Format};
use super::{args, throw_range_error, throw_type_error, values};
use crate::isolate::inbound;
use crate::isolate::state;

/// Bytes that one call takes at most, and bytes that it gives at most.
const PIECE_BYTES: usize = 64 * 1024;

const DOES_NOT_FIT: &str = "the codec does not fit into the Worker's memory limit";
const GONE: &str = "The request that this stream belongs to is over.";

thread_local! {
    /// Where output is made, before it is copied into a buffer of its own size.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// `codecStart(format, decompress) → number` of a fresh codec of the running invocation; `format` is
/// 0 for gzip, 1 deflate, 2 deflate-raw, 3 brotli.
pub fn codec_start(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let format = Format::from_number(args.get(0).uint32_value(scope).unwrap_or(0));
    let decompress = args.get(1).is_true();
    let owner = state::current(scope).unwrap_or(0);
    let id = state::with(scope, |s| {
        // What runs for an invocation that is over would live as long as the isolate.
        if owner != 0 && !s.invocations.contains_key(&owner) {
            return Err(GONE);
        }
        let codec = Codec::new(format, decompress, &s.meter).ok_or(DOES_NOT_FIT)?;
        Ok(s.resources.insert(owner, codec))
    });
    match id {
        Ok(id) => rv.set_uint32(id),
        Err(GONE) => throw_type_error(scope, GONE),
        Err(text) => throw_range_error(scope, text),
    }
}

/// `codecRun(codec, bytes, offset, end, progress) → Uint8Array | undefined`: goes on with the bytes
/// from `offset`, `end` telling that none follow. Writes the new offset to `progress[0]` (a
/// `Uint32Array`). Returns a piece of output, after which there may be more; without one, all bytes
/// that were taken are dealt with.
pub fn codec_run<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    let Some(view) = values::view(scope, &args, 1) else { return };
    let offset = args.get(2).uint32_value(scope).unwrap_or(0) as usize;
    let end = args.get(3).is_true();
    let mut storage = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    let bytes = values::bytes(&view, &mut storage);
    let input = bytes.get(offset..).unwrap_or_default();
    let (input, end) = match input.get(..PIECE_BYTES) {
        Some(first) if input.len() > PIECE_BYTES => (first, false),
        _ => (input, end),
    };
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.resize(PIECE_BYTES, 0);
        let step = state::with(scope, |s| {
            let codec = s.resources.get::<Codec>(id).ok_or(Failure::Gone)?;
            let step = codec.step(input, end, scratch);
            if step.is_err() {
                s.resources.remove(id);
            }
            step
        });
        let step = match step {
            Ok(step) => step,
            Err(Failure::Gone) => return throw_type_error(scope, GONE),
            Err(Failure::Memory) => return throw_range_error(scope, DOES_NOT_FIT),
            Err(Failure::Data(text)) => return throw_type_error(scope, text),
        };
        write_progress(scope, &args, offset + step.consumed);
        if step.produced == 0 {
            return;
        }
        let piece = scratch.get(..step.produced).unwrap_or_default();
        match inbound::byte_array(scope, piece) {
            Some(array) => rv.set(array.into()),
            None => throw_range_error(scope, "the output does not fit into the Worker's memory"),
        }
    });
}

fn write_progress<'s>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
    offset: usize,
) {
    let Ok(target) = Local::<v8::Uint32Array>::try_from(args.get(4)) else { return };
    let offset = v8::Number::new(scope, offset as f64).into();
    target.set_index(scope, 0, offset);
}

/// `codecEnd(codec)`: frees it.
pub fn codec_end(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let id = args::id(scope, &args, 0);
    state::with(scope, |s| s.resources.remove(id));
}

//! Brotli (RFC 7932) by the `brotli` crate, with memory that is counted as it is allocated: how much a
//! decoder needs is for the data to say (up to 16 MiB of window).

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use brotli::enc::backward_references::BrotliEncoderMode;
use brotli::enc::encode::{
    BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct,
};
use brotli::enc::{BrotliAlloc, StaticCommand};
use brotli::interface::{InputPair, PredictionModeContextMap};
use brotli::{
    Allocator, BrotliDecompressStream, BrotliResult, BrotliState, InputReferenceMut, SliceWrapper,
    SliceWrapperMut,
};

use super::codec::{Failure, Step};
use crate::isolate::memory::{BufferMeter, Charge};

/// How hard the encoder tries, of 11: beyond this it gets slow, for little.
const QUALITY: u32 = 5;

/// The logarithm of the encoder's window. The default of 22 would take 8 MiB for a stream.
const WINDOW_BITS: u32 = 19;

/// Counts what is allocated. It can't refuse; who called finds out afterwards.
#[derive(Clone)]
pub struct Counted {
    meter: Arc<BufferMeter>,
    refused: Rc<Cell<bool>>,
}

impl Counted {
    fn new(meter: &Arc<BufferMeter>) -> Self {
        Self { meter: Arc::clone(meter), refused: Rc::default() }
    }

    /// Whether something was allocated that does not fit into the limit.
    fn check(&self) -> Result<(), Failure> {
        if self.refused.get() { Err(Failure::Memory) } else { Ok(()) }
    }
}

pub struct Memory<T> {
    items: Box<[T]>,
    _charge: Option<Charge>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { items: Box::default(), _charge: None }
    }
}

impl<T> SliceWrapper<T> for Memory<T> {
    fn slice(&self) -> &[T] {
        &self.items
    }
}

impl<T> SliceWrapperMut<T> for Memory<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl<T: Clone + Default> Allocator<T> for Counted {
    type AllocatedMemory = Memory<T>;

    fn alloc_cell(&mut self, len: usize) -> Memory<T> {
        let charge = BufferMeter::charge(&self.meter, len.saturating_mul(size_of::<T>()));
        if charge.is_none() {
            self.refused.set(true);
        }
        Memory { items: vec![T::default(); len].into_boxed_slice(), _charge: charge }
    }

    fn free_cell(&mut self, _memory: Memory<T>) {}
}

impl BrotliAlloc for Counted {}

pub struct BrotliEncoder {
    state: Box<BrotliEncoderStateStruct<Counted>>,
    memory: Counted,
}

impl BrotliEncoder {
    pub fn new(meter: &Arc<BufferMeter>) -> Self {
        let memory = Counted::new(meter);
        let mut state = Box::new(BrotliEncoderStateStruct::new(memory.clone()));
        let mode = BrotliEncoderMode::BROTLI_MODE_GENERIC as u32;
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_MODE, mode);
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_QUALITY, QUALITY);
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, WINDOW_BITS);
        Self { state, memory }
    }

    /// As [`super::codec::Codec::step`]; also whether all output was given.
    pub fn step(
        &mut self,
        input: &[u8],
        end: bool,
        output: &mut [u8],
    ) -> Result<(Step, bool), Failure> {
        let operation = if end {
            BrotliEncoderOperation::BROTLI_OPERATION_FINISH
        } else {
            BrotliEncoderOperation::BROTLI_OPERATION_PROCESS
        };
        let mut ignore = |_: &mut PredictionModeContextMap<InputReferenceMut<'_>>,
                          _: &mut [StaticCommand],
                          _: InputPair<'_>,
                          _: &mut Counted| ();
        let mut step = Step::default();
        let (mut left, mut room) = (input.len(), output.len());
        let went_on = self.state.compress_stream(
            operation,
            &mut left,
            input,
            &mut step.consumed,
            &mut room,
            output,
            &mut step.produced,
            &mut None,
            &mut ignore,
        );
        self.memory.check()?;
        if !went_on {
            return Err(Failure::Data("The data could not be compressed."));
        }
        Ok((step, self.state.is_finished()))
    }
}

pub struct BrotliDecoder {
    state: Box<BrotliState<Counted, Counted, Counted>>,
    memory: Counted,
}

impl BrotliDecoder {
    pub fn new(meter: &Arc<BufferMeter>) -> Self {
        let memory = Counted::new(meter);
        // Strict: without the windows of up to a gigabyte that are not in the RFC.
        let state = BrotliState::new_strict(memory.clone(), memory.clone(), memory.clone());
        Self { state: Box::new(state), memory }
    }

    /// As [`super::codec::Codec::step`]; also whether the end was found.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(Step, bool), Failure> {
        let mut step = Step::default();
        let (mut left, mut room, mut total) = (input.len(), output.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut step.consumed,
            input,
            &mut room,
            &mut step.produced,
            output,
            &mut total,
            &mut self.state,
        );
        self.memory.check()?;
        match result {
            BrotliResult::ResultSuccess => Ok((step, true)),
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok((step, false)),
            BrotliResult::ResultFailure => Err(Failure::Data("The compressed data was not valid.")),
        }
    }
}

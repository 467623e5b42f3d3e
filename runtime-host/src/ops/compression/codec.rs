//! One direction of one compression format, step by step, without V8.

use std::sync::Arc;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::brotli::{BrotliDecoder, BrotliEncoder};
use crate::isolate::memory::{BufferMeter, Charge};

/// <https://compression.spec.whatwg.org/#supported-formats>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Gzip,
    /// RFC 1950 ("zlib").
    Deflate,
    /// RFC 1951.
    DeflateRaw,
    Brotli,
}

impl Format {
    /// The numbers are those of `25_compression_streams.js`.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Gzip,
            1 => Self::Deflate,
            2 => Self::DeflateRaw,
            _ => Self::Brotli,
        }
    }
}

/// Why a codec can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such codec any more.
    Gone,
    /// The Worker's memory limit.
    Memory,
    /// The input is not what it should be.
    Data(&'static str),
}

const CORRUPT: Failure = Failure::Data("The compressed data was not valid.");
const TRAILING: Failure = Failure::Data("There is unexpected input after the end of the stream.");
const TRUNCATED: Failure = Failure::Data("The compressed data ended before its end was reached.");

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub consumed: usize,
    pub produced: usize,
}

/// What zlib's deflate allocates at a window of 32 KiB and the default memory level.
const DEFLATE_BYTES: usize = 300 * 1024;
/// What its inflate allocates.
const INFLATE_BYTES: usize = 64 * 1024;
/// The window of 32 KiB.
const WINDOW_BITS: u8 = 15;

pub struct Codec {
    machine: Machine,
    /// All output was given, or for a decoder the end was found in its input.
    ended: bool,
    _charge: Option<Charge>,
}

enum Machine {
    Deflate(Compress),
    Inflate(Decompress),
    BrotliEncoder(BrotliEncoder),
    BrotliDecoder(BrotliDecoder),
}

impl Codec {
    /// `None` when the Worker's memory limit forbids it.
    pub fn new(format: Format, decompress: bool, meter: &Arc<BufferMeter>) -> Option<Self> {
        // Brotli counts what it allocates by itself.
        let charge = match (format, decompress) {
            (Format::Brotli, _) => None,
            (_, true) => Some(BufferMeter::charge(meter, INFLATE_BYTES)?),
            (_, false) => Some(BufferMeter::charge(meter, DEFLATE_BYTES)?),
        };
        let level = Compression::default();
        let machine = match (format, decompress) {
            (Format::Gzip, false) => Machine::Deflate(Compress::new_gzip(level, WINDOW_BITS)),
            (Format::Deflate, false) => Machine::Deflate(Compress::new(level, true)),
            (Format::DeflateRaw, false) => Machine::Deflate(Compress::new(level, false)),
            (Format::Brotli, false) => Machine::BrotliEncoder(BrotliEncoder::new(meter)),
            (Format::Gzip, true) => Machine::Inflate(Decompress::new_gzip(WINDOW_BITS)),
            (Format::Deflate, true) => Machine::Inflate(Decompress::new(true)),
            (Format::DeflateRaw, true) => Machine::Inflate(Decompress::new(false)),
            (Format::Brotli, true) => Machine::BrotliDecoder(BrotliDecoder::new(meter)),
        };
        Some(Self { machine, ended: false, _charge: charge })
    }

    /// Takes input and gives output, as far as both reach. `end`: no input follows. Without output,
    /// all input was taken; after the end a decoder fails at input that follows, and at an end of
    /// input that comes before.
    pub fn step(&mut self, input: &[u8], end: bool, output: &mut [u8]) -> Result<Step, Failure> {
        match &mut self.machine {
            Machine::Deflate(_) | Machine::BrotliEncoder(_) if self.ended => {
                return Ok(Step { consumed: input.len(), produced: 0 });
            }
            Machine::Inflate(_) | Machine::BrotliDecoder(_) if self.ended => {
                return if input.is_empty() { Ok(Step::default()) } else { Err(TRAILING) };
            }
            _ => {}
        }
        let (step, ended) = match &mut self.machine {
            Machine::Deflate(deflate) => compress(deflate, input, end, output)?,
            Machine::Inflate(inflate) => decompress(inflate, input, output)?,
            Machine::BrotliEncoder(encoder) => encoder.step(input, end, output)?,
            Machine::BrotliDecoder(decoder) => decoder.step(input, output)?,
        };
        self.ended = ended;
        if step.produced > 0 {
            return Ok(step);
        }
        if step.consumed < input.len() {
            // Else the caller would come again with the same bytes for ever.
            return Err(if ended { TRAILING } else { CORRUPT });
        }
        let decodes = matches!(self.machine, Machine::Inflate(_) | Machine::BrotliDecoder(_));
        if end && decodes && !ended { Err(TRUNCATED) } else { Ok(step) }
    }
}

fn compress(
    deflate: &mut Compress,
    input: &[u8],
    end: bool,
    output: &mut [u8],
) -> Result<(Step, bool), Failure> {
    let flush = if end { FlushCompress::Finish } else { FlushCompress::None };
    let (read, written) = (deflate.total_in(), deflate.total_out());
    let status = deflate.compress(input, output, flush).map_err(|_| CORRUPT)?;
    let step = Step {
        consumed: since(deflate.total_in(), read),
        produced: since(deflate.total_out(), written),
    };
    Ok((step, status == Status::StreamEnd))
}

fn decompress(
    inflate: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Step, bool), Failure> {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None).map_err(|_| CORRUPT)?;
    let step = Step {
        consumed: since(inflate.total_in(), read),
        produced: since(inflate.total_out(), written),
    };
    Ok((step, status == Status::StreamEnd))
}

/// How far a counter went in one step, which is never more than a buffer's length.
fn since(now: u64, before: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [Format; 4] =
        [Format::Gzip, Format::Deflate, Format::DeflateRaw, Format::Brotli];

    fn run(codec: &mut Codec, input: &[u8], end: bool, room: usize) -> Result<Vec<u8>, Failure> {
        let (mut all, mut offset, mut output) = (Vec::new(), 0, vec![0; room]);
        loop {
            let step = codec.step(&input[offset..], end, &mut output)?;
            offset += step.consumed;
            all.extend_from_slice(&output[..step.produced]);
            if step.produced == 0 && offset == input.len() {
                return Ok(all);
            }
        }
    }

    fn meter() -> Arc<BufferMeter> {
        BufferMeter::new(64 * 1024 * 1024)
    }

    fn compressed(format: Format, text: &[u8]) -> Vec<u8> {
        let mut codec = Codec::new(format, false, &meter()).expect("room");
        let mut all = run(&mut codec, text, false, 1000).expect("it takes all");
        all.extend(run(&mut codec, b"", true, 7).expect("it ends"));
        all
    }

    #[test]
    fn what_was_compressed_comes_back_in_pieces_of_any_size() {
        let text: Vec<u8> = (0..50_000_u32).flat_map(|i| (i % 251).to_le_bytes()).collect();
        for format in FORMATS {
            let packed = compressed(format, &text);
            assert!(packed.len() < text.len() / 4, "{format:?}: {}", packed.len());
            for (piece, room) in [(1, 64), (7, 100_000), (packed.len(), 1000)] {
                let mut codec = Codec::new(format, true, &meter()).expect("room");
                let mut all = Vec::new();
                for piece in packed.chunks(piece) {
                    all.extend(run(&mut codec, piece, false, room).expect("valid"));
                }
                assert_eq!(run(&mut codec, b"", true, room), Ok(Vec::new()), "{format:?}");
                assert!(all == text, "{format:?}");
            }
        }
    }

    #[test]
    fn nothing_may_be_missing_or_follow() {
        for format in FORMATS {
            let packed = compressed(format, b"expected output");
            let mut codec = Codec::new(format, true, &meter()).expect("room");
            run(&mut codec, &packed[..packed.len() - 1], false, 1000).expect("not the end yet");
            assert_eq!(run(&mut codec, b"", true, 1000), Err(TRUNCATED), "{format:?}");

            let mut more = packed.clone();
            more.push(0);
            let mut codec = Codec::new(format, true, &meter()).expect("room");
            let step = codec.step(&more, false, &mut [0; 1000]).expect("the output comes first");
            assert_eq!((step.consumed, step.produced), (packed.len(), 15), "{format:?}");
            assert_eq!(codec.step(&more[step.consumed..], false, &mut [0; 9]), Err(TRAILING));

            let mut codec = Codec::new(format, true, &meter()).expect("room");
            assert_eq!(run(&mut codec, b"", true, 1000), Err(TRUNCATED), "{format:?}");
            let mut codec = Codec::new(format, true, &meter()).expect("room");
            assert_eq!(run(&mut codec, &[0xff; 40], false, 1000), Err(CORRUPT), "{format:?}");
        }
    }

    #[test]
    fn memory_is_counted_and_given_back() {
        let text = vec![b'x'; 1_000_000];
        for format in FORMATS {
            let packed = compressed(format, &text);
            for decompress in [false, true] {
                let meter = meter();
                let mut codec = Codec::new(format, decompress, &meter).expect("room");
                let input = if decompress { &packed[..packed.len() - 1] } else { &text };
                run(&mut codec, input, false, 1000).expect("valid");
                assert!(meter.used() > 30_000, "{format:?} {decompress}: {}", meter.used());
                drop(codec);
                assert_eq!(meter.used(), 0, "{format:?} {decompress}");
            }
            let small = BufferMeter::new(20_000);
            let codec = Codec::new(format, true, &small);
            let refused = codec.is_none_or(|mut codec| {
                run(&mut codec, &packed, false, 1000) == Err(Failure::Memory)
            });
            assert!(refused, "{format:?}");
            assert_eq!(small.used(), 0);
        }
    }
}

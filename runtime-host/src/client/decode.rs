//! Undoing a response's `content-encoding` (RFC 9110 §8.4) while it streams.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryFutureExt, TryStreamExt};
use http::header::{CONTENT_ENCODING, HeaderMap};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};
use tokio_util::io::{ReaderStream, StreamReader};

use super::FetchError;
use super::response::{Source, decode_error};

/// Decoded bytes per pull, at most. It bounds the read-ahead, whatever the ratio of compression.
const CHUNK_BYTES: usize = 64 * 1024;

/// The largest window of a zstd frame that is decoded, as a power of two: 8 MiB, as RFC 9659 has it
/// for the content coding. The decoder would otherwise allocate what the peer asks for, up to 128 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Codings that may be stacked on one another; more is taken for an attack and left as it is.
const MAX_CODINGS: usize = 2;

pub(super) type Decoded = Pin<Box<dyn Stream<Item = Result<Bytes, FetchError>> + Send>>;
type Reader = Pin<Box<dyn AsyncBufRead + Send>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Brotli,
    Deflate,
    Zstd,
}

/// The codings to undo, in the order they were applied; `None` when there are none, or one that is
/// not known (then Fetch delivers the body as it is).
pub(super) fn codings(headers: &HeaderMap) -> Option<Vec<Coding>> {
    let mut found = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().ok()?.split(',') {
            match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => {}
                "gzip" | "x-gzip" => found.push(Coding::Gzip),
                "br" => found.push(Coding::Brotli),
                "deflate" => found.push(Coding::Deflate),
                "zstd" => found.push(Coding::Zstd),
                _ => return None,
            }
        }
    }
    (1..=MAX_CODINGS).contains(&found.len()).then_some(found)
}

/// The decoded body.
pub(super) fn decoded(source: Source, codings: &[Coding]) -> Decoded {
    let peer = source.peer().to_owned();
    let codings = codings.to_vec();
    let bytes = source.map_err(io::Error::other);
    let stream = async move {
        let mut reader: Reader = Box::pin(StreamReader::new(bytes));
        // A body of no bytes at all is an empty body, whatever its coding.
        if reader.fill_buf().await?.is_empty() {
            return Ok(ReaderStream::with_capacity(reader, CHUNK_BYTES));
        }
        for coding in codings.iter().rev() {
            reader = undo(*coding, reader).await?;
        }
        Ok::<_, io::Error>(ReaderStream::with_capacity(reader, CHUNK_BYTES))
    };
    let stream = stream.try_flatten_stream().map_err(move |e| decode_error(&e, &peer));
    stream.boxed()
}

async fn undo(coding: Coding, mut reader: Reader) -> io::Result<Reader> {
    Ok(match coding {
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            buffered(decoder)
        }
        Coding::Brotli => buffered(BrotliDecoder::new(reader)),
        // The registered coding is zlib's format (RFC 9110 §8.4.1.2), but some servers leave its
        // wrapper away. A zlib stream begins with the method 8 in its low four bits (RFC 1950).
        Coding::Deflate => match reader.fill_buf().await?.first() {
            Some(first) if first & 0x0f == 8 => buffered(ZlibDecoder::new(reader)),
            _ => buffered(DeflateDecoder::new(reader)),
        },
        Coding::Zstd => {
            let bound = [DParameter::window_log_max(ZSTD_WINDOW_LOG_MAX)];
            let mut decoder = ZstdDecoder::with_params(reader, &bound);
            decoder.multiple_members(true);
            buffered(decoder)
        }
    })
}

fn buffered(decoder: impl AsyncRead + Send + 'static) -> Reader {
    Box::pin(BufReader::with_capacity(CHUNK_BYTES, decoder))
}

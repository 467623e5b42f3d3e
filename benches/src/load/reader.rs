//! Reads HTTP/1.1 responses and compares each with what was expected, byte by byte.

use std::io::{ErrorKind, Read};

use nano_tests::{Error, Result};

use super::exchange::Expect;
use crate::text::add;

const BUFFER_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;

/// What is left of the response that is being read.
#[derive(Clone, Copy, Debug)]
enum Left {
    Head,
    /// That many bytes.
    Length(usize),
    /// The line that begins a chunk.
    ChunkLine,
    /// That many bytes of a chunk and the line end after it.
    Chunk(usize),
    /// The line end after a chunk.
    ChunkEnd,
    /// The lines after the last chunk.
    Trailers,
}

/// The reading half of one connection.
#[derive(Debug)]
pub(super) struct Reader {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    left: Left,
    /// Bytes of the body so far.
    body: usize,
}

impl Reader {
    pub fn new() -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { buffer, start: 0, end: 0, left: Left::Head, body: 0 }
    }

    /// Reads what is there; true when the response is complete and right.
    pub fn read(&mut self, stream: &mut impl Read, expect: &Expect) -> Result<bool> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        match stream.read(&mut self.buffer[self.end..]) {
            Ok(0) => return Err(self.broken_off()),
            Ok(count) => self.end += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(Error::new(format!("reading a response: {error}"))),
        }
        while self.step(expect)? {
            if matches!(self.left, Left::Head) {
                return self.complete(expect);
            }
        }
        Ok(false)
    }

    fn complete(&mut self, expect: &Expect) -> Result<bool> {
        if self.body != expect.body.len() {
            let (got, wanted) = (self.body, expect.body.len());
            return Err(Error::new(format!("a body of {got} bytes where {wanted} were expected")));
        }
        if self.start != self.end {
            return Err(Error::new("bytes after the end of a response"));
        }
        self.body = 0;
        Ok(true)
    }

    /// One step forward; false when more bytes are needed for it.
    fn step(&mut self, expect: &Expect) -> Result<bool> {
        let data = &self.buffer[self.start..self.end];
        match self.left {
            Left::Head => return self.head(expect),
            Left::Length(left) | Left::Chunk(left) => {
                let piece = &data[..left.min(data.len())];
                if piece.is_empty() && left > 0 {
                    return Ok(false);
                }
                compare(piece, &expect.body, self.body)?;
                let (taken, rest) = (piece.len(), left - piece.len());
                self.start += taken;
                self.body += taken;
                self.left = match (self.left, rest) {
                    (Left::Length(_), 0) => Left::Head,
                    (Left::Length(_), rest) => Left::Length(rest),
                    (_, 0) => Left::ChunkEnd,
                    (_, rest) => Left::Chunk(rest),
                };
            }
            Left::ChunkLine | Left::ChunkEnd | Left::Trailers => {
                let Some(end) = data.windows(2).position(|two| two == b"\r\n") else {
                    return Ok(false);
                };
                let line = &data[..end];
                self.left = match self.left {
                    Left::ChunkLine => match chunk_size(line)? {
                        0 => Left::Trailers,
                        size => Left::Chunk(size),
                    },
                    Left::ChunkEnd => Left::ChunkLine,
                    _ if line.is_empty() => Left::Head,
                    _ => Left::Trailers,
                };
                self.start += end + 2;
            }
        }
        Ok(true)
    }

    fn head(&mut self, expect: &Expect) -> Result<bool> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let data = &self.buffer[self.start..self.end];
        let parsed = response.parse(data).map_err(Error::during("not an HTTP response"))?;
        let httparse::Status::Complete(length) = parsed else { return Ok(false) };
        verify(&response, expect, &data[length..])?;
        let value = |name: &str| {
            let found = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
            found.map(|header| header.value)
        };
        self.left = if let Some(length) = value("content-length") {
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            Left::Length(length.ok_or_else(|| Error::new("a bad content-length"))?)
        } else if value("transfer-encoding").is_some() {
            Left::ChunkLine
        } else {
            return Err(Error::new("a response whose body ends with the connection"));
        };
        self.start += length;
        // A body of no bytes is at its end here.
        if matches!(self.left, Left::Length(0)) {
            self.left = Left::Head;
        }
        Ok(true)
    }

    fn broken_off(&self) -> Error {
        match self.left {
            Left::Head if self.start == self.end => {
                Error::new("the connection was closed instead of an answer")
            }
            _ => Error::new("the connection was closed in the middle of an answer"),
        }
    }
}

fn verify(response: &httparse::Response<'_, '_>, expect: &Expect, body: &[u8]) -> Result<()> {
    let wrong = |what: String| {
        let mut text = format!("{what}; the answer was {}", response.code.unwrap_or(0));
        for header in response.headers.iter() {
            let value = String::from_utf8_lossy(header.value);
            add(&mut text, format_args!("\n    {}: {value}", header.name));
        }
        let body = String::from_utf8_lossy(&body[..body.len().min(300)]);
        Error::new(format!("{text}\n    {body}"))
    };
    if response.code != Some(expect.status) {
        return Err(wrong(format!("expected status {}", expect.status)));
    }
    let has = |name: &str| response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
    for (name, value) in &expect.present {
        if has(name).is_none_or(|header| header.value != value.as_bytes()) {
            return Err(wrong(format!("expected {name}: {value}")));
        }
    }
    for name in &expect.absent {
        if has(name).is_some() {
            return Err(wrong(format!("expected no {name}")));
        }
    }
    Ok(())
}

fn compare(piece: &[u8], expected: &[u8], at: usize) -> Result<()> {
    if expected.get(at..at + piece.len()) == Some(piece) {
        return Ok(());
    }
    let rest = expected.get(at..).unwrap_or_default();
    let same = piece.iter().zip(rest).take_while(|(got, wanted)| got == wanted).count();
    let got = String::from_utf8_lossy(&piece[same..piece.len().min(same + 120)]).into_owned();
    Err(Error::new(format!("a wrong body from byte {} on: {got:?}", at + same)))
}

fn chunk_size(line: &[u8]) -> Result<usize> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    usize::from_str_radix(text.trim(), 16).map_err(Error::during("a bad chunk size"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn expect(body: &'static str) -> Expect {
        Expect {
            status: 200,
            present: vec![("x-a", "1".into())],
            absent: vec!["x-b"],
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    /// The response given in pieces of every size.
    fn read(response: &str, expect: &Expect) -> Result<bool> {
        let mut complete = Ok(false);
        for size in 1..=response.len() {
            let mut reader = Reader::new();
            let pieces = response.as_bytes().chunks(size);
            let count = pieces.len();
            for (index, mut piece) in pieces.enumerate() {
                complete = reader.read(&mut piece, expect);
                assert_eq!(*complete.as_ref().unwrap(), index + 1 == count, "pieces of {size}");
            }
        }
        complete
    }

    #[test]
    fn lengths_and_chunks_are_understood_in_any_pieces() {
        let right = expect("hello world");
        let length = "HTTP/1.1 200 OK\r\nX-A: 1\r\ncontent-length: 11\r\n\r\nhello world";
        assert!(read(length, &right).unwrap());
        let chunked = "HTTP/1.1 200 OK\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n\
                       5\r\nhello\r\n6;x=y\r\n world\r\n0\r\ntrailer: 1\r\n\r\n";
        assert!(read(chunked, &right).unwrap());
        let empty = "HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 0\r\n\r\n";
        assert!(read(empty, &expect("")).unwrap());
    }

    #[test]
    fn whatever_is_not_as_expected_is_an_error() {
        let body = "content-length: 5\r\n\r\nhello";
        for (response, what) in [
            (format!("HTTP/1.1 503 No\r\nx-a: 1\r\n{body}"), "expected status 200"),
            (format!("HTTP/1.1 200 OK\r\nx-a: 2\r\n{body}"), "expected x-a: 1"),
            (format!("HTTP/1.1 200 OK\r\nx-a: 1\r\nx-b: 1\r\n{body}"), "expected no x-b"),
            ("HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhallo".into(), "byte 1"),
            ("HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 4\r\n\r\nhell".into(), "4 bytes"),
            (format!("HTTP/1.1 200 OK\r\nx-a: 1\r\n{body} and more"), "after the end"),
        ] {
            let mut bytes = response.as_bytes();
            let error = Reader::new().read(&mut bytes, &expect("hello")).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn a_closed_connection_is_an_error() {
        let error = Reader::new().read(&mut &b""[..], &expect("")).unwrap_err().to_string();
        assert!(error.contains("closed"), "{error}");
    }
}

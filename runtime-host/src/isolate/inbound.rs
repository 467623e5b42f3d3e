//! Bytes and text on their way into JavaScript, counted against the Worker's memory.
//!
//! A large body is copied once, while it is collected: the buffer it is collected in becomes the
//! memory of the `ArrayBuffer`, or of the string when it is ASCII (V8's one-byte strings are Latin-1).

use std::sync::Arc;

use bytes::Bytes;
use v8::{Local, PinScope};

use super::body::Want;
use super::memory::{BufferMeter, Charge};
use super::state;

/// Above this a buffer changes hands; below it V8's own small allocation and a copy are cheaper.
const HANDED_OVER_MIN_BYTES: usize = 16 * 1024;

/// Room in front of the bytes for what their destructor needs: V8 tells it address and length only.
/// Also the alignment that V8's typed arrays need of the bytes behind it.
const HEADER_BYTES: usize = 16;

/// What reading such a body rejects with.
pub const DOES_NOT_FIT: &str = "the body does not fit into the Worker's memory limit";

/// A whole body as it was collected.
#[derive(Debug, Default)]
pub struct Collected {
    /// The only chunk so far. Most bodies that are read whole come in one.
    first: Option<Bytes>,
    /// All chunks, behind [`HEADER_BYTES`] of room; empty as long as there was only one.
    joined: Vec<u8>,
}

impl Collected {
    pub(super) fn len(&self) -> usize {
        match &self.first {
            Some(first) => first.len(),
            None => self.joined.len().saturating_sub(HEADER_BYTES),
        }
    }

    /// Adds a chunk. `expected` is how long the whole will be, if that can be believed.
    pub fn push(&mut self, chunk: Bytes, expected: Option<usize>) {
        if self.len() == 0 {
            self.first = Some(chunk);
            return;
        }
        if let Some(first) = self.first.take() {
            let known = first.len() + chunk.len();
            self.join(&first, expected.unwrap_or(0).max(known));
        }
        self.joined.extend_from_slice(&chunk);
    }

    fn join(&mut self, first: &[u8], capacity: usize) {
        self.joined = Vec::with_capacity(HEADER_BYTES + capacity);
        self.joined.resize(HEADER_BYTES, 0);
        self.joined.extend_from_slice(first);
    }

    fn bytes(&self) -> &[u8] {
        match &self.first {
            Some(first) => first,
            None => self.joined.get(HEADER_BYTES..).unwrap_or_default(),
        }
    }

    /// The buffer with its header, to be handed over.
    fn into_buffer(mut self) -> Vec<u8> {
        if let Some(first) = self.first.take() {
            self.join(&first, first.len());
        }
        self.joined
    }

    /// What a reader gets. `None` when the Worker's memory limit forbids it.
    pub fn into_value<'s>(
        self,
        scope: &PinScope<'s, '_>,
        want: Want,
    ) -> Option<Local<'s, v8::Value>> {
        match want {
            Want::Text => self.into_text(scope).map(Into::into),
            Want::Chunk | Want::Bytes => self.into_array(scope).map(Into::into),
        }
    }

    /// A `Uint8Array` that fills a buffer of its own. `None` when the Worker's memory limit forbids it.
    fn into_array<'s>(self, scope: &PinScope<'s, '_>) -> Option<Local<'s, v8::Uint8Array>> {
        if self.len() < HANDED_OVER_MIN_BYTES {
            return byte_array(scope, self.bytes());
        }
        let charge = charge(scope, self.len())?;
        let buffer = Handed { buffer: self.into_buffer(), header: HEADER_BYTES, _charge: charge };
        Some(buffer.into_array(scope))
    }

    /// The text that these bytes are in UTF-8, a byte order mark included; what is not UTF-8 becomes
    /// U+FFFD ("UTF-8 decode without BOM" of the Encoding standard). `None` when the Worker's memory
    /// limit forbids it, or V8 can't hold a string that long.
    fn into_text<'s>(self, scope: &PinScope<'s, '_>) -> Option<Local<'s, v8::String>> {
        let bytes = self.bytes();
        if !bytes.is_ascii() {
            return v8::String::new_from_utf8(scope, bytes, v8::NewStringType::Normal);
        }
        if bytes.len() < HANDED_OVER_MIN_BYTES || bytes.len() > v8::String::MAX_LENGTH {
            return v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal);
        }
        let charge = charge(scope, bytes.len())?;
        external_string(scope, self.into_buffer(), charge)
    }
}

impl From<Bytes> for Collected {
    fn from(chunk: Bytes) -> Self {
        Self { first: Some(chunk), joined: Vec::new() }
    }
}

/// A fresh `Uint8Array` with a copy of the bytes. `None` when the Worker's memory limit forbids it.
pub fn byte_array<'s>(scope: &PinScope<'s, '_>, bytes: &[u8]) -> Option<Local<'s, v8::Uint8Array>> {
    if bytes.len() >= HANDED_OVER_MIN_BYTES {
        let charge = charge(scope, bytes.len())?;
        let buffer = Handed { buffer: bytes.to_vec(), header: 0, _charge: charge };
        return Some(buffer.into_array(scope));
    }
    if !state::with(scope, |s| s.meter.fits(bytes.len())) {
        return None;
    }
    let buffer = v8::ArrayBuffer::new(scope, bytes.len());
    if let Some(data) = buffer.data() {
        // SAFETY: the buffer was made with this length and nothing else can reach it yet.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.as_ptr().cast(), bytes.len()) };
    }
    v8::Uint8Array::new(scope, buffer, 0, bytes.len())
}

/// Bytes as a string of the same code points (a byte string of Web IDL).
pub fn one_byte<'s>(scope: &PinScope<'s, '_>, bytes: &[u8]) -> Local<'s, v8::String> {
    v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal)
        .unwrap_or_else(|| v8::String::empty(scope))
}

fn charge(scope: &PinScope<'_, '_>, bytes: usize) -> Option<Charge> {
    state::with(scope, |s| BufferMeter::charge(&s.meter, bytes))
}

/// Memory that becomes an `ArrayBuffer`'s, and its place in the count.
struct Handed {
    buffer: Vec<u8>,
    header: usize,
    _charge: Charge,
}

impl AsMut<[u8]> for Handed {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.header..]
    }
}

impl Handed {
    fn into_array<'s>(self, scope: &PinScope<'s, '_>) -> Local<'s, v8::Uint8Array> {
        let length = self.buffer.len() - self.header;
        let store = v8::ArrayBuffer::new_backing_store_from_bytes(Box::new(self)).make_shared();
        let buffer = v8::ArrayBuffer::with_backing_store(scope, &store);
        v8::Uint8Array::new(scope, buffer, 0, length).expect("a view of the whole buffer fits")
    }
}

/// What stands in front of an external string's bytes.
#[repr(C)]
struct Header {
    /// Of an `Arc`.
    meter: *const BufferMeter,
    capacity: usize,
}

const _: () = assert!(size_of::<Header>() == HEADER_BYTES);

/// A string whose characters stay where they are. `buffer` has [`HEADER_BYTES`] in front.
fn external_string<'s>(
    scope: &PinScope<'s, '_>,
    buffer: Vec<u8>,
    charge: Charge,
) -> Option<Local<'s, v8::String>> {
    let mut buffer = std::mem::ManuallyDrop::new(buffer);
    let (base, length) = (buffer.as_mut_ptr(), buffer.len() - HEADER_BYTES);
    let header = Header { meter: Arc::into_raw(charge.keep()), capacity: buffer.capacity() };
    // SAFETY: the vector has that many bytes in front, which are nobody's; they need not be aligned.
    unsafe { base.cast::<Header>().write_unaligned(header) };
    // SAFETY: the bytes stay where they are until V8 calls the destructor, once, with this address
    // and length.
    let string = unsafe {
        let characters = base.add(HEADER_BYTES);
        v8::String::new_external_onebyte_raw(scope, characters.cast(), length, drop_characters)
    };
    if string.is_none() {
        // SAFETY: V8 did not take the bytes, and says so before it makes the string's resource.
        unsafe { drop_characters(base.add(HEADER_BYTES).cast(), length) };
    }
    string
}

/// Frees an external string's characters, on whichever thread collects or disposes of the isolate.
unsafe extern "C" fn drop_characters(characters: *mut std::ffi::c_char, length: usize) {
    // SAFETY: `external_string` made the vector and its header; V8 calls this once.
    unsafe {
        let base = characters.cast::<u8>().sub(HEADER_BYTES);
        let header = base.cast::<Header>().read_unaligned();
        drop(Vec::from_raw_parts(base, HEADER_BYTES + length, header.capacity));
        Charge::resume(Arc::from_raw(header.meter), length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_collected_in_order() {
        let mut whole = Collected::default();
        assert_eq!((whole.len(), whole.bytes()), (0, &b""[..]));
        whole.push(Bytes::from_static(b"ab"), Some(5));
        assert_eq!((whole.len(), whole.bytes()), (2, &b"ab"[..]));
        whole.push(Bytes::from_static(b"c"), Some(5));
        whole.push(Bytes::from_static(b"de"), Some(5));
        assert_eq!((whole.len(), whole.bytes()), (5, &b"abcde"[..]));
        let buffer = whole.into_buffer();
        assert_eq!(&buffer[HEADER_BYTES..], b"abcde");
        let mut one = Collected::default();
        one.push(Bytes::from_static(b"xyz"), None);
        assert_eq!(&one.into_buffer()[HEADER_BYTES..], b"xyz");
    }
}

//! Memory that processes share, as words, and texts in it.

#![allow(unsafe_code)] // Each block says why it holds.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a word.
pub const WORD: usize = 8;

/// Who may change what a map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// This process only loads; a store would end it.
    Read,
    Write,
}

/// A map of a file made by [`super::sys::memory_file`], which therefore keeps its size.
#[derive(Debug)]
pub struct Words {
    start: NonNull<AtomicU64>,
    count: usize,
}

// SAFETY: atomics may be reached from any thread, and nothing else is in the map.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    pub fn map(file: &File, count: usize, access: Access) -> io::Result<Self> {
        let bytes = count * WORD;
        if file.metadata()?.len() < bytes as u64 {
            return Err(io::Error::other("the shared memory is too small"));
        }
        let protection = match access {
            Access::Read => libc::PROT_READ,
            Access::Write => libc::PROT_READ | libc::PROT_WRITE,
        };
        // SAFETY: a new map, at a place that the kernel chooses.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                protection,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(start.cast())
            .map(|start| Self { start, count })
            .ok_or_else(|| io::Error::other("the shared memory was mapped at zero"))
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the map is this long, page-aligned, never shrinks, and any bits are a word.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: the map is this one's own, and what borrowed from it is gone.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.count * WORD) };
    }
}

/// Writes a text, cut off where it does not fit, and zeros after it.
pub fn store_text(words: &[AtomicU64], text: &str) {
    let mut bytes = text.as_bytes().iter().copied().chain(std::iter::repeat(0));
    for (at, word) in words.iter().enumerate() {
        let mut buffer = [0; WORD];
        // The last byte stays zero, so that a text always ends.
        let room = if at + 1 == words.len() { WORD - 1 } else { WORD };
        for (place, byte) in buffer.iter_mut().zip(&mut bytes).take(room) {
            *place = byte;
        }
        word.store(u64::from_le_bytes(buffer), Ordering::Relaxed);
    }
}

/// The text that [`store_text`] wrote, whatever somebody else made of it.
pub fn load_text(words: impl Iterator<Item = u64>) -> String {
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether [`load_text`] would give this text as [`store_text`] wrote it.
pub fn holds_text(words: &[AtomicU64], text: &str) -> bool {
    let room = words.len() * WORD - 1;
    let text = &text.as_bytes()[..text.len().min(room)];
    words.iter().enumerate().all(|(at, word)| {
        let mut wanted = [0; WORD];
        let from = (at * WORD).min(text.len());
        let piece = &text[from..text.len().min(from + WORD)];
        wanted[..piece.len()].copy_from_slice(piece);
        word.load(Ordering::Relaxed) == u64::from_le_bytes(wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::sys;

    #[test]
    fn two_maps_of_a_file_show_the_same_and_texts_come_back() {
        let file = sys::memory_file(c"test", 4 * WORD as u64).expect("memory");
        assert!(Words::map(&file, 5, Access::Read).is_err(), "longer than the file");
        assert!(file.set_len(8).is_err(), "it can't be shrunk under a peer's map");
        let write = Words::map(&file, 4, Access::Write).expect("a map");
        let read = Words::map(&file, 4, Access::Read).expect("a map");
        for (text, kept) in [
            ("", ""),
            ("hello", "hello"),
            ("exactly-eight-by-four-is-too-long", "exactly-eight-by-four-is-too-lo"),
            ("short again", "short again"),
        ] {
            store_text(&write, text);
            assert_eq!(load_text(read.iter().map(|word| word.load(Ordering::Relaxed))), kept);
            assert!(holds_text(&read, text) && !holds_text(&read, "else"), "{text}");
        }
        let hostile = [0xff; WORD];
        assert_eq!(load_text([u64::from_le_bytes(hostile)].into_iter()).chars().count(), 8);
    }
}

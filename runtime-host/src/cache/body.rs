//! A body that is kept, and its readers.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};

/// Bytes that are read from a file at once.
const PIECE_BYTES: u64 = 64 * 1024;

/// Pieces that are smaller are put together to one of [`PIECE_BYTES`]: each costs some tens of bytes.
const SMALL_BYTES: usize = 16 * 1024;

/// Where a body is.
#[derive(Debug)]
pub(super) enum Body {
    Memory(Pieces),
    File(Kept),
}

impl Body {
    /// The entry is taken out: its file goes when nobody reads it any more.
    pub fn let_go(&self) {
        if let Self::File(kept) = self {
            kept.gone.store(true, Ordering::Relaxed);
        }
    }

    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(pieces) => pieces.length,
            Self::File(kept) => kept.length,
        }
    }
}

/// A body in memory.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    whole: Vec<Bytes>,
    tail: BytesMut,
    length: u64,
}

impl Pieces {
    pub fn push(&mut self, piece: Bytes) {
        self.length += piece.len() as u64;
        if piece.len() < SMALL_BYTES {
            self.tail.extend_from_slice(&piece);
            if self.tail.len() as u64 >= PIECE_BYTES {
                self.seal();
            }
        } else {
            self.seal();
            self.whole.push(piece);
        }
    }

    /// Makes a piece of what was put together.
    pub fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.whole.push(std::mem::take(&mut self.tail).freeze());
        }
    }
}

/// A body in a file.
#[derive(Debug)]
pub(super) struct Kept {
    pub path: PathBuf,
    /// Where the body begins.
    pub offset: u64,
    pub length: u64,
    /// The entry is none any more: the file goes with the last of who reads it.
    pub gone: AtomicBool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.gone.load(Ordering::Relaxed) {
            // What can't be removed is found again at the next start, and counts.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Reads a range of an entry's body, some KiB at a time.
#[derive(Debug)]
pub struct Reader {
    entry: Arc<super::Entry>,
    left: Range<u64>,
    /// Of a body in memory: the next piece, and where it begins.
    at: (usize, u64),
    file: Option<File>,
}

impl Reader {
    /// # Errors
    /// The file can't be opened: the entry is as good as gone.
    pub async fn open(entry: Arc<super::Entry>, range: Range<u64>) -> io::Result<Self> {
        let file = match &entry.body {
            Body::File(kept) if !range.is_empty() => {
                let (path, start) = (kept.path.clone(), kept.offset + range.start);
                let opened = tokio::task::spawn_blocking(move || {
                    let mut file = File::open(path)?;
                    file.seek(SeekFrom::Start(start))?;
                    Ok::<_, io::Error>(file)
                });
                Some(opened.await.map_err(io::Error::other)??)
            }
            _ => None,
        };
        Ok(Self { entry, left: range, at: (0, 0), file })
    }

    /// How many bytes are left.
    pub fn length(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// The next bytes, never empty; `None` at the end.
    pub async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        if self.left.is_empty() {
            return None;
        }
        let chunk = match self.file.take() {
            None => self.take_of_memory().ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
            Some(file) => self.take_of_file(file).await,
        };
        match &chunk {
            Ok(chunk) => self.left.start += chunk.len() as u64,
            Err(_) => self.left.start = self.left.end,
        }
        Some(chunk)
    }

    fn take_of_memory(&mut self) -> Option<Bytes> {
        let Body::Memory(body) = &self.entry.body else { return None };
        loop {
            let (index, begin) = self.at;
            let piece = body.whole.get(index)?;
            let end = begin + piece.len() as u64;
            if self.left.start < end {
                let to = self.left.end.min(end);
                return Some(
                    piece.slice((self.left.start - begin) as usize..(to - begin) as usize),
                );
            }
            self.at = (index + 1, end);
        }
    }

    async fn take_of_file(&mut self, mut file: File) -> io::Result<Bytes> {
        let wanted = self.length().min(PIECE_BYTES) as usize;
        let reading = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; wanted];
            file.read_exact(&mut piece)?;
            Ok::<_, io::Error>((file, piece))
        });
        let (file, piece) = reading.await.map_err(io::Error::other)??;
        self.file = Some(file);
        Ok(piece.into())
    }
}

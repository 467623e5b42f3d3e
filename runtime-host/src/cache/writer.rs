//! A response on its way into a cache.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::{Bytes, BytesMut};

use super::CacheId;
use super::body::{Body, Kept, Pieces};
use super::disk::{self, Description};
use super::entry::Entry;
use super::store::{Store, vary_of};

/// Bytes that are written to a file at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Why a response is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutRefused {
    /// Its `cache-control`, `expires` or `set-cookie` forbids it.
    NotAllowed,
    /// It is larger than the tenant's limit.
    TooLarge,
    /// Its file can't be written.
    Disk,
}

/// Takes a body; [`Writer::finish`] makes the entry known. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct Writer {
    store: Arc<Store>,
    tenant: String,
    limit: usize,
    cache: CacheId,
    id: u64,
    description: Option<Description>,
    /// Bytes that are counted for it.
    reserved: usize,
    to: To,
}

#[derive(Debug)]
enum To {
    Memory(Pieces),
    File {
        place: PathBuf,
        file: Option<File>,
        offset: u64,
        length: u64,
        tail: BytesMut,
    },
    /// The entry is known.
    Done,
}

impl Writer {
    pub(super) fn new(
        store: Arc<Store>,
        tenant: &str,
        limit: usize,
        cache: CacheId,
        id: u64,
        description: Description,
        reserved: usize,
    ) -> Self {
        let to = To::Memory(Pieces::default());
        let (tenant, description) = (tenant.to_owned(), Some(description));
        Self { store, tenant, limit, cache, id, description, reserved, to }
    }

    pub(super) async fn begin_file(&mut self, place: PathBuf) -> Result<(), PutRefused> {
        let Some(description) = self.description.take() else { return Ok(()) };
        let (id, at) = (self.id, place.clone());
        self.to = To::File { place, file: None, offset: 0, length: 0, tail: BytesMut::new() };
        let begun =
            blocking(move || disk::begin(&at, id, &description).map(|begun| (begun, description)));
        let ((begun, start), description) = begun.await.map_err(|error| self.failed(&error))?;
        self.description = Some(description);
        if let To::File { file, offset, .. } = &mut self.to {
            (*file, *offset) = (Some(begun), start);
        }
        Ok(())
    }

    /// Adds to the body.
    ///
    /// # Errors
    /// It does not fit, or its file can't be written: the writer is of no use any more.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), PutRefused> {
        if !self.store.grow(&self.tenant, chunk.len(), self.limit) {
            return Err(PutRefused::TooLarge);
        }
        self.reserved += chunk.len();
        match &mut self.to {
            To::Memory(pieces) => pieces.push(chunk),
            To::File { length, tail, .. } => {
                *length += chunk.len() as u64;
                tail.extend_from_slice(&chunk);
                if tail.len() >= PIECE_BYTES {
                    self.flush().await?;
                }
            }
            To::Done => {}
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), PutRefused> {
        let To::File { file, tail, .. } = &mut self.to else { return Ok(()) };
        let (Some(mut open), piece) = (file.take(), std::mem::take(tail)) else {
            return Err(PutRefused::Disk);
        };
        let written = blocking(move || open.write_all(&piece).map(|()| open)).await;
        let open = written.map_err(|error| self.failed(&error))?;
        if let To::File { file, .. } = &mut self.to {
            *file = Some(open);
        }
        Ok(())
    }

    /// The body is whole: from now on the entry is found, and those that it replaces are not.
    ///
    /// # Errors
    /// Its file can't be written.
    pub async fn finish(mut self) -> Result<(), PutRefused> {
        self.flush().await?;
        let body = match std::mem::replace(&mut self.to, To::Done) {
            To::Memory(mut pieces) => {
                pieces.seal();
                Body::Memory(pieces)
            }
            To::File { place, file: Some(file), offset, length, tail } => {
                let (id, at) = (self.id, place.clone());
                self.to = To::File { place, file: None, offset, length, tail };
                let finished = blocking(move || disk::finish(&at, id, &file)).await;
                let path = finished.map_err(|error| self.failed(&error))?;
                self.to = To::Done;
                Body::File(Kept { path, offset, length, gone: AtomicBool::new(false) })
            }
            To::File { .. } | To::Done => return Err(PutRefused::Disk),
        };
        let Some(Description { request, head, stored, expires, age, .. }) = self.description.take()
        else {
            return Err(PutRefused::Disk);
        };
        let (id, cache, vary) = (self.id, self.cache, vary_of(&head.headers));
        let charged = std::mem::take(&mut self.reserved);
        self.store.commit(
            &self.tenant,
            Entry { id, cache, request, head, body, stored, expires, age, vary, charged },
        );
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> PutRefused {
        tracing::warn!(worker = self.tenant, %error, "the cache's directory can't be written to");
        PutRefused::Disk
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.reserved > 0 {
            self.store.release(&self.tenant, self.reserved);
        }
        if let To::File { place, .. } = &self.to {
            disk::abandon(place, self.id);
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

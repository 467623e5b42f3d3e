//! Entries in files. Each process has a part of the directory for itself (`engine-0`, `engine-1` …), held by
//! a lock, and in it a directory per Worker; an entry is one file, which appears under its name when it is
//! whole.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::body::Kept;
use super::entry::{Head, Request};
use crate::exchange::HeaderList;

const MAGIC: &[u8; 13] = b"NANO cache 1\n";

/// Bytes of the head that stands in front of a body: far above what limits of headers allow.
const HEAD_MAX_BYTES: usize = 4 * 1024 * 1024;

/// More processes than this share no directory.
const PARTS_MAX: u32 = 1_000;

/// This process's part of the directory.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    _lock: File,
}

/// What a file says beside the body.
#[derive(Debug)]
pub(super) struct Description {
    /// The cache's name; `None`: the default one.
    pub cache: Option<String>,
    pub request: Request,
    pub head: Head,
    pub stored: SystemTime,
    pub expires: SystemTime,
    pub age: u64,
}

impl Disk {
    /// Takes the first part that no other process holds.
    ///
    /// # Errors
    /// The directory can't be written to.
    pub fn open(directory: &Path) -> io::Result<Self> {
        for number in 0..PARTS_MAX {
            let root = directory.join(format!("engine-{number}"));
            fs::create_dir_all(&root)?;
            let lock =
                File::options().create(true).write(true).truncate(false).open(root.join("lock"))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { root, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::other("too many processes share it"))
    }

    /// Where a tenant's entries are. A name may be anything, and a path may not.
    pub fn place(&self, tenant: &str) -> PathBuf {
        let digest = Sha256::digest(tenant.as_bytes());
        let hex: Vec<_> = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.root.join(hex.concat())
    }

    /// Forgets a tenant.
    pub fn remove(&self, tenant: &str) {
        let Ok(files) = fs::read_dir(self.place(tenant)) else { return };
        for file in files.flatten() {
            // The directory stays: an empty one costs nothing.
            let _ = fs::remove_file(file.path());
        }
    }
}

/// The file of an entry.
pub(super) fn file_of(place: &Path, id: u64) -> PathBuf {
    place.join(format!("{id:016x}"))
}

fn unfinished_of(place: &Path, id: u64) -> PathBuf {
    place.join(format!("{id:016x}.part"))
}

/// Begins a file; the body follows at the offset.
pub(super) fn begin(place: &Path, id: u64, description: &Description) -> io::Result<(File, u64)> {
    fs::create_dir_all(place)?;
    let head = to_json(description).to_string();
    let length = u32::try_from(head.len()).map_err(io::Error::other)?;
    let mut file = File::create(unfinished_of(place, id))?;
    file.write_all(MAGIC)?;
    file.write_all(&length.to_le_bytes())?;
    file.write_all(head.as_bytes())?;
    Ok((file, (MAGIC.len() + 4 + head.len()) as u64))
}

/// Gives a whole file its name. It is on the disk before, so that no crash leaves half of one under it.
pub(super) fn finish(place: &Path, id: u64, file: &File) -> io::Result<PathBuf> {
    file.sync_data()?;
    let path = file_of(place, id);
    fs::rename(unfinished_of(place, id), &path)?;
    Ok(path)
}

/// Drops a file that will not be whole.
pub(super) fn abandon(place: &Path, id: u64) {
    // Found and removed at the next start otherwise.
    let _ = fs::remove_file(unfinished_of(place, id));
}

/// What is there from before, by id. What is not an entry, or no fresh one, is removed.
pub(super) fn load(place: &Path, now: SystemTime) -> Vec<(u64, Description, Kept)> {
    let Ok(files) = fs::read_dir(place) else { return Vec::new() };
    let mut found = Vec::new();
    for file in files.flatten() {
        let path = file.path();
        let id = file.file_name().to_str().and_then(|name| u64::from_str_radix(name, 16).ok());
        match id.and_then(|id| Some((id, read(&path).ok()?))) {
            Some((id, (description, kept))) if now < description.expires => {
                found.push((id, description, kept));
            }
            // What can't be removed is looked at again at the next start.
            _ => drop(fs::remove_file(&path)),
        }
    }
    found.sort_by_key(|(id, ..)| *id);
    found
}

fn read(path: &Path) -> io::Result<(Description, Kept)> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut file = File::open(path)?;
    let mut front = [0; MAGIC.len() + 4];
    file.read_exact(&mut front)?;
    let (magic, length) = front.split_at(MAGIC.len());
    let length = u32::from_le_bytes(length.try_into().map_err(|_| invalid())?) as usize;
    if magic != MAGIC || length > HEAD_MAX_BYTES {
        return Err(invalid());
    }
    let mut head = vec![0; length];
    file.read_exact(&mut head)?;
    let description = from_json(&serde_json::from_slice(&head)?).ok_or_else(invalid)?;
    let offset = (front.len() + length) as u64;
    let length = file.metadata()?.len().checked_sub(offset).ok_or_else(invalid)?;
    Ok((description, Kept { path: path.to_owned(), offset, length, gone: AtomicBool::new(false) }))
}

// ---- The head as JSON ----

fn to_json(description: &Description) -> Value {
    json!({
        "cache": description.cache,
        "url": description.request.url.as_str(),
        "request": list_to_json(&description.request.headers),
        "status": description.head.status,
        "statusText": description.head.status_text,
        "headers": list_to_json(&description.head.headers),
        "responseUrl": description.head.url,
        "redirected": description.head.redirected,
        "stored": to_millis(description.stored),
        "expires": to_millis(description.expires),
        "age": description.age,
    })
}

fn from_json(value: &Value) -> Option<Description> {
    let text = |key: &str| value.get(key)?.as_str().map(ToOwned::to_owned);
    let time = |key: &str| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(value.get(key)?.as_u64()?))
    };
    Some(Description {
        cache: text("cache"),
        request: Request {
            method: Bytes::from_static(b"GET"),
            url: Url::parse(&text("url")?).ok()?,
            headers: list_from_json(value.get("request")?)?,
        },
        head: Head {
            status: u16::try_from(value.get("status")?.as_u64()?).ok()?,
            status_text: text("statusText")?,
            headers: list_from_json(value.get("headers")?)?,
            url: text("responseUrl")?,
            redirected: value.get("redirected")?.as_bool()?,
        },
        stored: time("stored")?,
        expires: time("expires")?,
        age: value.get("age")?.as_u64()?,
    })
}

fn to_millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Fields are bytes: each becomes the character of its number.
fn list_to_json(list: &HeaderList) -> Value {
    let text = |bytes: &Bytes| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    list.iter().flat_map(|(name, value)| [text(name), text(value)]).map(Value::from).collect()
}

fn list_from_json(value: &Value) -> Option<HeaderList> {
    let bytes = |value: &Value| -> Option<Bytes> {
        value.as_str()?.chars().map(|c| u8::try_from(c as u32).ok()).collect()
    };
    let mut list = HeaderList::default();
    for pair in value.as_array()?.chunks(2) {
        list.push(bytes(pair.first()?)?, bytes(pair.get(1)?)?);
    }
    Some(list)
}

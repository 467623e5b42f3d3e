//! The snapshot in a file, so that a process need not make it when it starts.
//!
//! `nano-host snapshot` writes it beside the program. V8 believes what a blob says: one of another
//! build, or a damaged one, could end the process or worse. So the file begins with what tells the
//! build that made it, its length and a checksum, and one that does not fit is passed over. This
//! finds mistakes and damage, not malice: who can write that file can write the program as well.
//!
//! The file is read, not mapped. A mapped one that somebody overwrites in place (`cp`) would change
//! under V8 or end the process; the system protects running programs from that, but not this.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{platform, snapshot};
use crate::{js, ops};

/// The environment variable that names the file; empty: none is used.
pub const FILE_VARIABLE: &str = "NANO_SNAPSHOT";

/// What the file begins with; the digit counts changes of the header's layout.
const MAGIC: [u8; 8] = *b"nanosna1";

/// The magic and three numbers of eight bytes, little-endian: build, bytes of the blob, checksum.
const HEADER_BYTES: usize = 32;

/// More than any blob of ours has: nothing larger is read.
const BLOB_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a file is not used.
#[derive(Debug)]
pub enum Misfit {
    Unreadable(io::Error),
    /// It does not begin as such a file does.
    Foreign,
    /// Another build of the program made it.
    OtherBuild,
    /// It is shorter or longer than its header says, or its checksum differs.
    Damaged,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Foreign => f.write_str("it is no snapshot"),
            Self::OtherBuild => f.write_str("another build of this program made it"),
            Self::Damaged => f.write_str("it is damaged"),
        }
    }
}

impl From<io::Error> for Misfit {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// The blob of the file that belongs to this process, if there is one that fits. The log says why
/// another is not used.
pub fn find() -> Option<Vec<u8>> {
    if js::MAY_BE_REPLACED && std::env::var_os(js::DIRECTORY_VARIABLE).is_some() {
        return None;
    }
    let is_named = std::env::var_os(FILE_VARIABLE).is_some();
    let path = path()?;
    match read(&path) {
        Ok(blob) => return Some(blob),
        Err(Misfit::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound && !is_named => {
            tracing::debug!("no snapshot at {}: it is made in the process", path.display());
        }
        Err(misfit) => tracing::warn!(
            "the snapshot {} is not used: {misfit}. It is made in the process, which takes longer; \
             `nano-host snapshot` makes the file anew",
            path.display()
        ),
    }
    None
}

/// Where it is looked for, if it is.
pub fn path() -> Option<PathBuf> {
    let named = std::env::var_os(FILE_VARIABLE);
    let path = named.map_or_else(beside_the_program, |path| Ok(PathBuf::from(path))).ok()?;
    (!path.as_os_str().is_empty()).then_some(path)
}

/// Where the file is when nothing else is said: the program's path with `.snapshot` after it.
pub fn beside_the_program() -> io::Result<PathBuf> {
    let mut path = std::env::current_exe()?.into_os_string();
    path.push(".snapshot");
    Ok(path.into())
}

/// Writes a blob of this process; returns the bytes written. The file takes the place of what was
/// there at once, so that no process ever reads a part of it.
pub fn write(path: &Path, blob: &[u8]) -> io::Result<usize> {
    let mut temporary = OsString::from(path);
    temporary.push(format!(".{}", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(&header(blob))?;
            file.write_all(blob)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        // It may not even exist; what was wrong at first is what counts.
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(HEADER_BYTES + blob.len())
}

fn read(path: &Path) -> Result<Vec<u8>, Misfit> {
    // Before it is opened: opening a pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Misfit::Foreign);
    }
    let mut file = File::open(path)?;
    let mut found = Vec::with_capacity(HEADER_BYTES);
    Read::by_ref(&mut file).take(HEADER_BYTES as u64).read_to_end(&mut found)?;
    if !found.starts_with(&MAGIC) {
        return Err(Misfit::Foreign);
    }
    let (Some(maker), Some(length)) = (number(&found, 1), number(&found, 2)) else {
        return Err(Misfit::Damaged);
    };
    if maker != build() {
        return Err(Misfit::OtherBuild);
    }
    if length > BLOB_BYTES_MAX {
        return Err(Misfit::Damaged);
    }
    let mut blob = Vec::with_capacity(length as usize);
    file.take(length + 1).read_to_end(&mut blob)?;
    if blob.len() as u64 != length || header(&blob)[..] != found {
        return Err(Misfit::Damaged);
    }
    Ok(blob)
}

fn header(blob: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let parts = [
        MAGIC,
        build().to_le_bytes(),
        (blob.len() as u64).to_le_bytes(),
        checksum(0, blob).to_le_bytes(),
    ];
    for (place, part) in header.chunks_exact_mut(8).zip(parts) {
        place.copy_from_slice(&part);
    }
    header
}

fn number(header: &[u8], at: usize) -> Option<u64> {
    let (words, _) = header.as_chunks::<8>();
    words.get(at).map(|word| u64::from_le_bytes(*word))
}

/// What tells this build from others: all that goes into a snapshot and can be compared, and how
/// far host functions, sources and V8's data lie apart, which another V8 would change.
fn build() -> u64 {
    let mut sum = checksum(TEXTS, v8::V8::get_version().as_bytes());
    for op in ops::list() {
        sum = checksum(sum, op.name.as_bytes());
    }
    let places = snapshot::external_references();
    // SAFETY: all fields of the union are addresses, and this one is only looked at as a number.
    let places = places.iter().map(|place| unsafe { place.pointer }.addr());
    let first = v8::V8::get_version().as_ptr().addr();
    for place in places.filter(|place| *place != 0) {
        sum = mix(sum, place.wrapping_sub(first) as u64);
    }
    sum
}

/// The checksum of what is known when this is compiled: at run time it would have to read all of the
/// sources, which are otherwise read as they are used.
#[allow(long_running_const_eval)]
const TEXTS: u64 = {
    let mut sum = checksum(0, std::env::consts::ARCH.as_bytes());
    sum = checksum(sum, platform::FLAGS.as_bytes());
    let mut at = 0;
    while at < js::FILES.len() {
        sum = checksum(sum, js::FILES[at].name.as_bytes());
        sum = checksum(sum, js::FILES[at].text.as_bytes());
        sum = mix(sum, js::FILES[at].compiled as u64);
        at += 1;
    }
    sum
};

/// A checksum that differs whenever one word of eight bytes differs, a fraction of a millisecond for
/// a snapshot.
const fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    let mut sum = mix(seed, bytes.len() as u64);
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        sum = mix(sum, u64::from_le_bytes(*word));
        rest = after;
    }
    let mut last = 0;
    while let Some((byte, after)) = rest.split_first() {
        last = last << 8 | *byte as u64;
        rest = after;
    }
    mix(sum, last)
}

/// Each step can be undone (the factor is odd), so that a difference never gets lost.
const fn mix(sum: u64, word: u64) -> u64 {
    (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as `write` makes it, in a directory of its own.
    fn kept() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("nano-host.snapshot");
        let bytes = write(&path, &snapshot::blob()).expect("the file can be written");
        let content = std::fs::read(&path).expect("the file is there");
        assert_eq!(content.len(), bytes);
        (directory, path, content)
    }

    #[test]
    fn what_was_written_is_read() {
        let (directory, path, content) = kept();
        assert_eq!(read(&path).expect("it fits"), &content[HEADER_BYTES..]);
        let files = std::fs::read_dir(directory.path()).expect("a directory").count();
        assert_eq!(files, 1, "nothing else is left behind");
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let (_directory, path, content) = kept();
        let spread = (HEADER_BYTES..content.len()).step_by(content.len() / 50);
        for at in (0..HEADER_BYTES).chain(spread).chain([content.len() - 1]) {
            let mut flipped = content.clone();
            flipped[at] ^= 0x10;
            std::fs::write(&path, &flipped).expect("the file can be written");
            let misfit = read(&path).expect_err("a byte was changed");
            let said = match at {
                0..8 => matches!(misfit, Misfit::Foreign),
                8..16 => matches!(misfit, Misfit::OtherBuild),
                _ => matches!(misfit, Misfit::Damaged),
            };
            assert!(said, "byte {at}: {misfit}");
        }
    }

    #[test]
    fn a_file_of_another_length_is_not_used() {
        let (_directory, path, content) = kept();
        for length in [0, 7, 8, 31, 32, 33, content.len() / 2, content.len() - 1] {
            std::fs::write(&path, &content[..length]).expect("the file can be written");
            read(&path).expect_err("it was cut off");
        }
        std::fs::write(&path, [&content[..], b"x"].concat()).expect("the file can be written");
        assert!(matches!(read(&path), Err(Misfit::Damaged)));
    }

    #[test]
    fn what_is_no_file_is_not_used() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        assert!(matches!(read(directory.path()), Err(Misfit::Foreign)));
        let missing = read(&directory.path().join("none"));
        assert!(
            matches!(missing, Err(Misfit::Unreadable(e)) if e.kind() == io::ErrorKind::NotFound)
        );
        let path = directory.path().join("no/such/place");
        assert!(write(&path, b"").is_err());
    }
}

//! What the supervisor tells its engines: how often an engine was replaced, which Workers crashed,
//! and until when one is quarantined.
//!
//! In shared memory, so that the running engines learn of it at once and the next ones find it.
//! Engines map it read-only. The supervisor writes it from its own books and never reads it.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::shared::{Access, WORD, Words, holds_text, load_text, store_text};
use super::sys;

const HEAD: usize = 8;
const RESTARTS: usize = 0;
/// Entries in use.
const COUNT: usize = 1;
/// The end of the quarantine that lasts longest: past it nobody has to look further.
const LATEST: usize = 2;

/// Workers that crashed an engine since the supervisor began.
pub const ENTRIES: usize = 1024;
const ENTRY: usize = 16;
const NAME: usize = 8;
const VERSION: std::ops::Range<usize> = 8..10;
const CRASHES: usize = 10;
const UNTIL: usize = 11;

const WORDS: usize = HEAD + ENTRIES * ENTRY;

fn entry(words: &[AtomicU64], number: usize) -> &[AtomicU64] {
    &words[HEAD + number * ENTRY..][..ENTRY]
}

/// The supervisor's side.
#[derive(Debug)]
pub struct Board {
    words: Words,
    file: File,
}

impl Board {
    pub fn create() -> io::Result<Self> {
        let file = sys::memory_file(c"nano-board", (WORDS * WORD) as u64)?;
        Ok(Self { words: Words::map(&file, WORDS, Access::Write)?, file })
    }

    /// A descriptor for one engine: read-only, and with file locks of its own.
    pub fn for_engine(&self) -> io::Result<File> {
        use std::os::fd::AsRawFd;
        File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// The descriptor whose lock the supervisor takes for the log.
    pub fn own(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    pub fn count_restart(&self) {
        self.words[RESTARTS].fetch_add(1, Ordering::Relaxed);
    }

    /// Writes what is known of one Worker. `number` counts from 0, without a gap.
    pub fn publish(&self, number: usize, worker: &str, version: &str, crashes: u64, until_ms: u64) {
        if number >= ENTRIES {
            return;
        }
        let words = entry(&self.words, number);
        // Nobody is taken for another one meanwhile.
        words[UNTIL].store(0, Ordering::Release);
        store_text(&words[..NAME], worker);
        store_text(&words[VERSION], version);
        words[CRASHES].store(crashes, Ordering::Relaxed);
        words[UNTIL].store(until_ms, Ordering::Release);
        self.words[COUNT].fetch_max(number as u64 + 1, Ordering::Release);
        self.words[LATEST].fetch_max(until_ms, Ordering::Release);
    }
}

/// An engine's side.
#[derive(Debug)]
pub struct Notices(Words);

/// A Worker that crashed an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crashed {
    pub worker: String,
    pub crashes: u64,
    pub quarantined: bool,
}

impl Notices {
    pub fn open(file: &File) -> io::Result<Self> {
        Words::map(file, WORDS, Access::Read).map(Self)
    }

    /// How much longer this version of a Worker may not run. One load as long as none is in
    /// quarantine.
    pub fn quarantine(&self, worker: &str, version: &str) -> Option<Duration> {
        let latest = self.0[LATEST].load(Ordering::Acquire);
        if latest == 0 {
            return None;
        }
        let now = sys::now_ms();
        if latest <= now {
            return None;
        }
        let left = |words: &[AtomicU64]| {
            let until = words[UNTIL].load(Ordering::Acquire);
            let left = until.checked_sub(now).filter(|left| *left > 0)?;
            let same = holds_text(&words[..NAME], worker) && holds_text(&words[VERSION], version);
            same.then(|| Duration::from_millis(left))
        };
        self.entries().find_map(left)
    }

    pub fn restarts(&self) -> u64 {
        self.0[RESTARTS].load(Ordering::Relaxed)
    }

    /// The Workers that crashed an engine.
    pub fn crashed(&self) -> Vec<Crashed> {
        let now = sys::now_ms();
        let text =
            |words: &[AtomicU64]| load_text(words.iter().map(|word| word.load(Ordering::Relaxed)));
        self.entries()
            .map(|words| Crashed {
                worker: text(&words[..NAME]),
                crashes: words[CRASHES].load(Ordering::Relaxed),
                quarantined: words[UNTIL].load(Ordering::Relaxed) > now,
            })
            .collect()
    }

    fn entries(&self) -> impl Iterator<Item = &[AtomicU64]> {
        let count = self.0[COUNT].load(Ordering::Acquire) as usize;
        (0..count.min(ENTRIES)).map(|number| entry(&self.0, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_see_what_the_supervisor_writes_and_cannot_write() {
        use std::io::Write;
        let board = Board::create().expect("memory");
        let mut file = board.for_engine().expect("a descriptor");
        assert!(file.write_all(b"x").is_err(), "read-only");
        let notices = Notices::open(&file).expect("a map");
        assert_eq!(notices.quarantine("bad", "v1"), None);
        let now = sys::now_ms();
        board.publish(0, "bad", "v1", 2, now + 60_000);
        board.publish(1, "worse", "v1", 1, 0);
        board.count_restart();
        assert_eq!(notices.restarts(), 1);
        let left = notices.quarantine("bad", "v1").expect("quarantined");
        assert!(left > Duration::from_secs(50), "{left:?}");
        // Another version, another Worker.
        assert_eq!(notices.quarantine("bad", "v2"), None);
        assert_eq!(notices.quarantine("worse", "v1"), None);
        let told: Vec<_> =
            notices.crashed().into_iter().map(|c| (c.crashes, c.quarantined)).collect();
        assert_eq!(told, [(2, true), (1, false)]);
        // It is over by time, without a word.
        board.publish(0, "bad", "v1", 2, now);
        assert_eq!(notices.quarantine("bad", "v1"), None);
    }
}

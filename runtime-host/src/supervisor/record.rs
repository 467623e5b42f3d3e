//! What an engine was doing when it died: the layout of the memory in which it keeps that, and the
//! supervisor's reading of it.
//!
//! A record is made anew for each engine process. The supervisor never maps it: it reads the file
//! once, after the engine's end, and takes nothing that it finds for true beyond its being a text
//! and a number. What an attacker who runs machine code in an engine can do is to blame another
//! Worker.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::shared::{WORD, load_text};
use super::sys;

/// Words at the begin of the record.
pub(super) const HEAD: usize = 8;
/// The engine serves, or has served.
pub(super) const READY: usize = 0;
/// It is writing log lines.
pub(super) const WRITING: usize = 1;
/// The signal that ended it came to a thread that has no line.
pub(super) const STRAY: usize = 2;

/// Threads that can run turns at a time. What the others run is not noted.
pub(super) const LINES: usize = 2048;
/// Words of a thread's line: a cache line, so that threads do not disturb each other.
pub(super) const LINE: usize = 8;
/// The number of the version whose turn it runs, or 0.
pub(super) const RUNNING: usize = 0;
/// The signal that ended the process here.
pub(super) const SIGNAL: usize = 1;

/// Versions of Workers that can have isolates at a time. Further ones are not noted.
pub(super) const TENANTS: usize = 16 * 1024;
/// Words of a version: its Worker's name, then its own.
pub(super) const TENANT: usize = 16;
pub(super) const NAME: usize = 8;
pub(super) const VERSION: usize = 2;

pub(super) const WORDS: usize = HEAD + LINES * LINE + TENANTS * TENANT;

/// Versions that are told apart after one crash: more say as little as none.
const TOLD_MAX: usize = 16;

/// Where a thread's line begins.
pub(super) const fn line(number: usize) -> usize {
    HEAD + number * LINE
}

/// Where a version's entry begins.
pub(super) const fn tenant(number: usize) -> usize {
    HEAD + LINES * LINE + number * TENANT
}

/// Memory for a new engine. It takes room only where it is written to.
pub fn create() -> io::Result<File> {
    sys::memory_file(c"nano-record", (WORDS * WORD) as u64)
}

/// A version of a Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub worker: String,
    pub version: String,
}

/// What a dead engine's record says.
#[derive(Debug, Default)]
pub struct Findings {
    pub ready: bool,
    /// It died while it wrote log lines: the last may have no end.
    pub torn: bool,
    /// Whose turns ran on threads on which a signal ended the process.
    pub ended_by: Vec<Tenant>,
    /// Whose turns ran at all.
    pub running: Vec<Tenant>,
    /// The signal came to a thread that ran no Worker's turn.
    pub elsewhere: bool,
}

impl Findings {
    pub fn read(record: &File) -> io::Result<Self> {
        let words = words_at(record, 0, HEAD + LINES * LINE)?;
        let mut findings = Self {
            ready: words[READY] != 0,
            torn: words[WRITING] != 0,
            elsewhere: words[STRAY] != 0,
            ..Self::default()
        };
        for line in words[HEAD..].chunks_exact(LINE) {
            let ended = line[SIGNAL] != 0;
            let Some(number) = number_of(line[RUNNING]) else {
                findings.elsewhere |= ended;
                continue;
            };
            let entry = words_at(record, tenant(number), TENANT)?;
            let tenant = Tenant {
                worker: load_text(entry[..NAME].iter().copied()),
                version: load_text(entry[NAME..NAME + VERSION].iter().copied()),
            };
            if ended {
                note(&mut findings.ended_by, &tenant);
            }
            note(&mut findings.running, &tenant);
        }
        Ok(findings)
    }
}

/// The entry that a line names, when there is such a one.
pub(super) fn number_of(running: u64) -> Option<usize> {
    let number = usize::try_from(running).ok()?.checked_sub(1)?;
    (number < TENANTS).then_some(number)
}

fn note(all: &mut Vec<Tenant>, tenant: &Tenant) {
    if all.len() < TOLD_MAX && !tenant.worker.is_empty() && !all.contains(tenant) {
        all.push(tenant.clone());
    }
}

fn words_at(record: &File, from: usize, count: usize) -> io::Result<Vec<u64>> {
    let mut bytes = vec![0; count * WORD];
    record.read_exact_at(&mut bytes, (from * WORD) as u64)?;
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
    Ok(bytes.chunks_exact(WORD).map(word).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_memory_is_only_text_and_numbers() {
        let record = create().expect("memory");
        let found = Findings::read(&record).expect("read");
        assert!(!found.ready && !found.torn && found.running.is_empty() && !found.elsewhere);

        // Every bit set: numbers beyond the table, no names.
        let all = vec![0xff; WORDS * WORD];
        record.write_all_at(&all, 0).expect("written");
        let found = Findings::read(&record).expect("read");
        assert!(found.ready && found.elsewhere && found.running.is_empty());

        // Each line names another entry, and no text has an end or is UTF-8.
        for number in 0..LINES {
            let words = [number as u64 + 1, 11].map(u64::to_le_bytes).concat();
            record.write_all_at(&words, (line(number) * WORD) as u64).expect("written");
            let entry = [&[number as u8, (number >> 8) as u8], &[0xfe; 126][..]].concat();
            record.write_all_at(&entry, (tenant(number) * WORD) as u64).expect("written");
        }
        let found = Findings::read(&record).expect("read");
        assert_eq!(found.ended_by.len(), TOLD_MAX, "a bound on what is told");
        assert!(found.ended_by.iter().all(|tenant| tenant.worker.len() <= 3 * NAME * WORD));
    }
}

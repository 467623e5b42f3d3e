//! The engine's side of the record: which Worker each thread runs, noted so cheaply that every turn
//! can, and the last signal.
//!
//! Without a record (other commands, tests) nothing is noted.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::record::{
    LINE, LINES, NAME, READY, RUNNING, SIGNAL, STRAY, TENANT, TENANTS, Tenant, VERSION, WORDS,
    WRITING, line, number_of, tenant,
};
use super::shared::{Access, Words, load_text, store_text};

static RECORDER: OnceLock<Recorder> = OnceLock::new();

#[derive(Debug)]
struct Recorder {
    words: Words,
    /// Lines that threads gave back.
    free_lines: Mutex<Free>,
    tenants: Mutex<Tenants>,
}

#[derive(Debug, Default)]
struct Tenants {
    /// The entry of each version, and how many isolates it has.
    known: HashMap<(String, String), (usize, usize)>,
    free: Free,
}

/// Numbers from zero on, those given back first.
#[derive(Debug, Default)]
struct Free {
    returned: Vec<usize>,
    next: usize,
}

impl Free {
    fn take(&mut self, limit: usize) -> Option<usize> {
        self.returned.pop().or_else(|| {
            let number = self.next;
            (number < limit).then(|| self.next += 1)?;
            Some(number)
        })
    }
}

thread_local! {
    /// This thread's line. Without destructor, so that a signal handler may look.
    static HERE: Cell<Option<&'static [AtomicU64]>> = const { Cell::new(None) };
}

/// Has this process keep its record there.
pub fn install(record: &File) -> io::Result<()> {
    let words = Words::map(record, WORDS, Access::Write)?;
    let recorder = Recorder { words, free_lines: Mutex::default(), tenants: Mutex::default() };
    RECORDER.set(recorder).map_err(|_| io::Error::other("there is a record already"))
}

/// The engine serves from now on.
pub fn set_ready() {
    store(READY, 1);
}

/// Log lines are on their way out.
pub fn set_writing(writing: bool) {
    store(WRITING, u64::from(writing));
}

fn store(word: usize, value: u64) {
    if let Some(recorder) = RECORDER.get() {
        recorder.words[word].store(value, Ordering::Relaxed);
    }
}

/// A version's entry, for as long as it has an isolate.
#[derive(Debug)]
pub struct Registration {
    key: (String, String),
    number: u64,
}

impl Registration {
    pub fn new(worker: &str, version: &str) -> Self {
        let key = (worker.to_owned(), version.to_owned());
        let number = RECORDER.get().and_then(|recorder| recorder.register(&key)).unwrap_or(0);
        Self { key, number }
    }

    /// For [`Line::begin`]; 0 when there is no entry.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let (Some(recorder), 1..) = (RECORDER.get(), self.number) {
            recorder.release(&self.key);
        }
    }
}

impl Recorder {
    fn register(&self, key: &(String, String)) -> Option<u64> {
        let mut tenants = self.tenants.lock();
        if let Some((number, isolates)) = tenants.known.get_mut(key) {
            *isolates += 1;
            return Some(*number as u64 + 1);
        }
        let number = tenants.free.take(TENANTS)?;
        tenants.known.insert(key.clone(), (number, 1));
        let entry = &self.words[tenant(number)..][..TENANT];
        store_text(&entry[..NAME], &key.0);
        store_text(&entry[NAME..NAME + VERSION], &key.1);
        Some(number as u64 + 1)
    }

    fn release(&self, key: &(String, String)) {
        let mut tenants = self.tenants.lock();
        let Some((number, isolates)) = tenants.known.get_mut(key) else { return };
        *isolates -= 1;
        if *isolates == 0 {
            let number = *number;
            tenants.known.remove(key);
            tenants.free.returned.push(number);
        }
    }
}

/// A thread's line in the record.
#[derive(Debug)]
pub struct Line(Option<(usize, &'static [AtomicU64])>);

impl Line {
    /// A line for the calling thread, which must be the only one to call the rest.
    pub fn claim() -> Self {
        let claimed = RECORDER.get().and_then(|recorder| {
            let number = recorder.free_lines.lock().take(LINES)?;
            Some((number, &recorder.words[line(number)..][..LINE]))
        });
        HERE.set(claimed.map(|(_, words)| words));
        Self(claimed)
    }

    /// A turn of this version begins here.
    pub fn begin(&self, version: u64) {
        if let Some((_, words)) = self.0 {
            words[RUNNING].store(version, Ordering::Relaxed);
        }
    }

    pub fn end(&self) {
        self.begin(0);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let (Some((number, _)), Some(recorder)) = (self.0, RECORDER.get()) {
            self.end();
            recorder.free_lines.lock().returned.push(number);
        }
    }
}

/// Notes that a signal ends the process on this thread. For signal handlers: takes no lock and
/// allocates nothing.
pub fn mark(signal: u64) {
    match HERE.get() {
        Some(words) => words[SIGNAL].store(signal, Ordering::Relaxed),
        None => store(STRAY, signal),
    }
}

/// Whose turn this thread runs.
pub fn running_here() -> Option<Tenant> {
    let recorder = RECORDER.get()?;
    let number = number_of(HERE.get()?[RUNNING].load(Ordering::Relaxed))?;
    let entry = &recorder.words[tenant(number)..][..TENANT];
    let text =
        |words: &[AtomicU64]| load_text(words.iter().map(|word| word.load(Ordering::Relaxed)));
    Some(Tenant { worker: text(&entry[..NAME]), version: text(&entry[NAME..NAME + VERSION]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::record::{self, Findings};

    /// One test, as a process has one record.
    #[test]
    fn what_threads_run_is_found_in_the_record() {
        let record = record::create().expect("memory");
        install(&record).expect("the first");
        assert!(install(&record).is_err(), "a process has one record");
        let (good, bad) = (Registration::new("good", "v1"), Registration::new("bad", "v7"));
        let again = Registration::new("bad", "v7");
        assert_eq!(bad.number(), again.number(), "one entry for a version");

        let (lines, looked) = (std::sync::Barrier::new(3), std::sync::Barrier::new(3));
        std::thread::scope(|scope| {
            for (registration, signal) in [(&good, 0), (&bad, 11)] {
                let (lines, looked) = (&lines, &looked);
                scope.spawn(move || {
                    let line = Line::claim();
                    line.begin(registration.number());
                    if signal > 0 {
                        mark(signal);
                    }
                    let here = running_here().expect("a turn");
                    assert_eq!(here.worker == "bad", signal > 0);
                    lines.wait();
                    looked.wait();
                    drop(line);
                });
            }
            lines.wait();
            set_ready();
            set_writing(true);
            let found = Findings::read(&record).expect("read");
            assert!(found.ready && found.torn && !found.elsewhere);
            let names = |all: &[Tenant]| all.iter().map(|t| t.worker.clone()).collect::<Vec<_>>();
            assert_eq!(names(&found.ended_by), ["bad"]);
            assert_eq!(found.running.len(), 2);
            looked.wait();
        });
        set_writing(false);
        assert!(Findings::read(&record).expect("read").running.is_empty(), "all turns are over");

        // An entry is used again only when no isolate needs it.
        let number = bad.number();
        drop(bad);
        assert_ne!(Registration::new("new", "v1").number(), number);
        drop(again);
        assert_eq!(Registration::new("newer", "v1").number(), number);
    }
}

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

/// A thread's place in a record.
#[derive(Clone, Copy, Debug)]
struct Here {
    recorder: &'static Recorder,
    number: usize,
    words: &'static [AtomicU64],
}

thread_local! {
    /// This thread's line. Without destructor, so that a signal handler may look.
    static HERE: Cell<Option<Here>> = const { Cell::new(None) };
}

/// Has this process keep its record there.
pub fn install(record: &File) -> io::Result<()> {
    let recorder = Recorder::new(record)?;
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

impl Recorder {
    fn new(record: &File) -> io::Result<Self> {
        let words = Words::map(record, WORDS, Access::Write)?;
        Ok(Self { words, free_lines: Mutex::default(), tenants: Mutex::default() })
    }

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

    fn claim(&'static self) -> Option<Here> {
        let number = self.free_lines.lock().take(LINES)?;
        Some(Here { recorder: self, number, words: &self.words[line(number)..][..LINE] })
    }

    fn tenant(&self, number: usize) -> Tenant {
        let entry = &self.words[tenant(number)..][..TENANT];
        let text =
            |words: &[AtomicU64]| load_text(words.iter().map(|word| word.load(Ordering::Relaxed)));
        Tenant { worker: text(&entry[..NAME]), version: text(&entry[NAME..NAME + VERSION]) }
    }
}

/// A version's entry, for as long as it has an isolate.
#[derive(Debug)]
pub struct Registration {
    recorder: Option<&'static Recorder>,
    key: (String, String),
    number: u64,
}

impl Registration {
    pub fn new(worker: &str, version: &str) -> Self {
        Self::with(RECORDER.get(), worker, version)
    }

    fn with(recorder: Option<&'static Recorder>, worker: &str, version: &str) -> Self {
        let key = (worker.to_owned(), version.to_owned());
        let number = recorder.and_then(|recorder| recorder.register(&key)).unwrap_or(0);
        Self { recorder, key, number }
    }

    /// For [`Line::begin`]; 0 when there is no entry.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let (Some(recorder), 1..) = (self.recorder, self.number) {
            recorder.release(&self.key);
        }
    }
}

/// A thread's line in the record.
#[derive(Debug)]
pub struct Line(Option<Here>);

impl Line {
    /// A line for the calling thread, which must be the only one to call the rest.
    pub fn claim() -> Self {
        Self::with(RECORDER.get())
    }

    fn with(recorder: Option<&'static Recorder>) -> Self {
        let here = recorder.and_then(Recorder::claim);
        HERE.set(here);
        Self(here)
    }

    /// A turn of this version begins here.
    pub fn begin(&self, version: u64) {
        if let Some(here) = &self.0 {
            here.words[RUNNING].store(version, Ordering::Relaxed);
        }
    }

    pub fn end(&self) {
        self.begin(0);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end();
        if let Some(here) = self.0 {
            here.recorder.free_lines.lock().returned.push(here.number);
        }
    }
}

/// Notes that a signal ends the process on this thread. For signal handlers: takes no lock and
/// allocates nothing.
pub fn mark(signal: u64) {
    match HERE.get() {
        Some(here) => here.words[SIGNAL].store(signal, Ordering::Relaxed),
        None => store(STRAY, signal),
    }
}

/// Whose turn this thread runs.
pub fn running_here() -> Option<Tenant> {
    let here = HERE.get()?;
    let number = number_of(here.words[RUNNING].load(Ordering::Relaxed))?;
    Some(here.recorder.tenant(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::record::{self, Findings};

    #[test]
    fn what_threads_run_is_found_in_the_record() {
        let record = record::create().expect("memory");
        // Not the process's own, in which other tests' turns would be found.
        let recorder: &'static Recorder =
            Box::leak(Box::new(Recorder::new(&record).expect("a map")));
        let register = |worker| Registration::with(Some(recorder), worker, "v7");
        let (good, bad, again) = (register("good"), register("bad"), register("bad"));
        assert_eq!(bad.number(), again.number(), "one entry for a version");

        let (begun, looked) = (std::sync::Barrier::new(3), std::sync::Barrier::new(3));
        std::thread::scope(|scope| {
            for (registration, signal) in [(&good, 0), (&bad, 11)] {
                let (begun, looked) = (&begun, &looked);
                scope.spawn(move || {
                    let line = Line::with(Some(recorder));
                    line.begin(registration.number());
                    if signal > 0 {
                        mark(signal);
                    }
                    let here = running_here().expect("a turn");
                    assert_eq!(here.worker == "bad", signal > 0);
                    begun.wait();
                    looked.wait();
                    drop(line);
                });
            }
            begun.wait();
            recorder.words[READY].store(1, Ordering::Relaxed);
            let found = Findings::read(&record).expect("read");
            assert!(found.ready && !found.torn && !found.elsewhere);
            let names = |all: &[Tenant]| all.iter().map(|t| t.worker.clone()).collect::<Vec<_>>();
            assert_eq!(names(&found.ended_by), ["bad"]);
            assert_eq!(found.running.len(), 2);
            looked.wait();
        });
        assert!(Findings::read(&record).expect("read").running.is_empty(), "all turns are over");

        // An entry is used again only when no isolate needs it.
        let number = bad.number();
        drop(bad);
        assert_ne!(register("new").number(), number);
        drop(again);
        assert_eq!(register("newer").number(), number);
    }
}

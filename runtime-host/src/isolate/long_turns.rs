//! Turns past a slice: how many run at once, in which order, and at which priority.
//!
//! A long turn runs on a thread of its own beside those that serve requests. So many of them may run
//! at the same time as the host has threads; the others stand still inside their interrupt until it
//! is their turn, first come first served, and one that has had a quantum goes to the end of the
//! line when others wait. While it runs, its thread gives way to all that are not long
//! ([`Priority`]). The CPU limit ends them as before: standing still is not CPU time.

use std::collections::VecDeque;
use std::sync::OnceLock;

use parking_lot::{Condvar, Mutex};

use crate::limits::LONG_TURNS_WAITING_MAX;

/// The right to run a long turn, until it is dropped.
#[derive(Debug)]
pub struct Place {
    priority: Priority,
}

#[derive(Debug)]
struct Line {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Who waits, by ticket.
    waiting: VecDeque<u64>,
    last_ticket: u64,
}

static LINE: OnceLock<Line> = OnceLock::new();

/// Says how many long turns may run at once; the first call counts.
pub fn allow(places: usize) {
    LINE.get_or_init(|| Line::new(places));
}

fn line() -> &'static Line {
    LINE.get_or_init(|| Line::new(std::thread::available_parallelism().map_or(1, usize::from)))
}

/// Waits for a place. `None` when too many wait already: each keeps a thread.
pub fn enter() -> Option<Place> {
    line().enter().then(|| Place { priority: Priority::lower() })
}

/// Lets those that wait go first, if any do. `None` as for [`enter`].
pub fn go_round(place: Place) -> Option<Place> {
    if !line().is_anyone_waiting() {
        return Some(place);
    }
    drop(place);
    enter()
}

impl Drop for Place {
    fn drop(&mut self) {
        self.priority.restore();
        line().leave();
    }
}

impl Line {
    fn new(places: usize) -> Self {
        let state = State { free: places.max(1), waiting: VecDeque::new(), last_ticket: 0 };
        Self { state: Mutex::new(state), moved: Condvar::new() }
    }

    fn enter(&self) -> bool {
        let mut state = self.state.lock();
        if state.free > 0 && state.waiting.is_empty() {
            state.free -= 1;
            return true;
        }
        if state.waiting.len() >= LONG_TURNS_WAITING_MAX {
            return false;
        }
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        state.waiting.push_back(ticket);
        while state.free == 0 || state.waiting.front() != Some(&ticket) {
            self.moved.wait(&mut state);
        }
        state.waiting.pop_front();
        state.free -= 1;
        // Another place may be free for the next in the line.
        self.moved.notify_all();
        true
    }

    fn leave(&self) {
        self.state.lock().free += 1;
        self.moved.notify_all();
    }

    fn is_anyone_waiting(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }
}

/// How a thread in a long turn gives way to others: by its niceness where the process may take that
/// back afterwards, and by the length of its slice. From Linux 6.12 on a thread with a longer slice
/// lets those with shorter ones go first when they wake up (EEVDF), with the same share of CPU time;
/// older kernels ignore it.
#[derive(Debug)]
struct Priority {
    before: Option<libc::sched_attr>,
}

/// The longest slice that Linux takes, in nanoseconds.
const LONG_SLICE: u64 = 100_000_000;

/// Niceness that a long turn adds.
const LONG_NICE: i32 = 10;

impl Priority {
    fn lower() -> Self {
        let before = attributes();
        if let Some(before) = before {
            let nice = if can_raise(before.sched_nice) { LONG_NICE } else { 0 };
            let sched_nice = (before.sched_nice + nice).min(19);
            set_attributes(&libc::sched_attr { sched_nice, sched_runtime: LONG_SLICE, ..before });
        }
        Self { before }
    }

    fn restore(&self) {
        if let Some(before) = &self.before {
            set_attributes(before);
        }
    }
}

/// Whether a thread may go back to this niceness: with a resource limit that allows it, or as a
/// privileged process (asked for by doing it, once).
fn can_raise(nice: i32) -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        // A thread of its own, since the answer may be no.
        std::thread::spawn(move || {
            let Some(before) = attributes() else { return false };
            let lower = libc::sched_attr { sched_nice: (nice + 1).min(19), ..before };
            set_attributes(&lower) && set_attributes(&before)
        })
        .join()
        .unwrap_or(false)
    })
}

/// Scheduling attributes of the calling thread (`sched_getattr(2)`).
fn attributes() -> Option<libc::sched_attr> {
    let size = size_of::<libc::sched_attr>();
    let mut attributes = libc::sched_attr {
        size: size as u32,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel writes at most `size` bytes.
    let failed = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    let ordinary = attributes.sched_policy == libc::SCHED_OTHER as u32;
    (failed == 0 && ordinary).then_some(attributes)
}

fn set_attributes(attributes: &libc::sched_attr) -> bool {
    // SAFETY: the kernel reads the structure; its size is in it.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, std::ptr::from_ref(attributes), 0) == 0 }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    /// Polls until `happened`.
    fn wait(happened: impl Fn() -> bool) {
        for _ in 0..2_000 {
            if happened() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("it did not happen within 2 s");
    }

    #[test]
    fn places_go_to_who_came_first() {
        let line = Arc::new(Line::new(1));
        assert!(line.enter());
        let order = Arc::new(Mutex::new(Vec::new()));
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let (mine, order) = (Arc::clone(&line), Arc::clone(&order));
                let thread = std::thread::spawn(move || {
                    assert!(mine.enter());
                    order.lock().push(number);
                    mine.leave();
                });
                wait(|| line.state.lock().waiting.len() == number + 1);
                thread
            })
            .collect();
        assert!(line.is_anyone_waiting() && order.lock().is_empty());
        line.leave();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*order.lock(), [0, 1, 2]);
        assert!(!line.is_anyone_waiting() && line.state.lock().free == 1);
    }

    #[test]
    fn the_line_is_bounded() {
        let line = Line::new(1);
        assert!(line.enter());
        line.state.lock().waiting = (1..=LONG_TURNS_WAITING_MAX as u64).collect();
        assert!(!line.enter());
    }

    #[test]
    fn a_thread_gets_its_priority_back() {
        std::thread::spawn(|| {
            let before = attributes().expect("Linux tells a thread its attributes");
            let lowered = Priority::lower();
            let during = attributes().unwrap();
            lowered.restore();
            let after = attributes().unwrap();
            assert_eq!(after.sched_nice, before.sched_nice);
            assert_eq!(after.sched_runtime, before.sched_runtime);
            let gave_way = during.sched_nice > before.sched_nice
                || during.sched_runtime > before.sched_runtime;
            // A kernel before 6.12 and an ordinary user have neither.
            assert!(gave_way || !can_raise(before.sched_nice));
        })
        .join()
        .unwrap();
    }
}

//! The time as JavaScript reads it: it stands still while a Worker's code runs.
//!
//! A Worker that can measure how long its own code takes can measure caches, and with them what
//! others do on the machine (Spectre). So `Date`, `Intl` and `Temporal` show the moment at which the
//! turn began, which is that of the last I/O, and 0 while modules are evaluated: as in Workers.
//!
//! V8 reads this clock in one place, by `gettimeofday`, and the library is linked statically: the
//! function of that name below takes the place of the C library's for the whole program. Nothing of
//! `Date` has to be replaced in JavaScript, and reading the time costs a thread-local variable. The
//! host's own code (Rust's `SystemTime`, tokio) uses `clock_gettime` and is not concerned.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock runs.
const RUNNING: i64 = -1;

static FREEZES: AtomicBool = AtomicBool::new(true);

thread_local! {
    /// Microseconds since 1970 that this thread's JavaScript sees, or [`RUNNING`].
    static SHOWN: Cell<i64> = const { Cell::new(RUNNING) };
}

/// Whether clocks stand still during turns (`server.frozen_clocks`), for the whole process.
pub fn set_freezes(freezes: bool) {
    FREEZES.store(freezes, Ordering::Relaxed);
}

/// Whether they do.
pub fn freezes() -> bool {
    FREEZES.load(Ordering::Relaxed)
}

/// Holds the clock of this thread's JavaScript at the present moment.
pub fn freeze() {
    if freezes() {
        SHOWN.set(now());
    }
}

/// Holds it at 0, for the evaluation of modules: there was no I/O yet.
pub fn freeze_at_zero() {
    if freezes() {
        SHOWN.set(0);
    }
}

/// Lets it run.
pub fn run() {
    SHOWN.set(RUNNING);
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(0)
}

/// The C library's function, for V8.
///
/// # Safety
/// `time` is null or valid for writing, as POSIX has it. The time zone is ignored, as it is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut libc::timeval, _zone: *mut c_void) -> c_int {
    let shown = match SHOWN.get() {
        RUNNING => now(),
        shown => shown,
    };
    if !time.is_null() {
        let shown = libc::timeval {
            tv_sec: (shown / 1_000_000) as libc::time_t,
            tv_usec: (shown % 1_000_000) as libc::suseconds_t,
        };
        // SAFETY: the caller gave a place for it.
        unsafe { time.write(shown) };
    }
    0
}

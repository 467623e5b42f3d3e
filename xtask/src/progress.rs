//! A line that says how far a long step is and how long it may still take.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// How often a new line is printed where lines cannot be overwritten.
const QUIET: Duration = Duration::from_secs(30);

/// Progress of one step that is counted in parts.
#[derive(Debug)]
pub struct Progress {
    what: String,
    started: Instant,
    printed: Option<Instant>,
    first: u32,
    overwrite: bool,
}

impl Progress {
    /// Progress of `what`, from now.
    pub fn new(what: &str) -> Self {
        let overwrite = stderr().is_terminal();
        Self { what: what.to_owned(), started: Instant::now(), printed: None, first: 0, overwrite }
    }

    /// Tells how many parts are done, of how many.
    pub fn update(&mut self, done: u32, total: u32) {
        if self.printed.is_none() {
            self.first = done;
        }
        let due = self.printed.is_none_or(|at| self.overwrite || at.elapsed() >= QUIET);
        if !due && done != total {
            return;
        }
        self.printed = Some(Instant::now());
        let elapsed = self.started.elapsed();
        let line = line(&self.what, done, total, elapsed, done - self.first);
        if self.overwrite {
            eprint!("\r\x1b[K{line}");
            let _ = stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// Ends the line.
    pub fn finish(&self) {
        if self.overwrite && self.printed.is_some() {
            eprintln!();
        }
    }
}

fn line(what: &str, done: u32, total: u32, elapsed: Duration, in_this_time: u32) -> String {
    let percent = done * 100 / total.max(1);
    let so_far = format!("xtask: {what}: {done}/{total} ({percent} %), {}", clock(elapsed));
    // An estimate from a handful of parts would only mislead.
    if in_this_time < 20 || done == total {
        return so_far;
    }
    let left = elapsed.mul_f64(f64::from(total - done) / f64::from(in_this_time));
    format!("{so_far}, about {} left", clock(left))
}

/// A duration as minutes and seconds.
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02} min", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_from_what_was_done_in_this_run_only() {
        let elapsed = Duration::from_mins(1);
        let resumed = line("V8", 1100, 2100, elapsed, 100);
        assert_eq!(resumed, "xtask: V8: 1100/2100 (52 %), 1:00 min, about 10:00 min left");
        assert_eq!(line("V8", 3, 2100, elapsed, 3), "xtask: V8: 3/2100 (0 %), 1:00 min");
    }
}

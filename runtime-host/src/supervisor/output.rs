//! Standard output, shared by the supervisor and its engines: whoever writes lines holds a lock on
//! a file that they have in common, so that lines of one never land inside those of another. The
//! kernel gives the lock back when its holder dies.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::{recorder, sys};

/// An engine's way out. Its log's thread may wait as long as it takes.
#[derive(Debug)]
pub struct Shared {
    lock: File,
}

impl Shared {
    /// `lock` must be a descriptor that no other process has.
    pub fn new(lock: File) -> Self {
        Self { lock }
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, lines: &[u8]) -> io::Result<()> {
        // Without the lock (no file system should refuse it) lines are worth more than order.
        let locked = self.lock.lock().is_ok();
        recorder::set_writing(true);
        let mut output = io::stdout().lock();
        let written = output.write_all(lines).and_then(|()| output.flush());
        recorder::set_writing(false);
        if locked {
            // Fails only for a descriptor that is none.
            let _ = self.lock.unlock();
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How long the supervisor waits for the lock and the log's reader. It has engines to look after,
/// so a line that can't be written by then is lost.
const PATIENCE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(5);

/// The supervisor's way out.
#[derive(Debug)]
pub struct Direct {
    lock: File,
}

impl Direct {
    pub fn new(lock: File) -> Self {
        Self { lock }
    }

    /// An engine died while it wrote: what it left has no end, perhaps.
    pub fn end_line(&self) {
        let mut output = self;
        // Nobody can be told.
        let _ = output.write_all(b"\n");
    }
}

impl Write for &Direct {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waited = Duration::ZERO;
        let mut locked = self.lock.try_lock().is_ok();
        while !locked && waited < PATIENCE {
            std::thread::sleep(PAUSE);
            waited += PAUSE;
            locked = self.lock.try_lock().is_ok();
        }
        let mut output = io::stdout().lock();
        // A pipe is writable when at least 4 KiB fit, more than any line of the supervisor has.
        if sys::writable(output.as_raw_fd(), PATIENCE) {
            output.write_all(line)?;
            output.flush()?;
        }
        if locked {
            // As above.
            let _ = self.lock.unlock();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

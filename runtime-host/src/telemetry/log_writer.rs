//! Log lines on their way out. Whoever logs hands a line over and goes on; one thread writes, so
//! that an output nobody reads holds up no request.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::counter::Counter;

use crate::limits::LOG_QUEUE_BYTES;

/// Bytes that were handed over and are not written yet, of all writers of the process.
static UNWRITTEN: AtomicUsize = AtomicUsize::new(0);

/// Whether there are such bytes.
pub(super) fn waiting() -> bool {
    UNWRITTEN.load(Ordering::Relaxed) > 0
}

/// Where lines are handed over. Clones hand over to the same thread.
#[derive(Clone, Debug)]
pub(super) struct LogWriter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Lines that did not fit, or that the output did not take.
    dropped: Counter,
}

#[derive(Debug, Default)]
struct Queue {
    /// Whole lines.
    waiting: Vec<u8>,
    /// The thread has taken lines that are not written yet.
    writing: bool,
    /// Lines dropped since the last time that was said.
    unsaid: u64,
}

impl LogWriter {
    /// Starts the thread that writes to `output`.
    pub fn start(output: impl Write + Send + 'static, dropped: Counter) -> io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new(), dropped });
        let writing = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("nano-log".to_owned())
            .spawn(move || writing.write_to(output))?;
        Ok(Self(shared))
    }

    /// Waits until what was handed over so far is written, but no longer than `limit`.
    pub fn flush_within(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let mut queue = self.0.queue.lock();
        while queue.writing || !queue.waiting.is_empty() {
            if self.0.changed.wait_until(&mut queue, end).timed_out() {
                return;
            }
        }
    }
}

/// Takes one whole line at a time, as the subscriber writes them.
impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.queue.lock();
        if queue.waiting.len() + line.len() > LOG_QUEUE_BYTES {
            queue.unsaid += 1;
            self.0.dropped.inc();
        } else {
            queue.waiting.extend_from_slice(line);
            UNWRITTEN.fetch_add(line.len(), Ordering::Relaxed);
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn write_to(&self, mut output: impl Write) {
        let mut lines = Vec::new();
        loop {
            let mut queue = self.queue.lock();
            while queue.waiting.is_empty() {
                self.changed.wait(&mut queue);
            }
            std::mem::swap(&mut queue.waiting, &mut lines);
            queue.writing = true;
            let unsaid = std::mem::take(&mut queue.unsaid);
            drop(queue);
            if output.write_all(&lines).and_then(|()| output.flush()).is_err() {
                // Nobody is there to be told; the count is all that can be given.
                self.dropped.inc_by(lines.split_inclusive(|byte| *byte == b'\n').count() as u64);
            }
            UNWRITTEN.fetch_sub(lines.len(), Ordering::Relaxed);
            if unsaid > 0 {
                tracing::warn!(lines = unsaid, "log lines were dropped: the log's reader is slow");
            }
            lines.clear();
            lines.shrink_to(LOG_QUEUE_BYTES / 16);
            self.queue.lock().writing = false;
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that takes lines only when the test lets it.
    struct Gate {
        open: mpsc::Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.open.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.written.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (LogWriter, mpsc::Sender<()>, Arc<Mutex<Vec<u8>>>, Counter) {
        let (opener, open) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let dropped = Counter::default();
        let gate = Gate { open, written: Arc::clone(&written) };
        let writer = LogWriter::start(gate, dropped.clone()).expect("a thread");
        (writer, opener, written, dropped)
    }

    #[test]
    fn a_blocked_output_blocks_nobody_and_what_does_not_fit_is_counted() {
        let (mut writer, opener, written, dropped) = gated();
        let line = [[b'x'; 1023].as_slice(), b"\n"].concat();
        let fitting = LOG_QUEUE_BYTES / line.len();
        // One more queue than fits, and what the thread holds already: this returns all the same.
        for _ in 0..=2 * fitting {
            writer.write_all(&line).expect("taken");
        }
        let lost = dropped.get();
        assert!((1..=fitting as u64 + 1).contains(&lost), "{lost} lines dropped");
        writer.flush_within(Duration::from_millis(20));
        assert!(written.lock().is_empty(), "the output is blocked");
        for _ in 0..=2 * fitting {
            opener.send(()).expect("the thread goes on");
        }
        writer.flush_within(Duration::from_secs(30));
        let kept = written.lock().len() / line.len();
        assert_eq!(kept as u64 + lost, 2 * fitting as u64 + 1, "each line is written or counted");
    }

    #[test]
    fn lines_that_the_output_refuses_are_counted() {
        let (mut writer, opener, _, dropped) = gated();
        drop(opener);
        writer.write_all(b"one\ntwo\n").expect("taken");
        writer.flush_within(Duration::from_secs(30));
        assert_eq!(dropped.get(), 2);
    }
}

//! Starts isolates on blocking threads, a few at once: starting one is work for a CPU, and a
//! thousand Workers that are all asked for in one moment must not become a thousand threads.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

/// What waits for one of the threads.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// At most so many jobs run at once; others wait for their turn.
pub(crate) struct Starter {
    runtime: Handle,
    queue: Mutex<Queue>,
}

struct Queue {
    free: usize,
    waiting: VecDeque<Job>,
}

impl Starter {
    pub fn new(runtime: Handle, at_once: usize) -> Arc<Self> {
        let queue = Queue { free: at_once.max(1), waiting: VecDeque::new() };
        Arc::new(Self { runtime, queue: Mutex::new(queue) })
    }

    /// Runs the job on a blocking thread, as soon as there is one for it.
    pub fn run(self: &Arc<Self>, job: Job) {
        {
            let mut queue = self.queue.lock();
            if queue.free == 0 {
                queue.waiting.push_back(job);
                return;
            }
            queue.free -= 1;
        }
        let starter = Arc::clone(self);
        self.runtime.spawn_blocking(move || starter.work(job));
    }

    fn work(&self, first: Job) {
        let mut job = first;
        loop {
            // A job that panics has told its own; the thread's place must not be lost with it.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            let mut queue = self.queue.lock();
            match queue.waiting.pop_front() {
                Some(next) => job = next,
                None => {
                    queue.free += 1;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_jobs_run_at_once_than_allowed_and_none_is_lost() {
        let starter = Starter::new(Handle::current(), 3);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (done, mut ended) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..30 {
            let (running, most, done) = (Arc::clone(&running), Arc::clone(&most), done.clone());
            starter.run(Box::new(move || {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
                running.fetch_sub(1, Ordering::SeqCst);
                done.send(number).expect("the test listens");
                assert!(number % 7 != 3, "one of those that panic");
            }));
        }
        let mut seen = Vec::new();
        while seen.len() < 30 {
            let next = tokio::time::timeout(Duration::from_secs(20), ended.recv()).await;
            seen.push(next.expect("in time").expect("a number"));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..30).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }
}

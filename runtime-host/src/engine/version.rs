//! One version of a Worker: what outlives its isolates.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::limits::{START_RETRY_FIRST, START_RETRY_LONGEST};
use crate::telemetry::metrics::{Metrics, WorkerMetrics};
use crate::worker::Bundle;

/// A version, shared by the isolates that it has one after another.
pub(crate) struct Version {
    pub bundle: Arc<Bundle>,
    /// Its handlers read response bodies before they answer, as the operator said or as was seen.
    pub reads_responses: AtomicBool,
    /// Absent until an isolate is wanted: thousands of Workers that nobody asks for would fill the
    /// exposition with zeros.
    metrics: OnceLock<WorkerMetrics>,
    trouble: Mutex<Option<Trouble>>,
    /// Isolates that serve it at the same time, 1 before there is any.
    pub isolates: AtomicU32,
    /// Until then its JavaScript runs on threads without other work, in the fleet's microseconds; 0 when
    /// it runs where messages arrive.
    apart_until: AtomicU64,
}

/// How long a version runs apart after a turn that held a thread. It costs each of its messages a change
/// of threads, some dozen microseconds.
const APART: Duration = Duration::from_mins(1);

/// Its last start failed.
struct Trouble {
    text: String,
    /// Nothing is tried before.
    until: Instant,
    delay: Duration,
}

impl Version {
    pub fn new(bundle: Arc<Bundle>) -> Arc<Self> {
        let reads_responses = bundle.settings.reads_responses.unwrap_or(false);
        Arc::new(Self {
            bundle,
            reads_responses: AtomicBool::new(reads_responses),
            metrics: OnceLock::new(),
            trouble: Mutex::new(None),
            isolates: AtomicU32::new(1),
            apart_until: AtomicU64::new(0),
        })
    }

    /// The Worker's metrics; `None` before an isolate was wanted.
    pub fn metrics(&self) -> Option<&WorkerMetrics> {
        self.metrics.get()
    }

    /// The Worker's metrics, which exist from now on.
    pub fn metrics_in(&self, metrics: &Metrics) -> &WorkerMetrics {
        self.metrics.get_or_init(|| metrics.worker(&self.bundle.name))
    }

    /// For how long no isolate shall be started, because the last one did not.
    pub fn refusal(&self) -> Option<Duration> {
        let trouble = self.trouble.lock();
        let left = trouble.as_ref()?.until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Remembers that an isolate did not start, for longer each time, and logs why: once for each
    /// reason.
    pub fn failed(&self, text: &str) {
        let mut trouble = self.trouble.lock();
        let known = trouble.as_ref().is_some_and(|before| before.text == text);
        let delay = trouble.as_ref().map_or(START_RETRY_FIRST, |before| {
            before.delay.saturating_mul(2).min(START_RETRY_LONGEST)
        });
        *trouble = Some(Trouble { text: text.to_owned(), until: Instant::now() + delay, delay });
        drop(trouble);
        let (worker, version) = (&self.bundle.name, &self.bundle.version);
        if known {
            tracing::debug!(worker, version, "an isolate did not start, again: {text}");
        } else {
            tracing::error!(worker, version, "an isolate did not start: {text}");
        }
    }

    /// An isolate started.
    pub fn recovered(&self) {
        *self.trouble.lock() = None;
    }

    /// One of its turns kept a thread's other work waiting, at `now` in the fleet's microseconds.
    pub fn held_a_thread(&self, now: u64) {
        let until = now.saturating_add(APART.as_micros() as u64);
        if self.apart_until.swap(until, Ordering::Relaxed) == 0 {
            tracing::debug!(
                worker = self.bundle.name,
                version = self.bundle.version,
                "a turn can't be interrupted: its JavaScript runs on threads of its own for a while"
            );
        }
    }

    /// Whether its JavaScript shall run on threads without other work; `now` as above.
    pub fn runs_apart(&self, now: impl FnOnce() -> u64) -> bool {
        // For nearly all Workers that is one load.
        let until = self.apart_until.load(Ordering::Relaxed);
        if until == 0 {
            return false;
        }
        if now() < until {
            return true;
        }
        // What another thread may have written meanwhile stays.
        let _ = self.apart_until.compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
        false
    }

    /// A response that a handler read before it answered was too large for the proxy to hold back:
    /// from now on all of them come here from the start, unless the operator does not want it.
    pub fn response_did_not_fit(&self) {
        if self.bundle.settings.reads_responses.is_some()
            || self.reads_responses.swap(true, Ordering::Relaxed)
        {
            return;
        }
        tracing::warn!(
            worker = self.bundle.name,
            version = self.bundle.version,
            "a handler read a response before it answered, and the proxy can't hold back that \
             much: the read failed. From now on all response bodies of this Worker come to the \
             runtime host. Set reads_responses = true for it in nano.toml, so that the first one \
             does not fail, or false to keep them in the proxy"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_start_is_remembered_for_longer_each_time() {
        let bundle = super::super::tests::bundle("a", "export default {}");
        let version = Version::new(Arc::new(bundle));
        assert_eq!(version.refusal(), None);
        let mut expected = START_RETRY_FIRST;
        for _ in 0..10 {
            version.failed("no");
            let left = version.refusal().expect("it is remembered");
            assert!(left <= expected && left > expected.mul_f64(0.9), "{left:?} of {expected:?}");
            expected = (expected * 2).min(START_RETRY_LONGEST);
        }
        assert_eq!(expected, START_RETRY_LONGEST);
        version.recovered();
        assert_eq!(version.refusal(), None);
        version.failed("no");
        assert!(version.refusal().is_some_and(|left| left <= START_RETRY_FIRST));
    }

    #[test]
    fn a_version_that_held_a_thread_runs_apart_for_a_minute() {
        let bundle = super::super::tests::bundle("a", "export default {}");
        let version = Version::new(Arc::new(bundle));
        assert!(!version.runs_apart(|| unreachable!("nobody looks at the clock for it")));
        version.held_a_thread(5);
        let minute = 60_000_000;
        assert!(version.runs_apart(|| 5 + minute - 1));
        // Again, meanwhile: a minute from then.
        version.held_a_thread(6);
        assert!(version.runs_apart(|| 5 + minute));
        assert!(!version.runs_apart(|| 6 + minute));
        assert!(!version.runs_apart(|| unreachable!("it is forgotten")));
    }
}

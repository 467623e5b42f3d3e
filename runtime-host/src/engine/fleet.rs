//! The isolates that exist, and which of them go when there are too many, when they take too much
//! memory together, or when nobody used them for long.
//!
//! Nothing here is on a request's path: the list is locked when an isolate starts or ends, and by
//! the task that looks at them. A request only writes the time into its own actor.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::actor::Actor;
use crate::limits::{HELPER_IDLE, ISOLATE_RESTS_AFTER, TEND_EVERY_LONGEST, TEND_EVERY_SHORTEST};
use crate::telemetry::metrics::{Eviction, WorkerMetrics};

/// How often the memory of isolates is measured when nothing depends on it but the metrics.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// How many isolates there may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Isolates at once. Those that are busy are never disposed of, so they can be more.
    pub isolates: usize,
    /// Bytes of heap and buffers of all isolates together; `None`: no bound.
    pub memory_bytes: Option<usize>,
    /// One without a request for this long is disposed of; `None`: never.
    pub idle: Option<Duration>,
    /// One of several isolates of a Worker is disposed of after this long without a request.
    pub helper_idle: Duration,
}

impl Default for Bounds {
    /// No bound on what there may be.
    fn default() -> Self {
        Self { isolates: usize::MAX, memory_bytes: None, idle: None, helper_idle: HELPER_IDLE }
    }
}

/// All isolates of the host.
pub(crate) struct Fleet {
    bounds: Bounds,
    /// What times are counted from.
    began: Instant,
    list: Mutex<List>,
    /// Isolates that exist or are being started.
    count: AtomicUsize,
    /// Bytes, as they were measured last.
    memory: AtomicUsize,
    measured: Mutex<Instant>,
}

#[derive(Default)]
struct List {
    last: u64,
    actors: HashMap<u64, Weak<Actor>>,
}

impl Fleet {
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let began = Instant::now();
        Arc::new(Self {
            bounds,
            began,
            list: Mutex::default(),
            count: AtomicUsize::new(0),
            memory: AtomicUsize::new(0),
            measured: Mutex::new(began),
        })
    }

    /// Microseconds since the host's start, for [`Actor::last_used`].
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Makes room for one more isolate, on a thread that may take milliseconds.
    pub fn place(self: &Arc<Self>) -> Place {
        let count = self.count.fetch_add(1, Ordering::AcqRel) + 1;
        let place = Place { fleet: Arc::clone(self), number: 0, bytes: 0, metrics: None };
        self.dispose(count.saturating_sub(self.bounds.isolates), Eviction::Count);
        self.keep_to_memory();
        place
    }

    /// Whether one more isolate leaves all others where they are.
    pub fn has_room(&self) -> bool {
        let memory = self.memory.load(Ordering::Acquire);
        self.count.load(Ordering::Acquire) < self.bounds.isolates
            && self.bounds.memory_bytes.is_none_or(|bound| memory < bound / 4 * 3)
    }

    /// How often [`Fleet::tend`] is to be called.
    pub fn tend_every(&self) -> Duration {
        let idle = self.bounds.idle.unwrap_or(TEND_EVERY_LONGEST).min(self.bounds.helper_idle);
        (idle / 4).clamp(TEND_EVERY_SHORTEST, TEND_EVERY_LONGEST)
    }

    /// Looks at all isolates, on a thread that may take milliseconds: measures them, and disposes
    /// of what is idle for too long or more than allowed.
    pub fn tend(&self) {
        self.measure();
        for actor in self.alive() {
            let unused = Duration::from_micros(self.now().saturating_sub(actor.last_used()));
            if self.bounds.idle.is_some_and(|idle| unused > idle)
                || (unused > self.bounds.helper_idle && actor.can_be_spared())
            {
                actor.evict(Eviction::Idle);
            } else if unused > ISOLATE_RESTS_AFTER {
                actor.rest();
            }
        }
        let count = self.count.load(Ordering::Acquire);
        self.dispose(count.saturating_sub(self.bounds.isolates), Eviction::Count);
        self.keep_to_memory();
    }

    fn measure(&self) {
        {
            let mut measured = self.measured.lock();
            let now = Instant::now();
            if self.bounds.memory_bytes.is_none() && now - *measured < MEASURE_EVERY {
                return;
            }
            *measured = now;
        }
        for actor in self.alive() {
            actor.measure();
        }
    }

    fn keep_to_memory(&self) {
        let Some(bound) = self.bounds.memory_bytes else { return };
        if self.memory.load(Ordering::Acquire) <= bound {
            return;
        }
        for actor in self.least_used_first() {
            if self.memory.load(Ordering::Acquire) <= bound {
                return;
            }
            actor.evict(Eviction::Memory);
        }
    }

    /// Disposes of this many isolates, those first that were not used for longest.
    fn dispose(&self, mut many: usize, why: Eviction) {
        if many == 0 {
            return;
        }
        for actor in self.least_used_first() {
            if actor.evict(why) {
                many -= 1;
            }
            if many == 0 {
                return;
            }
        }
    }

    fn least_used_first(&self) -> Vec<Arc<Actor>> {
        // The times change meanwhile: they are read once.
        let mut actors: Vec<_> =
            self.alive().into_iter().map(|actor| (actor.last_used(), actor)).collect();
        actors.sort_by_key(|(used, _)| *used);
        actors.into_iter().map(|(_, actor)| actor).collect()
    }

    fn alive(&self) -> Vec<Arc<Actor>> {
        self.list.lock().actors.values().filter_map(Weak::upgrade).collect()
    }
}

/// What one isolate takes of the fleet's bounds and is counted as; given back when dropped, which
/// is to be after the isolate.
pub(crate) struct Place {
    fleet: Arc<Fleet>,
    /// In the list; 0: not in it.
    number: u64,
    bytes: usize,
    metrics: Option<WorkerMetrics>,
}

impl Place {
    /// The isolate exists.
    pub fn take(&mut self, actor: &Arc<Actor>, metrics: &WorkerMetrics) {
        metrics.isolates.inc();
        self.metrics = Some(metrics.clone());
        let mut list = self.fleet.list.lock();
        list.last += 1;
        self.number = list.last;
        let number = list.last;
        list.actors.insert(number, Arc::downgrade(actor));
    }

    /// The isolate has this size now.
    pub fn set_bytes(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let memory = &self.fleet.memory;
        if bytes >= before {
            memory.fetch_add(bytes - before, Ordering::AcqRel);
        } else {
            memory.fetch_sub(before - bytes, Ordering::AcqRel);
        }
        if let Some(metrics) = &self.metrics {
            metrics.isolate_memory_bytes.inc_by(bytes as i64 - before as i64);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.set_bytes(0);
        if let Some(metrics) = &self.metrics {
            metrics.isolates.dec();
        }
        if self.number != 0 {
            self.fleet.list.lock().actors.remove(&self.number);
        }
        self.fleet.count.fetch_sub(1, Ordering::AcqRel);
    }
}

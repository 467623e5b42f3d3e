//! How many requests a Worker may have under way, and how many may come per second.
//!
//! Without such limits nothing here costs a request more than two comparisons. With them there is no
//! lock either: places are a semaphore's, which serves those that wait in their order, and the rate
//! is one number that requests push forward (the generic cell rate algorithm, a leaky bucket as a
//! meter: ITU-T I.371, annex A).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::coop::unconstrained;

use crate::limits::Limits;
use crate::telemetry::metrics::WorkerMetrics;

/// A Worker's gate: made when the first request needs it, and again when a version has other limits.
/// What passed an earlier one is not counted by the next.
#[derive(Debug, Default)]
pub(crate) struct Gates(RwLock<Option<Arc<Gate>>>);

#[derive(Debug)]
struct Gate {
    terms: Terms,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    rate: Rate,
}

/// The limits a gate was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    places: u32,
    waiting: u32,
    queue: Duration,
    per_second: u32,
    burst: u32,
}

/// What becomes of a request.
pub(crate) enum Entry {
    /// Its place is given back when this is dropped; `None` when places are not counted.
    Enter(Option<Place>),
    Wait(Waiting),
    RateLimited,
    QueueFull,
}

/// The right to be under way.
pub(crate) type Place = OwnedSemaphorePermit;

/// A request's place in the queue, given up when this is dropped.
pub(crate) struct Waiting {
    next: Next,
    queue: Duration,
    // Dropped last: who leaves the queue is out of it when it is counted out.
    _counted: Counted,
}

type Acquired = Result<Place, AcquireError>;

/// Waits in the semaphore's queue already.
type Next = Pin<Box<dyn Future<Output = Acquired> + Send>>;

/// A request among those that wait.
struct Counted {
    gate: Arc<Gate>,
    gauge: Gauge,
}

impl Gates {
    pub fn enter(&self, limits: &Limits, metrics: &WorkerMetrics) -> Entry {
        if limits.concurrent_requests == 0 && limits.requests_per_second == 0 {
            return Entry::Enter(None);
        }
        let gate = self.gate(Terms::of(limits));
        if !gate.rate.admits() {
            return Entry::RateLimited;
        }
        if gate.terms.places == 0 {
            return Entry::Enter(None);
        }
        match Arc::clone(&gate.places).try_acquire_owned() {
            Ok(place) => Entry::Enter(Some(place)),
            Err(_) => gate.wait(&metrics.queued).map_or(Entry::QueueFull, Entry::Wait),
        }
    }

    fn gate(&self, terms: Terms) -> Arc<Gate> {
        if let Some(gate) = self.0.read().as_ref().filter(|gate| gate.terms == terms) {
            return Arc::clone(gate);
        }
        let mut current = self.0.write();
        match current.as_ref().filter(|gate| gate.terms == terms) {
            Some(gate) => Arc::clone(gate),
            None => Arc::clone(current.insert(Arc::new(Gate::new(terms)))),
        }
    }
}

impl Terms {
    fn of(limits: &Limits) -> Self {
        let per_second = limits.requests_per_second;
        Self {
            places: limits.concurrent_requests,
            waiting: limits.queued_requests,
            queue: limits.queue(),
            per_second,
            burst: if limits.request_burst == 0 { per_second } else { limits.request_burst },
        }
    }
}

impl Gate {
    fn new(terms: Terms) -> Self {
        Self {
            terms,
            places: Arc::new(Semaphore::new(terms.places as usize)),
            waiting: AtomicUsize::new(0),
            rate: Rate::new(terms.per_second, terms.burst),
        }
    }

    fn wait(self: &Arc<Self>, gauge: &Gauge) -> Option<Waiting> {
        let most = self.terms.waiting as usize;
        let more = |count: usize| (count < most).then_some(count + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        gauge.inc();
        let counted = Counted { gate: Arc::clone(self), gauge: gauge.clone() };
        Some(Waiting { next: self.line_up(), queue: self.terms.queue, _counted: counted })
    }

    /// Enters the semaphore's queue at once: the task that will wait is polled when its thread gets
    /// to it, and tasks of several threads in any order.
    fn line_up(&self) -> Next {
        // Without a budget: a connection that used its own up must not end up behind the others.
        let mut next = Box::pin(unconstrained(Arc::clone(&self.places).acquire_owned()));
        match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            // A place came free just now.
            Poll::Ready(place) => Box::pin(std::future::ready(place)),
            Poll::Pending => next,
        }
    }
}

impl Waiting {
    /// A place, or `None` when none came free in time. Requests get theirs in the order in which
    /// they came.
    pub async fn place(self) -> Option<Place> {
        // The semaphore is never closed.
        tokio::time::timeout(self.queue, self.next).await.ok()?.ok()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gate.waiting.fetch_sub(1, Ordering::Relaxed);
        self.gauge.dec();
    }
}

/// Requests per second with a burst.
#[derive(Debug)]
struct Rate {
    began: Instant,
    /// Nanoseconds between two requests at the limit; 0: no limit.
    interval: u64,
    /// How far ahead of the clock `next` may be.
    ahead: u64,
    /// When the next request would come if all came at the limit, in nanoseconds after `began`.
    next: AtomicU64,
}

impl Rate {
    fn new(per_second: u32, burst: u32) -> Self {
        let interval = 1_000_000_000_u64.checked_div(per_second.into()).unwrap_or(0);
        let ahead = interval.saturating_mul(u64::from(burst.saturating_sub(1)));
        Self { began: Instant::now(), interval, ahead, next: AtomicU64::new(0) }
    }

    fn admits(&self) -> bool {
        self.interval == 0
            || self.admits_at(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn admits_at(&self, now: u64) -> bool {
        let push = |next: u64| {
            let next = next.max(now);
            (next - now <= self.ahead).then(|| next.saturating_add(self.interval))
        };
        self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, push).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_and_then_the_rate() {
        let rate = Rate::new(10, 3);
        let admitted = |now: u64| (0..100).filter(|_| rate.admits_at(now)).count();
        assert_eq!(admitted(0), 3);
        assert_eq!(admitted(SECOND / 10 - 1), 0);
        assert_eq!(admitted(SECOND / 10), 1);
        // What was not used is kept up to the burst, and what was refused costs nothing.
        assert_eq!(admitted(100 * SECOND), 3);
        let second: usize = (1..=1000).map(|ms| admitted(100 * SECOND + ms * SECOND / 1000)).sum();
        assert_eq!(second, 10);
        assert!(Rate::new(0, 0).admits());
    }

    #[test]
    fn the_rate_counts_threads_together() {
        let rate = Rate::new(1, 1000);
        let admitted: usize = std::thread::scope(|scope| {
            let count = || (0..1000).filter(|_| rate.admits_at(5)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(admitted, 1000);
    }

    #[tokio::test]
    async fn places_are_given_in_the_order_of_coming() {
        let metrics = Metrics::new().worker("w");
        let gates = Gates::default();
        let limits = Limits {
            concurrent_requests: 1,
            queued_requests: 9,
            queue_ms: 60_000,
            ..Limits::default()
        };
        let Entry::Enter(Some(place)) = gates.enter(&limits, &metrics) else { panic!("no place") };
        let waiting: Vec<_> = (0..9)
            .map(|_| match gates.enter(&limits, &metrics) {
                Entry::Wait(waiting) => waiting,
                _ => panic!("no queue"),
            })
            .collect();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        // Their tasks get to run in the opposite order.
        for (number, waiting) in waiting.into_iter().enumerate().rev() {
            let tell = tell.clone();
            tokio::spawn(async move {
                let place = waiting.place().await;
                tell.send(number).expect("the test hears");
                drop(place);
            });
            tokio::task::yield_now().await;
        }
        drop((place, tell));
        let mut order = Vec::new();
        while let Some(number) = told.recv().await {
            order.push(number);
        }
        assert_eq!(order, (0..9).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn places_and_a_bounded_queue() {
        let metrics = Metrics::new().worker("w");
        let gates = Gates::default();
        let limits = Limits {
            concurrent_requests: 1,
            queued_requests: 1,
            queue_ms: 20,
            ..Limits::default()
        };
        let Entry::Enter(Some(place)) = gates.enter(&limits, &metrics) else { panic!("no place") };
        let Entry::Wait(waiting) = gates.enter(&limits, &metrics) else { panic!("no queue") };
        assert!(matches!(gates.enter(&limits, &metrics), Entry::QueueFull));
        assert_eq!(metrics.queued.get(), 1);
        assert!(waiting.place().await.is_none(), "nobody left");
        assert_eq!(metrics.queued.get(), 0);
        let Entry::Wait(waiting) = gates.enter(&limits, &metrics) else { panic!("no queue") };
        drop(place);
        assert!(waiting.place().await.is_some());
        assert_eq!(metrics.queued.get(), 0);
        // Other limits are another gate; without any there is none.
        let wider = Limits { concurrent_requests: 2, ..limits };
        assert!(matches!(gates.enter(&wider, &metrics), Entry::Enter(Some(_))));
        assert!(matches!(gates.enter(&Limits::default(), &metrics), Entry::Enter(None)));
    }
}

//! When requests are sent: as soon as the last is answered, or at a fixed rate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nano_tests::{Error, Result};

use super::{Exchange, Load};

/// What a window of time showed. `S` is what the caller samples at both ends of it.
#[derive(Debug)]
pub struct Window<S> {
    pub requests: usize,
    pub elapsed: Duration,
    /// Of each request that ended (closed loop) or was due (open loop) in the window.
    pub latencies: Vec<Duration>,
    pub before: S,
    pub after: S,
}

/// Closed loop: each connection sends its next request when the last one is answered. This finds
/// the throughput; its latencies say little.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    pub connections: usize,
    /// Before the window, not counted.
    pub lead: Duration,
    pub window: Duration,
}

impl Closed {
    pub fn run<S>(
        &self,
        target: SocketAddr,
        exchanges: &[Exchange],
        mut sample: impl FnMut() -> Result<S>,
    ) -> Result<Window<S>> {
        let mut load = Load::open(target, exchanges, self.connections)?;
        let begin = Instant::now() + self.lead;
        while Instant::now() < begin {
            while load.begin(Instant::now())? {}
            load.wait(begin, |_| ())?;
        }
        let before = sample()?;
        let began = Instant::now();
        let end = began + self.window;
        let mut latencies = Vec::new();
        // An answer that is late belongs to the window: with few large bodies its end would
        // otherwise cut off a good part of the work.
        let mut now = began;
        while now < end {
            while load.begin(now)? {}
            load.wait(end, |due| latencies.push(due.elapsed()))?;
            now = Instant::now();
        }
        let elapsed = began.elapsed();
        let after = sample()?;
        load.drain(|_| ())?;
        Ok(Window { requests: latencies.len(), elapsed, latencies, before, after })
    }
}

/// Open loop: requests are due at a fixed rate whatever happens to the others, and a request's
/// latency counts from when it was *due*, so that a server that stalls can't hide the requests
/// that it kept from being sent (no coordinated omission).
#[derive(Clone, Copy, Debug)]
pub struct Open {
    pub connections: usize,
    /// Requests per second.
    pub rate: f64,
    pub lead: Duration,
    pub window: Duration,
}

impl Open {
    pub fn run<S>(
        &self,
        target: SocketAddr,
        exchanges: &[Exchange],
        mut sample: impl FnMut() -> Result<S>,
    ) -> Result<Window<S>> {
        let mut load = Load::open(target, exchanges, self.connections)?;
        let interval = Duration::from_secs_f64(1.0 / self.rate);
        let start = Instant::now();
        let (begin, end) = (start + self.lead, start + self.lead + self.window);
        let mut latencies = Vec::new();
        let mut before = None;
        let mut due = start;
        while due < end {
            let now = Instant::now();
            if before.is_none() && now >= begin {
                before = Some(sample()?);
            }
            // Without an idle connection those that are due wait, and their clocks run.
            while due <= now && due < end && load.begin(due)? {
                due += interval;
            }
            let next = if load.idle.is_empty() { end } else { due };
            load.wait(next, |due| {
                if due >= begin {
                    latencies.push(due.elapsed());
                }
            })?;
            if due + Duration::from_secs(5) < Instant::now() {
                return Err(Error::new(format!("can't keep {:.0} requests/s", self.rate)));
            }
        }
        let after = sample()?;
        load.drain(|due| {
            if due >= begin {
                latencies.push(due.elapsed());
            }
        })?;
        let before = before.ok_or_else(|| Error::new("no request was due in the window"))?;
        Ok(Window { requests: latencies.len(), elapsed: self.window, latencies, before, after })
    }
}

/// Each exchange once, one after the other, over one connection; the latencies in their order.
pub fn each_once(target: SocketAddr, exchanges: &[Exchange]) -> Result<Vec<Duration>> {
    let mut load = Load::open(target, exchanges, 1)?;
    let mut latencies = Vec::with_capacity(exchanges.len());
    for _ in exchanges {
        load.begin(Instant::now())?;
        load.drain(|due| latencies.push(due.elapsed()))?;
    }
    Ok(latencies)
}

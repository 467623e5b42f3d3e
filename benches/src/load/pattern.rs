//! When requests are sent: as soon as the last is answered, or at a fixed rate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nano_tests::{Error, Result};

use super::{Exchange, Load};

/// How often a window that goes on is looked at.
const SLICE: Duration = Duration::from_millis(1);

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
    /// The window is longer when fewer were answered in it.
    pub at_least: usize,
}

/// For how much longer.
const PATIENCE: Duration = Duration::from_secs(30);

impl Closed {
    pub fn run<S>(
        &self,
        target: SocketAddr,
        exchanges: &[Exchange],
        mut sample: impl FnMut() -> Result<S>,
    ) -> Result<Window<S>> {
        let mut load = Load::open(target, exchanges, self.connections)?;
        let lead_end = Instant::now() + self.lead;
        while Instant::now() < lead_end {
            while load.begin(Instant::now())? {}
            load.wait(lead_end, |_| ())?;
        }
        let before = sample()?;
        let start = Instant::now();
        let end = start + self.window;
        let mut latencies = Vec::new();
        let mut now = start;
        while now < end || (latencies.len() < self.at_least && now < end + PATIENCE) {
            while load.begin(now)? {}
            load.wait(if now < end { end } else { now + SLICE }, |due| {
                latencies.push(due.elapsed());
            })?;
            now = Instant::now();
        }
        if latencies.len() < self.at_least {
            return Err(Error::new(format!("{} answers in {:?}", latencies.len(), now - start)));
        }
        let elapsed = now - start;
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::statistics::Percentiles;

    /// Answers on any number of connections; before the `stalled`th answer, of all connections
    /// together, it does nothing for `stall`.
    fn server(stalled: usize, stall: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answered = Arc::new(AtomicUsize::new(0));
        let serve = move |mut stream: TcpStream| {
            let mut buffer = [0; 1024];
            while stream.read(&mut buffer).is_ok_and(|count| count > 0) {
                if answered.fetch_add(1, Ordering::Relaxed) + 1 == stalled {
                    std::thread::sleep(stall);
                }
                if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                    return;
                }
            }
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let serve = serve.clone();
                std::thread::spawn(move || serve(stream.unwrap()));
            }
        });
        address
    }

    fn ask() -> Vec<Exchange> {
        vec![Exchange::get("test", "/", &[]).body("ok")]
    }

    #[test]
    fn requests_that_a_stall_kept_from_being_sent_count_with_their_wait() {
        let address = server(100, Duration::from_millis(400));
        let open = Open {
            connections: 1,
            rate: 500.0,
            lead: Duration::from_millis(20),
            window: Duration::from_secs(1),
        };
        let window = open.run(address, &ask(), || Ok(())).unwrap();
        // All that were due are there, 490 to 500 of them, and those of 400 ms have waited.
        assert!((450..=510).contains(&window.requests), "{}", window.requests);
        let waited = window.latencies.iter().filter(|each| **each > Duration::from_millis(100));
        assert!(waited.count() >= 120, "the stall is hidden");
        assert!(Percentiles::of(window.latencies).max >= 390.0);
    }

    #[test]
    fn a_closed_loop_keeps_all_connections_busy() {
        let address = server(0, Duration::ZERO);
        let closed = Closed {
            connections: 4,
            lead: Duration::from_millis(20),
            window: Duration::from_millis(100),
            at_least: 1,
        };
        let window = closed.run(address, &ask(), || Ok(Instant::now())).unwrap();
        assert!(window.requests > 20 && window.requests == window.latencies.len());
        assert!(window.after - window.before >= closed.window);
    }

    #[test]
    fn a_wrong_answer_ends_the_run() {
        let wrong = vec![Exchange::get("test", "/", &[]).body("no")];
        let error = each_once(server(0, Duration::ZERO), &wrong).unwrap_err().to_string();
        assert!(error.contains("wrong body"), "{error}");
        assert_eq!(
            each_once(server(0, Duration::ZERO), &[ask(), ask()].concat()).unwrap().len(),
            2
        );
    }
}

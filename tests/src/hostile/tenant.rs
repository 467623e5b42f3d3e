//! The good tenant: a well-behaved Worker and its clients, whose requests go on all the time. Not
//! one of them may fail, whatever its neighbours do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use super::arena::Arena;
use crate::client::{Proto, Reply, Request};
use crate::listeners::Mode;
use crate::{Error, Result, pattern};

/// Its Worker, in `tests/hostile/good`.
pub const NAME: &str = "good";

/// Clients that send one request after the other.
const CLIENTS: usize = 2;

/// Each client's pause between two requests.
const PAUSE: Duration = Duration::from_millis(15);

/// A request without an answer after so long has failed. It is not a measure of speed, which the
/// benchmark takes; the machine may be busy with other things.
const LIMIT: Duration = Duration::from_secs(10);

/// What became of the requests so far.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub requests: u64,
    pub failures: u64,
    /// The first failures, in words.
    pub told: Vec<String>,
    /// Milliseconds that each answer took.
    pub took_ms: Vec<f32>,
    /// The longest answers, the longest first, with what may explain them.
    pub slow: Vec<Slow>,
}

/// One of the longest answers.
#[derive(Clone, Debug, Serialize)]
pub struct Slow {
    pub took_ms: f32,
    pub kind: &'static str,
    /// Since the clients began.
    pub at_seconds: f32,
    /// Of that time, milliseconds in which this program itself did not come to its turn: then the
    /// machine was too busy for anybody.
    pub tester_late_ms: f32,
    /// The cases that ran when the answer came.
    pub beside: String,
}

/// Longest answers that are told.
const SLOW_MAX: usize = 12;

/// Failures that are told; more are only counted.
const TOLD_MAX: usize = 20;

impl Counts {
    /// Keeps the longest of both.
    pub fn add_slow(&mut self, slow: impl IntoIterator<Item = Slow>) {
        self.slow.extend(slow);
        self.slow.sort_by(|one, other| other.took_ms.total_cmp(&one.took_ms));
        self.slow.truncate(SLOW_MAX);
    }

    /// Requests that were answered right within so many milliseconds: of all of them, this part.
    pub fn quantile_ms(&self, part: f64) -> f32 {
        let mut sorted = self.took_ms.clone();
        sorted.sort_by(f32::total_cmp);
        let place = (sorted.len() as f64 * part) as usize;
        sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
    }
}

/// Steady traffic; ended when dropped.
#[derive(Debug)]
pub struct Tenant {
    shared: Arc<Shared>,
    _clients: JoinSet<()>,
}

/// What the clients write and read.
#[derive(Debug)]
struct Shared {
    began: Instant,
    counts: Mutex<Counts>,
    /// The cases that run now.
    beside: Mutex<String>,
    /// All of the time, in microseconds, in which this program did not come to its turn.
    late_us: AtomicU64,
}

/// How often the program looks whether it comes to its turn.
const TICK: Duration = Duration::from_millis(20);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tenant {
    /// Starts the clients, once each kind of request was answered.
    pub async fn start(arena: &Arena) -> Result<Self> {
        for kind in Kind::ALL {
            kind.ask(arena).await?;
        }
        let shared = Arc::new(Shared {
            began: Instant::now(),
            counts: Mutex::default(),
            beside: Mutex::default(),
            late_us: AtomicU64::new(0),
        });
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (arena, shared) = (arena.clone(), Arc::clone(&shared));
            clients.spawn(async move {
                // Not all at the same kind.
                for kind in Kind::ALL.iter().cycle().skip(client) {
                    one(*kind, &arena, &shared).await;
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        let ticking = Arc::clone(&shared);
        clients.spawn(async move {
            loop {
                let began = Instant::now();
                tokio::time::sleep(TICK).await;
                let late = began.elapsed().saturating_sub(TICK + TICK / 4).as_micros();
                ticking.late_us.fetch_add(late as u64, Ordering::Relaxed);
            }
        });
        Ok(Self { shared, _clients: clients })
    }

    pub fn counts(&self) -> Counts {
        lock(&self.shared.counts).clone()
    }

    /// Tells which cases run from now on, for the longest answers.
    pub fn beside(&self, cases: &str) {
        cases.clone_into(&mut lock(&self.shared.beside));
    }
}

async fn one(kind: Kind, arena: &Arena, shared: &Shared) {
    let began = Instant::now();
    let late_before = shared.late_us.load(Ordering::Relaxed);
    let asked = tokio::time::timeout(LIMIT, kind.ask(arena)).await;
    let result = asked.unwrap_or_else(|_| Err(Error::new(format!("no answer in {LIMIT:?}"))));
    let took_ms = began.elapsed().as_secs_f32() * 1000.0;
    let mut counts = lock(&shared.counts);
    counts.requests += 1;
    match result {
        Ok(()) => {
            counts.took_ms.push(took_ms);
            if counts.slow.len() < SLOW_MAX || counts.slow.iter().any(|slow| slow.took_ms < took_ms)
            {
                let late_us = shared.late_us.load(Ordering::Relaxed) - late_before;
                counts.add_slow([Slow {
                    took_ms,
                    kind: kind.name(),
                    at_seconds: shared.began.elapsed().as_secs_f32(),
                    tester_late_ms: late_us as f32 / 1000.0,
                    beside: lock(&shared.beside).clone(),
                }]);
            }
        }
        Err(error) => {
            counts.failures += 1;
            if counts.told.len() < TOLD_MAX {
                counts.told.push(format!("{}: {error}", kind.name()));
            }
        }
    }
}

/// The kinds of work that a Worker does.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// An answer of its own.
    Answer,
    /// The upstream's response with another header.
    Rewrite,
    /// A fetch of its own.
    Subrequest,
    /// The upstream's body through a stream.
    Transform,
    /// A request body that is read whole.
    Read,
}

/// Bytes of bodies: more than one chunk.
const BODY_BYTES: usize = 100_000;

impl Kind {
    const ALL: [Self; 5] =
        [Self::Answer, Self::Rewrite, Self::Subrequest, Self::Transform, Self::Read];

    const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Rewrite => "rewrite",
            Self::Subrequest => "subrequest",
            Self::Transform => "transform",
            Self::Read => "read",
        }
    }

    async fn ask(self, arena: &Arena) -> Result<()> {
        let (method, path) = match self {
            Self::Answer => ("GET", "/answer"),
            Self::Rewrite => ("GET", "/bytes/1000"),
            Self::Subrequest => ("GET", "/subrequest"),
            Self::Transform => ("GET", "/bytes/100000"),
            Self::Read => ("POST", "/read"),
        };
        let url = arena.stack().at(Mode::Lazy, path);
        let mut request = Request::new(Proto::H1, method, &url).header("x-test-worker", NAME);
        if matches!(self, Self::Read) {
            request = request.chunked(pattern::bytes(0, BODY_BYTES), 10_000);
        }
        let reply = request.send().await?;
        if reply.status == 200 && self.is_right(&reply) {
            return Ok(());
        }
        Err(Error::new(format!("a wrong answer: {} {:?}", reply.status, reply.short_text())))
    }

    fn is_right(self, reply: &Reply) -> bool {
        match self {
            Self::Answer => reply.text() == "good",
            Self::Rewrite => {
                reply.header("x-good") == Some("yes") && reply.body == pattern::bytes(0, 1000)
            }
            Self::Subrequest => reply.text() == "ok\n",
            Self::Transform => {
                let bytes = pattern::bytes(0, BODY_BYTES);
                reply.body.len() == bytes.len()
                    && reply.body.iter().zip(&bytes).all(|(a, b)| *a == !*b)
            }
            Self::Read => reply.text() == BODY_BYTES.to_string(),
        }
    }
}

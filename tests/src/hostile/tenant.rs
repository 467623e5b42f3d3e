//! The good tenant: a well-behaved Worker and its clients, whose requests go on all the time. Not
//! one of them may fail, whatever its neighbours do.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
}

/// Failures that are told; more are only counted.
const TOLD_MAX: usize = 20;

impl Counts {
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
    counts: Arc<Mutex<Counts>>,
    _clients: JoinSet<()>,
}

impl Tenant {
    /// Starts the clients, once each kind of request was answered.
    pub async fn start(arena: &Arena) -> Result<Self> {
        for kind in Kind::ALL {
            kind.ask(arena).await?;
        }
        let counts = Arc::new(Mutex::new(Counts::default()));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (arena, counts) = (arena.clone(), Arc::clone(&counts));
            clients.spawn(async move {
                // Not all at the same kind.
                for kind in Kind::ALL.iter().cycle().skip(client) {
                    one(*kind, &arena, &counts).await;
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Ok(Self { counts, _clients: clients })
    }

    pub fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn one(kind: Kind, arena: &Arena, counts: &Mutex<Counts>) {
    let began = Instant::now();
    let asked = tokio::time::timeout(LIMIT, kind.ask(arena)).await;
    let result = asked.unwrap_or_else(|_| Err(Error::new(format!("no answer in {LIMIT:?}"))));
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    counts.requests += 1;
    match result {
        Ok(()) => counts.took_ms.push(began.elapsed().as_secs_f32() * 1000.0),
        Err(error) => {
            counts.failures += 1;
            if counts.told.len() < TOLD_MAX {
                counts.told.push(format!("{kind:?}: {error}"));
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

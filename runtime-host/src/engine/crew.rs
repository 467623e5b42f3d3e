//! The isolates of one Worker: which of them takes a request, and when there is one more.
//!
//! One isolate runs on one thread at a time. A Worker that gets more than that can do has another,
//! up to its setting `isolates`; requests go to one that nobody is in, else to the one with the
//! fewest messages. While there is little to do they all go to the first, so that the others are
//! found unused and disposed of ([`super::fleet`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::actor::Actor;
use crate::telemetry::metrics::StartCause;

/// An isolate is crowded when one more message has so many before it.
const CROWDED: u32 = 4;

/// So many requests that found every isolate crowded since one found an isolate idle are more than a
/// burst.
const HOT: u32 = 64;

/// After an isolate that was to help did not start, none is tried for so long.
const RETRY: Duration = Duration::from_secs(10);

/// The actors of a Worker's current version; never without one.
pub(crate) struct Crew {
    actors: Mutex<Vec<Arc<Actor>>>,
    /// Requests that found every isolate crowded since one found an isolate idle.
    crowded: AtomicU32,
    /// Another isolate is being started, or did not start a while ago.
    growing: AtomicBool,
}

impl Crew {
    pub fn new(first: Arc<Actor>) -> Self {
        Self {
            actors: Mutex::new(vec![first]),
            crowded: AtomicU32::new(0),
            growing: AtomicBool::new(false),
        }
    }

    /// The first of them: it stands for the current version.
    pub fn first(&self) -> Arc<Actor> {
        Arc::clone(&self.actors.lock()[0])
    }

    /// A new version takes over, with one.
    pub fn renew(&self, first: Arc<Actor>) {
        *self.actors.lock() = vec![first];
        self.crowded.store(0, Ordering::Relaxed);
    }

    /// The one for a request that begins.
    pub fn choose(self: &Arc<Self>) -> Arc<Actor> {
        let actors = self.actors.lock();
        let first = &actors[0];
        let most = first.isolates_most();
        if most == 1 {
            return Arc::clone(first);
        }
        let mut best = (first.pressure(), first);
        for actor in &actors[1..] {
            if best.0 == 0 {
                break;
            }
            let pressure = actor.pressure();
            if pressure < best.0 {
                best = (pressure, actor);
            }
        }
        let chosen = Arc::clone(best.1);
        if best.0 == 0 {
            if self.crowded.load(Ordering::Relaxed) != 0 {
                self.crowded.store(0, Ordering::Relaxed);
            }
        } else if best.0 >= CROWDED
            && actors.len() < most
            && self.crowded.fetch_add(1, Ordering::Relaxed) >= HOT
        {
            drop(actors);
            self.grow(&chosen);
        }
        chosen
    }

    /// Starts another isolate, which takes requests once it is there.
    fn grow(self: &Arc<Self>, like: &Arc<Actor>) {
        let services = like.services();
        if !services.fleet.has_room() || self.growing.swap(true, Ordering::AcqRel) {
            return;
        }
        let fresh = like.successor();
        let (done, outcome) = oneshot::channel();
        fresh.start_now(StartCause::Busy, Some(done));
        let crew = Arc::clone(self);
        services.runtime.spawn(async move {
            // A panic of the start is an error; without an answer the host is ending.
            if matches!(outcome.await, Ok(Ok(()))) {
                crew.join(fresh);
            } else {
                tokio::time::sleep(RETRY).await;
            }
            crew.crowded.store(0, Ordering::Relaxed);
            crew.growing.store(false, Ordering::Release);
        });
    }

    fn join(&self, fresh: Arc<Actor>) {
        let mut actors = self.actors.lock();
        // Another version may have taken over meanwhile.
        if Arc::ptr_eq(actors[0].version(), fresh.version()) {
            tracing::debug!(
                worker = fresh.bundle().name,
                isolates = actors.len() + 1,
                "one more isolate for a Worker with much to do"
            );
            actors.push(fresh);
            count(&actors);
        }
    }

    /// Takes out one whose isolate is gone. When it was the only one, a fresh actor of the same
    /// version, without an isolate, takes its place and is returned. Another thread, or a new
    /// version, may have been faster.
    pub fn replace(&self, gone: &Arc<Actor>) -> Option<Arc<Actor>> {
        let mut actors = self.actors.lock();
        let at = actors.iter().position(|actor| Arc::ptr_eq(actor, gone))?;
        if actors.len() > 1 {
            actors.remove(at);
            count(&actors);
            return None;
        }
        let fresh = gone.successor();
        actors[0] = Arc::clone(&fresh);
        Some(fresh)
    }

    /// Whether others are there to do its work.
    pub fn can_spare(&self, actor: &Arc<Actor>) -> bool {
        let actors = self.actors.lock();
        actors.len() > 1 && !Arc::ptr_eq(&actors[0], actor)
    }
}

/// Has the version know how many serve it.
fn count(actors: &[Arc<Actor>]) {
    let many = u32::try_from(actors.len()).unwrap_or(u32::MAX);
    actors[0].version().isolates.store(many, Ordering::Relaxed);
}

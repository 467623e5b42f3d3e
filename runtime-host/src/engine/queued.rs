//! An exchange that waits for its place among those under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::task::AbortHandle;

use super::gate::{Place, Waiting};
use super::refusal;
use super::registry::Worker;
use super::session::{Running, seat};
use crate::exchange::{Event, Outbox, Session, Start, Started};
use crate::limits::Limit;
use crate::telemetry::Outcome;

/// The exchange as its front end holds it. Dropped, it leaves the queue or ends its invocation.
struct Queued {
    worker: Arc<Worker>,
    outbox: Arc<Outbox>,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

enum State {
    Waiting(Box<Start>),
    /// It has its place, and its handler is about to begin, or did.
    Seated {
        running: Arc<Running>,
        _place: Place,
    },
    /// It was refused, or its client is gone.
    Over,
}

/// Lets a request wait.
pub fn wait(worker: &Arc<Worker>, start: Box<Start>, waiting: Waiting) -> Started {
    let outbox = Arc::<Outbox>::default();
    let state = Arc::new(Mutex::new(State::Waiting(start)));
    let current = worker.current();
    let task = current.services().runtime.spawn(run(
        Arc::clone(worker),
        Arc::clone(&state),
        Arc::clone(&outbox),
        waiting,
    ));
    let task = task.abort_handle();
    Started::Session(Box::new(Queued { worker: Arc::clone(worker), outbox, state, task }))
}

async fn run(worker: Arc<Worker>, state: Arc<Mutex<State>>, outbox: Arc<Outbox>, waiting: Waiting) {
    let mut place = waiting.place().await;
    let taken = std::mem::replace(&mut *state.lock(), State::Over);
    let State::Waiting(start) = taken else { return };
    if place.is_none() {
        let text = "the request waited longer than limits.queue_ms for a place";
        let mut commands =
            refusal::refuse(&worker.current(), &start, Outcome::LoadShed, Limit::Queue, text);
        return outbox.publish(&mut commands);
    }
    let mut last = None;
    // Before the handler begins: what it does may have the front end post something at once.
    seat(&worker, start, &outbox, |actor, id| {
        let running = Arc::new(Running::new(Arc::clone(actor), id, Arc::clone(&outbox), None));
        last = Some(Arc::clone(&running));
        let mut state = state.lock();
        if let State::Seated { running: seat, .. } = &mut *state {
            *seat = running;
        } else if let Some(place) = place.take() {
            *state = State::Seated { running, _place: place };
        }
    });
    if let Some(running) = last {
        running.repeat_close();
    }
    // If the client went away meanwhile nobody else holds the exchange: dropped, it is closed.
}

impl Session for Queued {
    fn post(&self, event: Event) {
        let running = match &*self.state.lock() {
            State::Seated { running, .. } => Arc::clone(running),
            // Before its first command a front end has nothing to say but that its client is gone,
            // and then it drops this.
            State::Waiting(_) | State::Over => return,
        };
        running.post(event);
    }

    fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    fn reads_response_first(&self) -> bool {
        self.worker.current().version().reads_responses.load(Ordering::Relaxed)
    }

    fn response_did_not_fit(&self) {
        self.worker.current().version().response_did_not_fit();
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut *self.state.lock(), State::Over);
        match state {
            State::Waiting(start) => {
                self.task.abort();
                refusal::left(&self.worker.current(), &start);
            }
            // Tells the invocation, if nobody did.
            State::Seated { running, .. } => drop(running),
            State::Over => {}
        }
    }
}

//! A started exchange as the front end holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::actor::Actor;
use super::gate::{Entry, Place};
use super::registry::Worker;
use super::{Services, queued, refusal};
use crate::exchange::{
    Close, Command, Event, FailureMode, OutBody, Outbox, Respond, Session, Start, Started,
};
use crate::isolate::message::{InvocationId, Message};
use crate::limits::{Limit, LimitSet};
use crate::reply;
use crate::telemetry::Outcome;
use crate::telemetry::logs::FinishedRequest;

/// An invocation on an actor.
pub(super) struct Running {
    actor: Arc<Actor>,
    id: InvocationId,
    outbox: Arc<Outbox>,
    closed: AtomicBool,
    /// Given back with the exchange.
    _place: Option<Place>,
}

/// How often a request looks for a living isolate before it is refused: one that dies in the
/// moment it is chosen is replaced at once.
const TRIES: usize = 3;

/// Begins a handler on the Worker's current version, when the Worker's limits let the request in.
pub fn begin(worker: &Arc<Worker>, mut start: Start, services: &Arc<Services>) -> Started {
    let bundle = worker.current().bundle();
    start.failure_mode.get_or_insert(bundle.settings.failure_mode);
    let limits = &bundle.settings.limits;
    if let Some((outcome, limit, text)) = refusal::of_head(&start.request, limits) {
        return refusal::refused(worker, &start, outcome, limit, &text);
    }
    let (outcome, limit, text) = match worker.gates.enter(limits, &worker.metrics) {
        Entry::Enter(place) => return run(worker, start, services, place),
        Entry::Wait(waiting) => return queued::wait(worker, Box::new(start), waiting, services),
        Entry::RateLimited => {
            let text = "more requests per second than limits.requests_per_second";
            (Outcome::RateLimited, Limit::RequestsPerSecond, text)
        }
        Entry::QueueFull => {
            let text = "limits.concurrent_requests are under way and limits.queued_requests wait";
            (Outcome::LoadShed, Limit::QueuedRequests, text)
        }
    };
    refusal::refused(worker, &start, outcome, limit, text)
}

fn run(
    worker: &Arc<Worker>,
    start: Start,
    services: &Arc<Services>,
    place: Option<Place>,
) -> Started {
    let outbox = Arc::new(Outbox::default());
    match seat(worker, Box::new(start), &outbox, services, |_, _| ()) {
        Ok((actor, id)) => Started::Session(Box::new(Running::new(actor, id, outbox, place))),
        Err(start) => answered(not_seated(worker, &start)),
    }
}

/// Begins the handler on a living isolate. `announce` hears of each try before it is made. Gives the
/// request back when there is none.
pub(super) fn seat(
    worker: &Arc<Worker>,
    mut start: Box<Start>,
    outbox: &Arc<Outbox>,
    services: &Arc<Services>,
    mut announce: impl FnMut(&Arc<Actor>, InvocationId),
) -> Result<(Arc<Actor>, InvocationId), Box<Start>> {
    for _ in 0..TRIES {
        let actor = worker.current();
        let id = actor.next_invocation();
        announce(&actor, id);
        match actor.start(id, start, Arc::clone(outbox)) {
            Ok(()) => return Ok((actor, id)),
            Err(back) => start = back,
        }
        worker.replace(&actor, services);
    }
    Err(start)
}

/// What becomes of a request that found no living isolate.
pub(super) fn not_seated(worker: &Worker, start: &Start) -> Command {
    let text = "the Worker's isolate could not be started";
    failed(start, Outcome::InternalError, &worker.name, text)
}

impl Running {
    pub(super) fn new(
        actor: Arc<Actor>,
        id: InvocationId,
        outbox: Arc<Outbox>,
        place: Option<Place>,
    ) -> Self {
        Self { actor, id, outbox, closed: AtomicBool::new(false), _place: place }
    }

    /// The exchange may have been closed before its handler began, when nobody heard of it.
    pub(super) fn repeat_close(&self) {
        if self.closed.load(Ordering::Relaxed) {
            self.post(Event::Closed(Close::Disconnected));
        }
    }
}

impl Session for Running {
    fn post(&self, event: Event) {
        if matches!(event, Event::Closed(_)) {
            self.closed.store(true, Ordering::Relaxed);
        }
        if let Event::Chunk(side, chunk) = &event {
            self.actor.count_body(*side, chunk.len());
        }
        // An actor that died has failed its invocations already.
        let _ = self.actor.post(Message::Exchange { id: self.id, event });
    }

    fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    fn reads_response_first(&self) -> bool {
        self.actor.reads_responses()
    }

    fn response_did_not_fit(&self) {
        self.actor.response_did_not_fit();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.closed.swap(true, Ordering::Relaxed) {
            let event = Event::Closed(Close::Disconnected);
            let _ = self.actor.post(Message::Exchange { id: self.id, event });
        }
    }
}

/// An exchange that the host fails, by the route's failure mode.
struct Failed {
    outbox: Arc<Outbox>,
}

impl Session for Failed {
    fn post(&self, _event: Event) {}

    fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}

/// A session that answers a host error: fail-open lets the request go on, fail-closed gives a page.
pub fn host_failure(start: &Start, outcome: Outcome, worker: &str, text: &str) -> Started {
    answered(failed(start, outcome, worker, text))
}

/// A session with its only command.
pub(super) fn answered(command: Command) -> Started {
    let outbox = Arc::new(Outbox::default());
    outbox.publish(&mut vec![command]);
    Started::Session(Box::new(Failed { outbox }))
}

/// Logs a host error; what becomes of the exchange.
fn failed(start: &Start, outcome: Outcome, worker: &str, text: &str) -> Command {
    let (command, status) = failure_command(start, outcome);
    FinishedRequest {
        request_id: &start.request_id,
        worker,
        version: "",
        outcome,
        status,
        cpu: std::time::Duration::ZERO,
        wall: std::time::Duration::ZERO,
        error: Some(text),
        limits: LimitSet::default(),
    }
    .log();
    command
}

/// What becomes of an exchange that the host fails before its handler ran.
pub fn failure_command(start: &Start, outcome: Outcome) -> (Command, Option<u16>) {
    let open = start.failure_mode.unwrap_or_default() == FailureMode::Open;
    if open && outcome.is_of_the_host() {
        return (Command::PassThrough, None);
    }
    let (head, page) = reply::error_page(outcome, &start.request, &start.request_id, None);
    let status = head.status;
    (Command::Respond(Respond { head: Some(head), body: OutBody::Full(page) }), Some(status))
}

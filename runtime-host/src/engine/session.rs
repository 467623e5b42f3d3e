//! A started exchange as the front end holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::actor::Actor;
use super::gate::{Entry, Place};
use super::guard;
use super::registry::Worker;
use super::version::Version;
use super::{queued, refusal};
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

/// Begins a handler on the Worker's current version, when the Worker's limits let the request in.
pub fn begin(worker: &Arc<Worker>, mut start: Start) -> Started {
    let actor = worker.current();
    let bundle = actor.bundle();
    if let Some(answer) = guard::end_loop(&actor, &mut start, &bundle.settings.egress) {
        return answer;
    }
    start.failure_mode.get_or_insert(bundle.settings.failure_mode);
    if let Some(left) = actor.quarantine() {
        let text = format!(
            "this version of the Worker crashed the engine repeatedly and is quarantined for {} s",
            left.as_secs() + 1
        );
        actor.known_metrics().requests(Outcome::Quarantined).inc();
        return host_failure(&start, Outcome::Quarantined, &bundle.name, &text);
    }
    let limits = &bundle.settings.limits;
    if let Some((outcome, limit, text)) = refusal::of_head(&start.request, limits) {
        return refusal::refused(&actor, &start, outcome, limit, &text);
    }
    let (outcome, limit, text) = match worker.gates.enter(limits, actor.known_metrics()) {
        Entry::Enter(place) => return run(worker, start, place),
        Entry::Wait(waiting) => return queued::wait(worker, Box::new(start), waiting),
        Entry::RateLimited => {
            let text = "more requests per second than limits.requests_per_second";
            (Outcome::RateLimited, Limit::RequestsPerSecond, text)
        }
        Entry::QueueFull => {
            let text = "limits.concurrent_requests are under way and limits.queued_requests wait";
            (Outcome::LoadShed, Limit::QueuedRequests, text)
        }
    };
    refusal::refused(&actor, &start, outcome, limit, text)
}

fn run(worker: &Arc<Worker>, start: Start, place: Option<Place>) -> Started {
    let outbox = Arc::new(Outbox::default());
    let (actor, id) = seat(worker, Box::new(start), &outbox, |_, _| ());
    Started::Session(Box::new(Running::new(actor, id, outbox, place)))
}

/// Begins the handler on a living isolate. `announce` hears of each try before it is made.
pub(super) fn seat(
    worker: &Arc<Worker>,
    mut start: Box<Start>,
    outbox: &Arc<Outbox>,
    mut announce: impl FnMut(&Arc<Actor>, InvocationId),
) -> (Arc<Actor>, InvocationId) {
    // Ends: an isolate that is gone is replaced, and every turn finds a fresher one.
    loop {
        let actor = worker.crew.choose();
        let id = actor.next_invocation();
        announce(&actor, id);
        match actor.start(id, start, Arc::clone(outbox)) {
            Ok(()) => return (actor, id),
            Err(back) => start = back,
        }
        worker.crew.replace(&actor);
    }
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
        self.actor.version().reads_responses.load(Ordering::Relaxed)
    }

    fn response_did_not_fit(&self) {
        self.actor.version().response_did_not_fit();
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
    answered(failed(start, outcome, (worker, ""), text))
}

/// A session with all its commands.
pub(super) fn answered(mut commands: Vec<Command>) -> Started {
    let outbox = Arc::new(Outbox::default());
    outbox.publish(&mut commands);
    Started::Session(Box::new(Failed { outbox }))
}

/// Answers a request that waited for an isolate and will get none.
pub fn refuse(version: &Version, start: &Start, outbox: &Outbox, text: &str) {
    let bundle = &version.bundle;
    if let Some(metrics) = version.metrics() {
        metrics.running.dec();
        metrics.requests(Outcome::InternalError).inc();
    }
    let of = (bundle.name.as_str(), bundle.version.as_str());
    outbox.publish(&mut failed(start, Outcome::InternalError, of, text));
}

/// Logs a host error; what becomes of the exchange.
fn failed(start: &Start, outcome: Outcome, of: (&str, &str), text: &str) -> Vec<Command> {
    let (commands, status) = failure_commands(start, outcome, of);
    FinishedRequest {
        request_id: &start.request_id,
        worker: of.0,
        version: of.1,
        outcome,
        status,
        cpu: Duration::ZERO,
        wall: Duration::ZERO,
        error: Some(text),
        limits: LimitSet::default(),
    }
    .log();
    commands
}

/// What becomes of an exchange that the host fails before its handler ran.
pub fn failure_commands(
    start: &Start,
    outcome: Outcome,
    of: (&str, &str),
) -> (Vec<Command>, Option<u16>) {
    let report = start.report(of, outcome.as_str(), Duration::ZERO);
    let mut commands: Vec<_> = report.into_iter().collect();
    let open = start.failure_mode.unwrap_or_default() == FailureMode::Open;
    if open && outcome.is_of_the_host() {
        commands.push(Command::PassThrough);
        return (commands, None);
    }
    let (head, page) = reply::error_page(outcome, &start.request, &start.request_id, None);
    let status = head.status;
    commands.push(Command::Respond(Respond { head: Some(head), body: OutBody::Full(page) }));
    (commands, Some(status))
}

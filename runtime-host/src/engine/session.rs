//! A started exchange as the front end holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::actor::Actor;
use super::registry::Worker;
use super::version::Version;
use crate::exchange::{
    Close, Command, Event, FailureMode, OutBody, Outbox, Respond, Session, Start, Started,
};
use crate::isolate::message::{InvocationId, Message};
use crate::reply;
use crate::telemetry::Outcome;
use crate::telemetry::logs::FinishedRequest;

/// An invocation on an actor.
struct Running {
    actor: Arc<Actor>,
    id: InvocationId,
    outbox: Arc<Outbox>,
    closed: AtomicBool,
}

/// Begins a handler on the Worker's current version.
pub fn begin(worker: &Arc<Worker>, mut start: Start) -> Started {
    let actor = worker.current();
    if let Some(left) = actor.quarantine() {
        let bundle = actor.bundle();
        start.failure_mode.get_or_insert(bundle.settings.failure_mode);
        let text = format!(
            "this version of the Worker crashed the engine repeatedly and is quarantined for {} s",
            left.as_secs() + 1
        );
        actor.count_refused(Outcome::Quarantined);
        return host_failure(&start, Outcome::Quarantined, &bundle.name, &text);
    }
    drop(actor);
    let outbox = Arc::new(Outbox::default());
    let mut start = Box::new(start);
    // Ends: an isolate that is gone is replaced, and every turn finds a fresher one.
    loop {
        let actor = worker.current();
        let id = actor.next_invocation();
        start.failure_mode.get_or_insert(actor.bundle().settings.failure_mode);
        match actor.start(id, start, Arc::clone(&outbox)) {
            Ok(()) => {
                let closed = AtomicBool::new(false);
                return Started::Session(Box::new(Running { actor, id, outbox, closed }));
            }
            Err(back) => start = back,
        }
        worker.replace(&actor);
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
    let outbox = Arc::new(Outbox::default());
    fail(start, &outbox, (worker, ""), outcome, text);
    Started::Session(Box::new(Failed { outbox }))
}

/// Answers a request that waited for an isolate and will get none.
pub fn refuse(version: &Version, start: &Start, outbox: &Outbox, text: &str) {
    let bundle = &version.bundle;
    if let Some(metrics) = version.metrics() {
        metrics.running.dec();
        metrics.requests(Outcome::InternalError).inc();
    }
    fail(start, outbox, (&bundle.name, &bundle.version), Outcome::InternalError, text);
}

/// Fails an exchange before its handler ran, by the route's failure mode.
fn fail(start: &Start, outbox: &Outbox, of: (&str, &str), outcome: Outcome, text: &str) {
    let (command, status) = if start.failure_mode.unwrap_or_default() == FailureMode::Open {
        (Command::PassThrough, None)
    } else {
        let (head, page) = reply::error_page(outcome, &start.request, &start.request_id, None);
        let status = head.status;
        (Command::Respond(Respond { head: Some(head), body: OutBody::Full(page) }), Some(status))
    };
    FinishedRequest {
        request_id: &start.request_id,
        worker: of.0,
        version: of.1,
        outcome,
        status,
        cpu: std::time::Duration::ZERO,
        wall: std::time::Duration::ZERO,
        error: Some(text),
    }
    .log();
    outbox.publish(&mut vec![command]);
}

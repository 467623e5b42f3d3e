//! A started exchange as the front end holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Services;
use super::actor::Actor;
use super::guard;
use super::registry::Worker;
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

/// How often a request looks for a living isolate before it is refused: one that dies in the
/// moment it is chosen is replaced at once.
const TRIES: usize = 3;

/// Begins a handler on the Worker's current version.
pub fn begin(worker: &Arc<Worker>, mut start: Start, services: &Arc<Services>) -> Started {
    let bundle = worker.current().bundle();
    if let Some(answer) = guard::end_loop(worker, &mut start, &bundle.settings.egress) {
        return answer;
    }
    start.failure_mode.get_or_insert(bundle.settings.failure_mode);
    let outbox = Arc::new(Outbox::default());
    let mut start = Box::new(start);
    for _ in 0..TRIES {
        let actor = worker.current();
        let id = actor.next_invocation();
        match actor.start(id, start, Arc::clone(&outbox)) {
            Ok(()) => {
                let closed = AtomicBool::new(false);
                return Started::Session(Box::new(Running { actor, id, outbox, closed }));
            }
            Err(back) => start = back,
        }
        worker.replace(&actor, services);
    }
    let text = "the Worker's isolate could not be started";
    host_failure(&start, Outcome::InternalError, &worker.name, text)
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
    let outbox = Arc::new(Outbox::default());
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
    }
    .log();
    outbox.publish(&mut vec![command]);
    Started::Session(Box::new(Failed { outbox }))
}

/// What becomes of an exchange that the host fails before its handler ran.
pub fn failure_command(start: &Start, outcome: Outcome) -> (Command, Option<u16>) {
    if start.failure_mode.unwrap_or_default() == FailureMode::Open {
        return (Command::PassThrough, None);
    }
    let (head, page) = reply::error_page(outcome, &start.request, &start.request_id, None);
    let status = head.status;
    (Command::Respond(Respond { head: Some(head), body: OutBody::Full(page) }), Some(status))
}

//! One invocation of a Worker's handler: what the host knows of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ids::{IdMap, IdSet};
use super::message::{BodyId, LeavingId, OpId};
use crate::egress::loops::Sent;
use crate::exchange::{
    Close, Command, Continue, FailureMode, OutBody, Outbox, RequestHead, Respond, ResponseHead,
    Side, Start,
};
use crate::limits::LimitSet;
use crate::telemetry::Outcome;
use crate::worker::Bundle;

/// Host-side state of an invocation, freed when it finishes.
pub struct Invocation {
    pub start: Box<Start>,
    outbox: Arc<Outbox>,
    /// Commands of the current turn, published together.
    commands: Vec<Command>,
    pub began: Instant,
    pub cpu: Duration,
    pub request_body: Option<BodyId>,
    pub response_body: Option<BodyId>,
    pub bodies: Vec<BodyId>,
    pub leaving: Vec<LeavingId>,
    /// Leaving bodies that the host sends on as they arrive.
    pub relays: u32,
    /// Ops that wait for the host; with none of them an unsettled promise never settles.
    pub waiting: Vec<OpId>,
    /// Ops that will not be settled any more, and that JavaScript still knows.
    pub abandoned: Vec<OpId>,
    pub timers: IdSet,
    /// `WebSocket`s that are not closed, and whether something may come of them.
    pub sockets: IdMap<bool>,
    /// The op of the `fetch()` that continued the exchange, until the response came.
    pub upstream: Option<OpId>,
    pub continued: bool,
    pub upstream_status: u16,
    pub upstream_has_body: bool,
    /// The handler's promise, when nobody but us can listen to it.
    pub answer: Option<v8::Global<v8::Promise>>,
    /// A response (or pass-through) was given.
    pub answered: bool,
    /// The front end knows what became of it.
    pub reported: bool,
    /// The handler returned or threw, or was given up.
    pub settled: bool,
    /// `waitUntil` promises that are still pending.
    pub background: u32,
    pub background_announced: bool,
    pub pass_through_on_exception: bool,
    /// What left the exchange, once something did.
    pub sent: Option<Arc<Sent>>,
    /// Calls of the Cache API.
    pub cache_calls: u32,
    /// Bytes of JSON given to `setMetadata`.
    pub metadata_bytes: usize,
    /// Bytes of console lines.
    pub log_bytes: usize,
    pub limits: LimitSet,
    pub closed: Option<Close>,
    pub outcome: Outcome,
    pub status: u16,
    pub error: Option<String>,
}

impl Invocation {
    pub fn new(start: Box<Start>, outbox: Arc<Outbox>) -> Self {
        Self {
            start,
            outbox,
            commands: Vec::new(),
            began: Instant::now(),
            cpu: Duration::ZERO,
            request_body: None,
            response_body: None,
            bodies: Vec::new(),
            leaving: Vec::new(),
            relays: 0,
            waiting: Vec::new(),
            abandoned: Vec::new(),
            timers: IdSet::default(),
            sockets: IdMap::default(),
            upstream: None,
            continued: false,
            upstream_status: 0,
            upstream_has_body: false,
            answer: None,
            answered: false,
            reported: false,
            settled: false,
            background: 0,
            background_announced: false,
            pass_through_on_exception: false,
            sent: None,
            cache_calls: 0,
            metadata_bytes: 0,
            log_bytes: 0,
            limits: LimitSet::default(),
            closed: None,
            outcome: Outcome::Ok,
            status: 0,
            error: None,
        }
    }

    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Tells the front end what became of the exchange, if it wants to know, together with the
    /// response: once.
    pub fn report(&mut self, bundle: &Bundle) {
        if !self.answered || self.reported || !self.start.reports {
            return;
        }
        self.reported = true;
        let of = (bundle.name.as_str(), bundle.version.as_str());
        if let Some(report) = self.start.report(of, self.outcome.as_str(), self.cpu) {
            let answers =
                |command: &Command| matches!(command, Command::Respond(_) | Command::PassThrough);
            let at = self.commands.iter().position(answers).unwrap_or(self.commands.len());
            self.commands.insert(at, report);
        }
    }

    /// Hands the turn's commands to the front end.
    pub fn publish(&mut self) {
        if self.closed.is_none() {
            self.outbox.publish(&mut self.commands);
        } else {
            self.commands.clear();
        }
    }

    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub fn continue_exchange(&mut self, head: Option<RequestHead>, body: OutBody, op: OpId) {
        self.continued = true;
        self.upstream = Some(op);
        self.command(Command::Continue(Continue { head, body }));
    }

    pub fn respond(&mut self, head: Option<ResponseHead>, body: OutBody) {
        self.answered = true;
        self.status = head.as_ref().map_or(0, |head| head.status);
        self.command(Command::Respond(Respond { head, body }));
    }

    /// Whether the exchange can go on as if the Worker had not been there: what would have to be
    /// sent has not been read by JavaScript.
    pub fn can_pass_through(&self, touched: impl Fn(BodyId) -> bool) -> bool {
        let body = if self.continued { self.response_body } else { self.request_body };
        !self.answered && !body.is_some_and(touched)
    }

    pub fn pass_through(&mut self) {
        self.answered = true;
        self.command(Command::PassThrough);
    }

    pub fn fails_open(&self) -> bool {
        self.start.failure_mode.unwrap_or_default() == FailureMode::Open
    }

    /// Whether the host will do something that can still run JavaScript of this invocation, or that
    /// needs none.
    pub fn has_pending_io(&self) -> bool {
        !self.waiting.is_empty()
            || !self.timers.is_empty()
            || self.relays > 0
            || self.sockets.values().any(|accepted| *accepted)
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.settled && self.leaving.is_empty() && self.background == 0
    }

    pub fn arriving(&self, side: Side) -> Option<BodyId> {
        match side {
            Side::Request => self.request_body,
            Side::Response => self.response_body,
        }
    }
}

//! One exchange: messages to the machine, events to the engine, commands back, replies out.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use prost::Message;

use super::attributes;
use super::grpc::{Received, Server};
use super::machine::{Hints, Machine, Opened, Outputs};
use super::proto::{ProcessingRequest, ProcessingResponse};
use super::status::Status;
use crate::exchange::{Command, Event, RequestHead, Session, Side, Start, Started};

/// Where an exchange's messages come from.
pub(super) trait Messages {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Received>;
}

/// Where its replies go.
pub(super) trait Replies {
    /// Encodes a reply; [`Replies::poll_flush`] sends it.
    fn push(&mut self, reply: &ProcessingResponse);
    /// Whether what is pending is enough for now: flush before more is pushed.
    fn is_full(&self) -> bool;
    fn has_pending(&self) -> bool;
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>>;
    /// Ready when nobody wants the replies any more.
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()>;
    /// Sends what is pending and ends the stream.
    async fn finish(&mut self, status: &Status);
}

/// Serves one stream of `ExternalProcessor.Process`.
pub(super) async fn run(
    metadata: HeaderMap,
    mut incoming: impl Messages,
    mut outgoing: impl Replies,
    server: &Server,
) {
    let first = match poll_fn(|cx| incoming.poll_message(cx)).await {
        Received::Message(message) => decode(message, server),
        Received::Refused(status) => Err(status),
        Received::Broken => return,
        // Envoy opened the stream and then did not need it.
        Received::HalfClosed => return outgoing.finish(&Status::ok()).await,
    };
    let mut settings = server.settings.clone();
    settings.mode_override &= !attributes::overrides_off(&metadata);
    let (machine, opened) = match first.and_then(|first| Machine::open(first, &settings)) {
        Ok(opened) => opened,
        Err(status) => {
            refused(&status, server);
            return outgoing.finish(&status).await;
        }
    };
    let mut exchange = Exchange {
        machine: Box::new(machine),
        session: None,
        incoming,
        outgoing,
        out: Outputs::default(),
        batch: Vec::new(),
        unreleased: [0; 2],
        reads_ended: false,
        server,
    };
    exchange.start(opened, &metadata);
    exchange.run().await;
}

fn decode(message: Bytes, server: &Server) -> Result<ProcessingRequest, Status> {
    let request = ProcessingRequest::decode(message)
        .map_err(|error| Status::invalid(format!("not a ProcessingRequest: {error}")))?;
    if let Some(kind) = &request.request {
        server.stats.count(kind);
    }
    Ok(request)
}

fn refused(status: &Status, server: &Server) {
    server.stats.protocol_error();
    tracing::warn!(%status, "an ext_proc stream was refused");
}

struct Exchange<'a, M, R> {
    /// Apart, so that the task that has it is cheap to move.
    machine: Box<Machine>,
    /// None: no Worker, the exchange passes.
    session: Option<Box<dyn Session>>,
    incoming: M,
    outgoing: R,
    out: Outputs,
    batch: Vec<Command>,
    /// Bytes of leaving bodies in `outgoing`, by [`Side`], to release when it is flushed.
    unreleased: [usize; 2],
    /// The client half-closed.
    reads_ended: bool,
    server: &'a Server,
}

enum Wake {
    Commands,
    Received(Received),
    Flushed(Result<(), h2::Error>),
    Reset,
}

impl<M: Messages, R: Replies> Exchange<'_, M, R> {
    fn start(&mut self, opened: Opened, metadata: &HeaderMap) {
        if !opened.pass {
            let facts = attributes::facts(opened.attributes, metadata);
            let started = self.server.engine.start(Start {
                worker: facts.worker,
                failure_mode: facts.failure_mode,
                request_id: request_id(&opened.head),
                cf: facts.cf,
                reports: self.server.settings.report,
                request: opened.head,
            });
            if let Started::Session(session) = started {
                let reads_response_first = session.reads_response_first();
                self.machine.set_hints(Hints { reads_response_first });
                session.outbox().drain(&mut self.batch);
                self.session = Some(session);
            }
        }
        if self.session.is_none() {
            self.batch.push(Command::PassThrough);
        }
        if !self.batch.is_empty() {
            self.machine.commands(&mut self.batch, &mut self.out);
        }
    }

    async fn run(&mut self) {
        loop {
            self.settle();
            if let Some(status) = self.out.close.take() {
                return self.finish(status).await;
            }
            match poll_fn(|cx| self.poll_wake(cx)).await {
                Wake::Commands => self.machine.commands(&mut self.batch, &mut self.out),
                Wake::Received(received) => self.received(received),
                Wake::Flushed(Ok(())) => self.release(),
                Wake::Flushed(Err(_)) | Wake::Reset => self.machine.disconnected(&mut self.out),
            }
        }
    }

    /// Does what the last input led to, and what that leads to, until only others can go on.
    fn settle(&mut self) {
        loop {
            self.push_replies();
            if std::mem::take(&mut self.out.response_did_not_fit)
                && let Some(session) = &self.session
            {
                session.response_did_not_fit();
            }
            if self.out.close.is_some() {
                return;
            }
            let Some(session) = &self.session else {
                self.out.events.clear();
                return;
            };
            for event in self.out.events.drain(..) {
                session.post(event);
            }
            session.outbox().drain(&mut self.batch);
            if self.batch.is_empty() {
                return;
            }
            self.machine.commands(&mut self.batch, &mut self.out);
        }
    }

    /// Encodes replies as far as they will soon leave: a large body in one go would be copied into
    /// a buffer of its size.
    fn push_replies(&mut self) {
        let mut pushed = 0;
        for reply in &self.out.replies {
            if self.outgoing.is_full() {
                break;
            }
            self.outgoing.push(reply);
            pushed += 1;
        }
        self.out.replies.drain(..pushed);
        if self.out.replies.is_empty() {
            for (sum, released) in self.unreleased.iter_mut().zip(&mut self.out.released) {
                *sum += std::mem::take(released);
            }
        }
    }

    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        if (self.outgoing.has_pending() || self.unreleased != [0; 2])
            && let Poll::Ready(flushed) = self.outgoing.poll_flush(cx)
        {
            return Poll::Ready(Wake::Flushed(flushed));
        }
        if let Some(session) = &self.session
            && session.outbox().poll_drain(cx, &mut self.batch).is_ready()
        {
            return Poll::Ready(Wake::Commands);
        }
        if !self.reads_ended && self.machine.wants_messages() {
            return self.incoming.poll_message(cx).map(Wake::Received);
        }
        self.outgoing.poll_reset(cx).map(|()| Wake::Reset)
    }

    fn received(&mut self, received: Received) {
        match received {
            Received::Message(message) => match decode(message, self.server) {
                Ok(message) => self.machine.message(message, &mut self.out),
                Err(status) => self.refuse(status),
            },
            Received::HalfClosed => {
                self.reads_ended = true;
                self.machine.half_closed(&mut self.out);
            }
            Received::Broken => self.machine.disconnected(&mut self.out),
            Received::Refused(status) => self.refuse(status),
        }
    }

    fn refuse(&mut self, status: Status) {
        self.machine.refuse(status, &mut self.out);
    }

    /// What was flushed no longer counts against the Worker, which may wait for that.
    fn release(&mut self) {
        let Some(session) = &self.session else { return };
        for side in [Side::Request, Side::Response] {
            let bytes = std::mem::take(&mut self.unreleased[side as usize]);
            if bytes > 0 && session.outbox().release(side, bytes) {
                session.post(Event::Drained(side));
            }
        }
    }

    async fn finish(&mut self, status: Status) {
        if !status.is_ok() {
            refused(&status, self.server);
        }
        while !self.out.replies.is_empty() {
            // When it fails the stream is gone, as `finish` will find as well.
            if poll_fn(|cx| self.outgoing.poll_flush(cx)).await.is_err() {
                self.out.replies.clear();
            }
            self.push_replies();
        }
        self.outgoing.finish(&status).await;
        self.release();
        let Some(session) = &self.session else { return };
        for event in self.out.events.drain(..) {
            session.post(event);
        }
    }
}

fn request_id(head: &RequestHead) -> String {
    match head.headers.get("x-request-id") {
        Some(id) => String::from_utf8_lossy(id).into_owned(),
        None => made_up_id(),
    }
}

/// 128 random bits in hexadecimal.
fn made_up_id() -> String {
    let mut bytes = [0; 16];
    // Without entropy the id is all zeros: worse to find in a log, and no reason to fail.
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::warn!(%error, "no entropy for a request id");
    }
    format!("{:032x}", u128::from_be_bytes(bytes))
}

//! What the outside delivers to JavaScript: heads, bodies, and the end of an exchange.

use bytes::Bytes;
use v8::{Local, PinScope};

use super::body::{Arriving, Phase, Sink, Source, Want};
use super::dispatch::{Turn, memory_text};
use super::finish;
use super::hooks::{Kind, Value, call};
use super::inbound::{DOES_NOT_FIT, byte_array};
use super::message::{BodyId, Effect, InvocationId, LeavingId, OpId, SubrequestHead};
use super::state::{self, State};
use crate::exchange::{Close, Event, Side};
use crate::telemetry::Outcome;

impl Turn<'_> {
    pub(super) fn exchange(&self, scope: &mut PinScope<'_, '_>, id: InvocationId, event: Event) {
        let arriving = |scope: &mut PinScope<'_, '_>, side| {
            state::with(scope, |s| s.touch(id).and_then(|i| i.arriving(side)))
        };
        match event {
            Event::Chunk(side, chunk) => {
                if let Some(body) = arriving(scope, side) {
                    self.chunk(scope, body, chunk);
                }
            }
            Event::End(side) => {
                if let Some(body) = arriving(scope, side) {
                    self.body_end(scope, body, Phase::Ended);
                }
            }
            Event::BodyError(side, reason) => {
                if let Some(body) = arriving(scope, side) {
                    self.body_end(scope, body, Phase::Failed(reason));
                }
            }
            Event::Response(head) => {
                let settled = state::with(scope, |s| {
                    let op = s.touch(id)?.upstream.take()?;
                    let body = s.body_ids.take();
                    let mut arriving = Arriving::new(id, Source::Exchange(Side::Response));
                    arriving.headers = head.headers;
                    s.bodies.insert(body, arriving);
                    let invocation = s.touch(id)?;
                    invocation.upstream_status = head.status;
                    invocation.upstream_has_body = head.has_body;
                    invocation.response_body = Some(body);
                    invocation.bodies.push(body);
                    let kind = if head.has_body { Kind::Ok } else { Kind::NoBody };
                    Some((op, kind, Value::Response(head.status, body)))
                });
                if let Some((op, kind, value)) = settled {
                    self.settle(scope, id, op, kind, value);
                }
            }
            Event::ResponseFailed(reason) => {
                let op = state::with(scope, |s| s.touch(id).and_then(|i| i.upstream.take()));
                if let Some(op) = op {
                    self.settle(scope, id, op, Kind::TypeError, Value::Text(reason));
                }
            }
            Event::Drained(side) => {
                let waiting = state::with(scope, |s| leaving_of(s, id, side));
                if let Some(leaving) = waiting {
                    self.room(scope, leaving);
                }
            }
            Event::Closed(close) => self.closed(scope, id, close),
        }
    }

    fn closed(&self, scope: &mut PinScope<'_, '_>, id: InvocationId, close: Close) {
        let known = state::with(scope, |s| s.touch(id).map(|i| i.closed = Some(close)).is_some());
        if !known {
            return;
        }
        if close == Close::Disconnected {
            let id_value = v8::Integer::new_from_unsigned(scope, id).into();
            call(scope, &self.hooks.abort, &[id_value]);
            scope.perform_microtask_checkpoint();
            state::with(scope, |s| finish::disconnected(s, id));
        }
        self.end_exchange(scope, id);
    }

    /// Nothing more will come of the exchange and nothing will be taken: whoever waits for it must
    /// be told, or its invocation would wait for good.
    fn end_exchange(&self, scope: &mut PinScope<'_, '_>, id: InvocationId) {
        const OVER: &str = "the exchange with the client is over";
        let upstream = state::with(scope, |s| s.touch(id).and_then(|i| i.upstream.take()));
        if let Some(op) = upstream {
            self.settle(scope, id, op, Kind::TypeError, Value::Text(OVER.into()));
        }
        for side in [Side::Request, Side::Response] {
            let body = state::with(scope, |s| {
                let leaving = leaving_of(s, id, side);
                if let Some(leaving) = leaving {
                    finish::abort_leaving(s, leaving, OVER);
                }
                s.touch(id)?.arriving(side)
            });
            if let Some(body) = body {
                self.body_end(scope, body, Phase::Failed(OVER.into()));
            }
        }
    }

    pub(super) fn subrequest(
        &self,
        scope: &mut PinScope<'_, '_>,
        id: InvocationId,
        op: OpId,
        result: Result<SubrequestHead, String>,
    ) {
        // Unknown: it was aborted, or its invocation is over.
        let fetch = state::with(scope, |s| s.fetches.remove(&op));
        let Some((_, Some(body))) = fetch else { return };
        let socket =
            state::with(scope, |s| s.bodies.get(&body).map_or(0, |arriving| arriving.socket));
        if socket != 0 && !result.as_ref().is_ok_and(|head| head.status == 101) {
            // The server did not agree: an ordinary response, or none.
            state::with(scope, |s| {
                s.remove_socket(socket);
                if let Some(arriving) = s.bodies.get_mut(&body) {
                    arriving.socket = 0;
                }
            });
        }
        match result {
            Ok(head) => {
                state::with(scope, |s| {
                    if let Some(arriving) = s.bodies.get_mut(&body) {
                        arriving.upload_bytes = 0;
                        arriving.headers = head.headers;
                        arriving.status_text = head.status_text;
                        arriving.url = head.url;
                        arriving.redirected = head.redirected;
                        arriving.length = head.length;
                    }
                });
                let kind = if head.has_body { Kind::Ok } else { Kind::NoBody };
                self.settle(scope, id, op, kind, Value::Response(head.status, body));
            }
            Err(reason) => {
                state::with(scope, |s| s.drop_body(body, &reason));
                self.settle(scope, id, op, Kind::TypeError, Value::Text(reason));
            }
        }
    }

    pub(super) fn chunk(&self, scope: &mut PinScope<'_, '_>, body: BodyId, chunk: Bytes) {
        let reader = state::with(scope, |s| {
            let arriving = s.bodies.get_mut(&body)?;
            let id = arriving.invocation;
            if arriving.phase != Phase::Reading {
                // It was cancelled while this chunk was on its way.
                return None;
            }
            let size = chunk.len();
            match arriving.waiting {
                Some(reader) if reader.want == Want::Chunk => {
                    arriving.waiting = None;
                    arriving.push(chunk);
                    let piece = arriving.pop()?;
                    s.consumed(body, piece.len());
                    return Some((id, reader, piece));
                }
                Some(_) => {
                    // What a head announces is taken for true as far as the Worker has room for it.
                    let expected =
                        s.length_of(body).and_then(|length| usize::try_from(length).ok());
                    let expected = expected.filter(|length| s.meter.fits(*length));
                    s.bodies.get_mut(&body)?.collect(chunk, expected);
                    // All of it is wanted, so there is room for more, up to the memory limit.
                    let collected: usize = s.bodies.values().map(Arriving::buffered).sum();
                    if s.meter.fits(collected) {
                        s.consumed(body, size);
                    } else {
                        finish::fail(s, id, Outcome::ExceededMemory, memory_text(s));
                    }
                }
                None => {
                    arriving.push(chunk);
                    // For those that are sent on.
                    s.pass_on(body);
                }
            }
            s.touch(id);
            None
        });
        if let Some((id, reader, chunk)) = reader {
            self.settle(scope, id, reader.op, Kind::Ok, Value::Bytes(chunk));
        }
    }

    pub(super) fn body_end(&self, scope: &mut PinScope<'_, '_>, body: BodyId, phase: Phase) {
        let settled = state::with(scope, |s| {
            let arriving = s.bodies.get_mut(&body)?;
            if matches!(arriving.phase, Phase::Ended | Phase::Failed(_)) {
                return None;
            }
            arriving.phase = phase.clone();
            let reader = arriving.waiting.take();
            let whole =
                reader.filter(|r| r.want != Want::Chunk).map(|r| (arriving.take_all(), r.want));
            let id = arriving.invocation;
            let upload = arriving.upload;
            s.touch(id);
            s.pass_on(body);
            if let (Phase::Failed(reason), Some(upload)) = (&phase, upload) {
                finish::abort_leaving(s, upload, reason);
            }
            Some((id, reader?, whole))
        });
        let Some((id, reader, whole)) = settled else { return };
        match (phase, whole) {
            (Phase::Failed(reason), _) => {
                self.settle(scope, id, reader.op, Kind::TypeError, Value::Text(reason));
            }
            (_, Some((whole, want))) => {
                self.settle(scope, id, reader.op, Kind::Ok, Value::Whole(whole, want));
            }
            (_, None) => self.settle(scope, id, reader.op, Kind::End, Value::Nothing),
        }
    }

    pub(super) fn room(&self, scope: &mut PinScope<'_, '_>, leaving: LeavingId) {
        let waiting = state::with(scope, |s| {
            let leaving = s.leaving.get_mut(&leaving)?;
            if let Some(body) = leaving.relays {
                s.pass_on(body);
                return None;
            }
            Some((leaving.invocation, leaving.waiting.take()?))
        });
        if let Some((id, op)) = waiting {
            self.settle(scope, id, op, Kind::Ok, Value::Nothing);
        }
    }

    /// Settles an op that an invocation waits for.
    pub(super) fn settle(
        &self,
        scope: &mut PinScope<'_, '_>,
        id: InvocationId,
        op: OpId,
        kind: Kind,
        value: Value,
    ) {
        state::with(scope, |s| {
            s.fetches.remove(&op);
            if let Some(invocation) = s.touch(id) {
                invocation.waiting.retain(|waiting| *waiting != op);
            }
        });
        let undefined: Local<'_, v8::Value> = v8::undefined(scope).into();
        let (first, second) = match value {
            Value::Nothing => (undefined, undefined),
            Value::Bytes(bytes) => match byte_array(scope, &bytes) {
                Some(array) => (array.into(), undefined),
                None => return self.settle_unfit(scope, id, op),
            },
            Value::Whole(whole, want) => match whole.into_value(scope, want) {
                Some(value) => (value, undefined),
                None => return self.settle_unfit(scope, id, op),
            },
            Value::Text(text) => {
                let text =
                    v8::String::new(scope, &text).unwrap_or_else(|| v8::String::empty(scope));
                (text.into(), undefined)
            }
            Value::Invocation(id) => (v8::Integer::new_from_unsigned(scope, id).into(), undefined),
            Value::Response(status, body) => (
                v8::Integer::new(scope, i32::from(status)).into(),
                v8::Integer::new_from_unsigned(scope, body).into(),
            ),
        };
        let op = v8::Integer::new_from_unsigned(scope, op).into();
        let kind = v8::Integer::new(scope, kind as i32).into();
        call(scope, &self.hooks.settle, &[op, kind, first, second]);
    }

    fn settle_unfit(&self, scope: &mut PinScope<'_, '_>, id: InvocationId, op: OpId) {
        self.settle(scope, id, op, Kind::TypeError, Value::Text(DOES_NOT_FIT.into()));
    }
}

fn leaving_of(state: &State, id: InvocationId, side: Side) -> Option<LeavingId> {
    let invocation = state.invocations.get(&id)?;
    invocation.leaving.iter().copied().find(|leaving| {
        state.leaving.get(leaving).is_some_and(|l| matches!(l.sink, Sink::Exchange(s) if s == side))
    })
}

impl State {
    /// JavaScript took bytes of an arriving body.
    pub fn consumed(&mut self, body: BodyId, bytes: usize) {
        let Some(arriving) = self.bodies.get(&body) else { return };
        match arriving.source {
            Source::Subrequest => self.effects.push(Effect::Consumed(body, bytes)),
            Source::Exchange(side) => {
                let id = arriving.invocation;
                if let Some(invocation) = self.touch(id) {
                    invocation.command(crate::exchange::Command::Consumed(side, bytes));
                }
            }
        }
    }

    /// Drops a subrequest's response, and cuts its upload off.
    pub fn drop_body(&mut self, body: BodyId, reason: &str) {
        let Some(gone) = self.bodies.remove(&body) else { return };
        if let Some(invocation) = self.touch(gone.invocation) {
            invocation.bodies.retain(|b| *b != body);
        }
        for leaving in [gone.upload, gone.relay].into_iter().flatten() {
            finish::abort_leaving(self, leaving, reason);
        }
    }
}

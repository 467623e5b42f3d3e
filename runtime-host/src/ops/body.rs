//! Bodies: reading those that arrive, writing those that leave.

use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::{args, throw_type_error};
use crate::exchange::{Command, Side};
use crate::isolate::body::{Leaving, Phase, Reader, Sink, Source, Want};
use crate::isolate::finish;
use crate::isolate::inbound::{Collected, DOES_NOT_FIT};
use crate::isolate::message::{BodyId, Effect, LeavingId, OpId};
use crate::isolate::state::{self, State};

/// `bodyRead(body, op) → Uint8Array` of the next chunk, `null` at the end, or `undefined` when `op`
/// will be settled with it.
pub fn body_read(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    read(scope, &args, rv, Want::Chunk);
}

/// `bodyReadAll(body, op, asText) → Uint8Array | string` of the whole body, or `undefined` when `op`
/// will be settled with it. A byte order mark stays in the text.
pub fn body_read_all(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    rv: ReturnValue<'_>,
) {
    let want = if args.get(2).is_true() { Want::Text } else { Want::Bytes };
    read(scope, &args, rv, want);
}

/// What a reader gets at once.
enum Now {
    /// A chunk, or the whole.
    Bytes(Collected),
    End,
    Wait,
    Failed(String),
}

fn read(
    scope: &mut PinScope<'_, '_>,
    args: &FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
    want: Want,
) {
    let (body, op) = (args::id(scope, args, 0), args::id(scope, args, 1));
    let now = state::with(scope, |s| s.read(body, Reader { op, want }));
    match now {
        Now::Wait => rv.set_undefined(),
        Now::End => rv.set_null(),
        Now::Bytes(bytes) => match bytes.into_value(scope, want) {
            Some(value) => rv.set(value),
            None => throw_type_error(scope, DOES_NOT_FIT),
        },
        Now::Failed(reason) => throw_type_error(scope, &reason),
    }
}

impl State {
    fn read(&mut self, body: BodyId, reader: Reader) -> Now {
        let Some(arriving) = self.bodies.get_mut(&body) else {
            return Now::Failed("the body's request is over".into());
        };
        if arriving.phase == Phase::Untouched {
            arriving.phase = Phase::Reading;
            self.begin_reading(body);
        }
        let Some(arriving) = self.bodies.get_mut(&body) else { return Now::End };
        let ended = arriving.phase == Phase::Ended;
        if let Phase::Failed(reason) = &arriving.phase {
            return Now::Failed(reason.clone());
        }
        if reader.want != Want::Chunk {
            if ended {
                return Now::Bytes(arriving.take_all());
            }
            // What is queued was not counted as taken yet; from now on all of it is wanted.
            let queued = arriving.buffered();
            if queued > 0 {
                self.consumed(body, queued);
            }
        } else if let Some(chunk) = arriving.pop() {
            self.consumed(body, chunk.len());
            return Now::Bytes(chunk.into());
        } else if ended {
            return Now::End;
        }
        let Some(arriving) = self.bodies.get_mut(&body) else { return Now::End };
        if arriving.waiting.is_some() {
            return Now::Failed("the body is being read already".into());
        }
        arriving.waiting = Some(reader);
        let id = arriving.invocation;
        if let Some(invocation) = self.touch(id) {
            invocation.waiting.push(reader.op);
        }
        Now::Wait
    }

    /// How many bytes an arriving body has, as far as its message says.
    pub fn length_of(&self, body: BodyId) -> Option<u64> {
        let arriving = self.bodies.get(&body)?;
        match arriving.source {
            Source::Subrequest => arriving.length,
            Source::Exchange(Side::Request) => {
                let invocation = self.invocations.get(&arriving.invocation)?;
                invocation.start.request.headers.content_length()
            }
            Source::Exchange(Side::Response) => arriving.headers.content_length(),
        }
    }

    /// Asks for an arriving body.
    pub fn begin_reading(&mut self, body: BodyId) {
        let Some(arriving) = self.bodies.get(&body) else { return };
        match arriving.source {
            Source::Subrequest => self.effects.push(Effect::ReadBody(body)),
            Source::Exchange(side) => {
                let id = arriving.invocation;
                if let Some(invocation) = self.touch(id) {
                    invocation.command(Command::ReadBody(side));
                }
            }
        }
    }
}

/// `bodyCancel(body)`: nobody wants the rest.
pub fn body_cancel(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let body = args::id(scope, &args, 0);
    state::with(scope, |s| s.cancel_arriving(body));
}

impl State {
    /// Nobody wants the rest of an arriving body.
    pub fn cancel_arriving(&mut self, body: BodyId) {
        let Some(arriving) = self.bodies.get_mut(&body) else { return };
        let was = std::mem::replace(&mut arriving.phase, Phase::Ended);
        arriving.clear();
        let (source, id, reader) = (arriving.source, arriving.invocation, arriving.waiting.take());
        if let Some(reader) = reader {
            self.abandon(id, reader.op);
        }
        match (source, was) {
            (_, Phase::Ended | Phase::Failed(_)) => {}
            (Source::Subrequest, _) => self.effects.push(Effect::CancelBody(body)),
            (Source::Exchange(side), was) => {
                if let Some(invocation) = self.touch(id) {
                    // A body that was never asked for must be asked for to be dropped.
                    if was == Phase::Untouched {
                        invocation.command(Command::ReadBody(side));
                    }
                    invocation.command(Command::CancelBody(side));
                }
            }
        }
    }
}

/// `bodyLength(body) → number | undefined`: how many bytes the whole body has.
pub fn body_length(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let body = args::id(scope, &args, 0);
    if let Some(length) = state::with(scope, |s| s.length_of(body)) {
        rv.set_double(length as f64);
    }
}

/// `leavingWrite(leaving, bytes) → boolean`: whether there is room for more.
pub fn leaving_write(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let leaving = args::id(scope, &args, 0);
    let chunk = args::bytes(&args, 1).unwrap_or_default();
    let room = state::with(scope, |s| s.write(leaving, chunk));
    rv.set_bool(room);
}

impl State {
    /// Writes a chunk; whether there is room for more.
    pub fn write(&mut self, leaving: LeavingId, chunk: bytes::Bytes) -> bool {
        // A body that was cut off takes everything: its writer is told by other means.
        let Some(entry) = self.leaving.get_mut(&leaving) else { return true };
        if chunk.is_empty() {
            return true;
        }
        if !entry.take(chunk.len()) {
            finish::abort_leaving(self, leaving, "the body is longer than its declared length");
            return true;
        }
        match entry.sink.clone() {
            Sink::Upload(flow) => {
                let room = flow.add(chunk.len());
                self.effects.push(Effect::UploadChunk(leaving, chunk));
                room
            }
            Sink::Exchange(side) => {
                let id = entry.invocation;
                let Some(invocation) = self.touch(id) else { return true };
                invocation.outbox().count(side, chunk.len());
                invocation.command(Command::Body(side, chunk));
                invocation.outbox().has_room(side)
            }
        }
    }

    /// Whether a leaving body may be written to now; if not, a message tells when.
    pub fn has_room(&self, leaving: LeavingId) -> bool {
        let Some(entry) = self.leaving.get(&leaving) else { return true };
        match &entry.sink {
            Sink::Upload(flow) => flow.has_room(),
            Sink::Exchange(side) => {
                let invocation = self.invocations.get(&entry.invocation);
                invocation.is_none_or(|i| i.outbox().has_room(*side))
            }
        }
    }

    /// True when there is room already; else `op` will be settled.
    fn wait_for_room(&mut self, leaving: LeavingId, op: OpId) -> bool {
        if self.has_room(leaving) {
            return true;
        }
        let Some(entry) = self.leaving.get_mut(&leaving) else { return true };
        entry.waiting = Some(op);
        let id = entry.invocation;
        if let Some(invocation) = self.touch(id) {
            invocation.waiting.push(op);
        }
        false
    }
}

/// `leavingWait(leaving, op) → boolean`: true when there is room, else `op` is settled when there is.
pub fn leaving_wait(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let (leaving, op) = (args::id(scope, &args, 0), args::id(scope, &args, 1));
    let room = state::with(scope, |s| s.wait_for_room(leaving, op));
    rv.set_bool(room);
}

/// `leavingEnd(leaving)`: the body is complete.
pub fn leaving_end(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let leaving = args::id(scope, &args, 0);
    state::with(scope, |s| s.end_leaving(leaving));
}

impl State {
    /// A leaving body is complete.
    pub fn end_leaving(&mut self, leaving: LeavingId) {
        if self.leaving.get(&leaving).is_some_and(Leaving::is_short) {
            let reason = "the body is shorter than its declared length";
            return finish::abort_leaving(self, leaving, reason);
        }
        let Some(entry) = self.leaving.remove(&leaving) else { return };
        if matches!(entry.sink, Sink::Upload(_)) {
            self.effects.push(Effect::UploadEnd(leaving));
        }
        if let Some(invocation) = self.touch(entry.invocation) {
            invocation.leaving.retain(|l| *l != leaving);
            if let Sink::Exchange(side) = entry.sink {
                invocation.command(Command::BodyEnd(side));
            }
        }
        if let Some(body) = entry.relays {
            self.end_relay(body);
        }
    }
}

/// `leavingRelay(leaving, body) → boolean`: `body`, which nothing was read of, is sent on as it
/// comes. False when JavaScript has to do that.
pub fn leaving_relay(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let (leaving, body) = (args::id(scope, &args, 0), args::id(scope, &args, 1));
    rv.set_bool(state::with(scope, |s| s.relay(leaving, body)));
}

/// `leavingError(leaving, error)`: the stream failed; the message is cut off.
pub fn leaving_error(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let leaving = args::id(scope, &args, 0);
    let bundle = state::with(scope, |s| s.bundle.clone());
    let reason = crate::isolate::error::describe(scope, &bundle, args.get(1));
    state::with(scope, |s| {
        let Some(entry) = s.leaving.get(&leaving) else { return };
        let (id, to_client) = (entry.invocation, matches!(entry.sink, Sink::Exchange(_)));
        finish::abort_leaving(s, leaving, &reason);
        if to_client && let Some(invocation) = s.touch(id) {
            invocation.outcome = crate::telemetry::Outcome::Exception;
            invocation.error.get_or_insert(reason);
        }
    });
}

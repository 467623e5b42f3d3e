//! How invocations end: failures, exhaustion, and the clean-up after each turn.

use v8::PinScope;

use super::body::{Phase, Sink, Source};
use super::dispatch::{Turn, expiry_text};
use super::message::{BodyId, Effect, Expiry, Finished, InvocationId, LeavingId, OpId};
use super::state::{self, State};
use crate::exchange::{Close, Command, OutBody};
use crate::limits::Limit;
use crate::reply;
use crate::telemetry::Outcome;

/// Looks at every invocation the turn touched: what can never finish is ended, what is finished is
/// freed, and commands are handed to the front end.
pub fn review(turn: &Turn<'_>, scope: &mut PinScope<'_, '_>) {
    let touched = state::with(scope, |s| std::mem::take(&mut s.touched));
    for id in touched {
        let finished = state::with(scope, |s| {
            end_what_is_stuck(s, id);
            let invocation = s.invocations.get_mut(&id)?;
            invocation.report(&s.bundle);
            invocation.publish();
            if invocation.is_done() {
                return Some(free(s, id));
            }
            if invocation.settled && invocation.background > 0 && !invocation.background_announced {
                invocation.background_announced = true;
                s.effects.push(Effect::WaitUntil { id });
            }
            None
        });
        if let Some(forgotten) = finished {
            turn.forget(scope, id, &forgotten);
        }
    }
    // `forget` may not touch anything: it only drops references.
    state::with(scope, |s| s.touched.clear());
}

/// An unsettled promise with nothing to wait for stays unsettled.
fn end_what_is_stuck(state: &mut State, id: InvocationId) {
    let Some(invocation) = state.invocations.get_mut(&id) else { return };
    if invocation.has_pending_io() {
        return;
    }
    if !invocation.settled {
        let text = "the handler's promise will never settle: it waits for nothing that the host \
                    could deliver (no fetch, timer or body is pending)";
        fail(state, id, Outcome::Exception, text.into());
    }
    let Some(invocation) = state.invocations.get_mut(&id) else { return };
    invocation.background = 0;
    let stuck = invocation.leaving.clone();
    for leaving in stuck {
        let text = "the body's stream will never end: nothing that it waits for is pending";
        abort_leaving(state, leaving, text);
        if let Some(invocation) = state.invocations.get_mut(&id) {
            invocation.outcome = Outcome::Exception;
            invocation.error.get_or_insert_with(|| text.into());
        }
    }
}

/// Ends an invocation that failed, with the reply that its state still allows.
pub fn fail(state: &mut State, id: InvocationId, outcome: Outcome, text: String) {
    let debug = state.bundle.settings.debug_errors;
    let Some(invocation) = state.touch(id) else { return };
    invocation.settled = true;
    invocation.outcome = outcome;
    if let Some(limit) = limit_of(outcome) {
        invocation.limits.insert(limit);
    }
    let by_exception = outcome == Outcome::Exception;
    let wants_pass = by_exception && invocation.pass_through_on_exception;
    if !invocation.answered {
        let untouched = !touched_needed_body(state, id);
        let Some(invocation) = state.invocations.get_mut(&id) else { return };
        if wants_pass && untouched {
            invocation.pass_through();
        } else {
            let detail = debug.then_some(text.as_str());
            let start = &invocation.start;
            let (head, page) =
                reply::error_page(outcome, &start.request, &start.request_id, detail);
            invocation.respond(Some(head), OutBody::Full(page));
        }
    }
    let Some(invocation) = state.invocations.get_mut(&id) else { return };
    invocation.error = Some(text);
    // Work in the background goes on only after an exception; a limit ends everything.
    if !by_exception {
        invocation.background = 0;
    }
    for leaving in invocation.leaving.clone() {
        abort_leaving(state, leaving, "the Worker failed");
    }
}

/// The limit that this outcome tells of, for an invocation that began.
fn limit_of(outcome: Outcome) -> Option<Limit> {
    match outcome {
        Outcome::ExceededCpu => Some(Limit::Cpu),
        Outcome::ExceededMemory => Some(Limit::Memory),
        Outcome::ExceededWallTime => Some(Limit::Wall),
        Outcome::LoadShed => Some(Limit::LongTurns),
        _ => None,
    }
}

fn touched_needed_body(state: &State, id: InvocationId) -> bool {
    state.invocations.get(&id).is_some_and(|invocation| {
        !invocation.can_pass_through(|body: BodyId| {
            state.bodies.get(&body).is_some_and(|b| b.phase != Phase::Untouched)
        })
    })
}

/// The client is gone: what was for it ends, `waitUntil` work goes on.
pub fn disconnected(state: &mut State, id: InvocationId) {
    let Some(invocation) = state.touch(id) else { return };
    if !invocation.is_done() && (!invocation.answered || !invocation.leaving.is_empty()) {
        invocation.outcome = if invocation.answered {
            Outcome::ResponseStreamDisconnected
        } else {
            Outcome::Canceled
        };
    }
    invocation.settled = true;
    for leaving in invocation.leaving.clone() {
        abort_leaving(state, leaving, "the client disconnected");
    }
}

/// A clock ran out.
pub fn expire(state: &mut State, id: InvocationId, limit: Expiry) {
    let text = expiry_text(state, limit);
    let Some(invocation) = state.touch(id) else { return };
    match limit {
        Expiry::Wall if invocation.settled && invocation.leaving.is_empty() => {}
        Expiry::Wall => fail(state, id, Outcome::ExceededWallTime, text),
        Expiry::WaitUntil => {
            invocation.background = 0;
            invocation.limits.insert(Limit::WaitUntil);
            invocation.error.get_or_insert(text);
        }
    }
}

/// Cuts a leaving body off.
pub fn abort_leaving(state: &mut State, leaving: LeavingId, reason: &str) {
    let Some(entry) = state.leaving.remove(&leaving) else { return };
    match entry.sink {
        Sink::Upload(_) => state.effects.push(Effect::UploadError(leaving, reason.into())),
        Sink::Exchange(side) => {
            if let Some(invocation) = state.touch(entry.invocation) {
                invocation.command(Command::BodyError(side, reason.into()));
            }
        }
    }
    if let Some(invocation) = state.invocations.get_mut(&entry.invocation) {
        invocation.leaving.retain(|l| *l != leaving);
    }
    if let Some(op) = entry.waiting {
        state.abandon(entry.invocation, op);
    }
    if let Some(body) = entry.relays {
        state.end_relay(body);
    }
}

/// What JavaScript must forget of an invocation that is over.
#[derive(Debug, Default)]
pub struct Forgotten {
    pub ops: Vec<OpId>,
    pub timers: Vec<u32>,
    pub sockets: Vec<u32>,
}

/// What a WebSocket is closed with whose invocation is over ("going away", RFC 6455 section 7.4.1).
const GOING_AWAY: u16 = 1001;

/// Frees an invocation.
fn free(state: &mut State, id: InvocationId) -> Forgotten {
    let timers: Vec<_> =
        state.invocations.get(&id).map(|i| i.timers.iter().copied().collect()).unwrap_or_default();
    for timer in &timers {
        state.clear_timer(*timer);
    }
    let Some(mut invocation) = state.invocations.remove(&id) else { return Forgotten::default() };
    state.resources.remove_of(id);
    for op in &invocation.waiting {
        state.fetches.remove(op);
        state.puts.remove(op);
    }
    for body in std::mem::take(&mut invocation.bodies) {
        let Some(gone) = state.bodies.remove(&body) else { continue };
        match (gone.source, gone.phase) {
            (_, Phase::Ended | Phase::Failed(_)) => {}
            (Source::Subrequest, _) => state.effects.push(Effect::CancelBody(body)),
            (Source::Exchange(side), Phase::Reading) => {
                invocation.command(Command::CancelBody(side));
            }
            (Source::Exchange(_), Phase::Untouched) => {}
        }
    }
    let sockets: Vec<_> = std::mem::take(&mut invocation.sockets).into_keys().collect();
    for socket in &sockets {
        state.sockets.remove(socket);
        state.effects.push(Effect::SocketDrop(*socket, GOING_AWAY));
    }
    invocation.publish();
    let outcome = match (invocation.outcome, invocation.closed) {
        (Outcome::Ok, Some(Close::Disconnected)) if !invocation.answered => Outcome::Canceled,
        (outcome, _) => outcome,
    };
    state.effects.push(Effect::Finished(Box::new(Finished {
        id,
        request_id: invocation.start.request_id.clone(),
        outcome,
        status: invocation.status,
        cpu: invocation.cpu,
        wall: invocation.began.elapsed(),
        error: invocation.error,
        limits: invocation.limits,
    })));
    let mut ops = invocation.waiting;
    ops.append(&mut invocation.abandoned);
    Forgotten { ops, timers, sockets }
}

//! From a message to JavaScript and back: the inside of a turn.

use std::time::Duration;

use v8::{Local, PinScope};

use super::body::{Arriving, Phase, Source};
use super::heap::HeapGuard;
use super::hooks::{Hooks, call};
use super::inbound::one_byte;
use super::invocation::Invocation;
use super::message::{Expiry, InvocationId, Message};
use super::state::{self, State};
use super::{adoption, clock, finish, rejections, watch};
use crate::exchange::Side;
use crate::telemetry::Outcome;

/// One turn's surroundings.
pub struct Turn<'a> {
    pub hooks: &'a Hooks,
    pub handle: &'a v8::IsolateHandle,
    /// The number of the version's registration.
    pub version: u64,
    pub cpu_limit: Duration,
    pub heap: &'a HeapGuard,
    /// On a thread that does nothing else, because the Worker's turns hold threads up.
    pub apart: bool,
}

impl Turn<'_> {
    /// Takes one message: runs what JavaScript it causes, then settles what became of the
    /// invocations it touched.
    pub fn run(&self, scope: &mut PinScope<'_, '_>, message: Message) {
        let id = state::with(scope, |s| s.invocation_of(&message));
        let spent = state::with(scope, |s| {
            s.stray_log_bytes = 0;
            s.invocations.get(&id).map(|i| i.cpu)
        });
        let budget = self.cpu_limit.saturating_sub(spent.unwrap_or_default());
        state::enter(scope, id);
        watch::begin(self.handle, self.version, budget);
        if self.apart {
            watch::expect_long();
        }
        clock::freeze();
        self.deliver(scope, message);
        scope.perform_microtask_checkpoint();
        adoption::settle(self, scope);
        // It may run a Worker's code (a getter of `stack`), so it belongs to the turn.
        rejections::report(self.hooks, scope);
        self.heap.free_dropped_buffers(scope);
        let used = watch::end();
        clock::run();
        state::enter(scope, 0);
        self.heap.count_outside(scope);
        if used.terminated || used.shed || self.heap.exhausted() {
            // Also one that was asked for and has not happened: it would end the next turn.
            scope.cancel_terminate_execution();
        }
        self.account(scope, id, used);
        if self.heap.exhausted() {
            self.fail_all(scope);
        } else {
            finish::review(self, scope);
        }
    }

    /// Answers a message that came too late for this isolate, which ran out of memory.
    pub fn refuse(&self, scope: &mut PinScope<'_, '_>, message: Message) {
        if let Message::Start { id, start, outbox } = message {
            state::with(scope, |s| s.invocations.insert(id, Invocation::new(start, outbox)));
            self.fail_all(scope);
        }
    }

    /// Fails every invocation: the isolate ran out of memory.
    fn fail_all(&self, scope: &mut PinScope<'_, '_>) {
        state::with(scope, |s| {
            let ids: Vec<_> = s.invocations.keys().copied().collect();
            for id in ids {
                finish::fail(s, id, Outcome::ExceededMemory, memory_text(s));
            }
        });
        finish::review(self, scope);
    }

    fn account(&self, scope: &mut PinScope<'_, '_>, id: InvocationId, used: watch::Used) {
        state::with(scope, |s| {
            s.held_thread |= used.held;
            let Some(invocation) = s.touch(id) else { return };
            invocation.cpu += used.cpu;
            // Many short turns add up, each over before the watchdog looks.
            let over = invocation.cpu > self.cpu_limit && !invocation.is_done();
            if used.shed && !self.heap.exhausted() {
                let text = "too many Workers compute for long at the same time".to_owned();
                finish::fail(s, id, Outcome::LoadShed, text);
            } else if (used.terminated || over) && !self.heap.exhausted() {
                let text = format!("more than {} ms of CPU time", self.cpu_limit.as_millis());
                finish::fail(s, id, Outcome::ExceededCpu, text);
            }
            if used.terminated || used.shed {
                // V8 dropped the microtasks that were queued, those of other invocations too: one
                // of them may now wait for nothing.
                s.touched = s.invocations.keys().copied().collect();
            }
        });
    }

    fn deliver(&self, scope: &mut PinScope<'_, '_>, message: Message) {
        v8::tc_scope!(let scope, scope);
        match message {
            Message::Start { id, start, outbox } => {
                self.start(scope, id, Invocation::new(start, outbox));
            }
            Message::Exchange { id, event } => self.exchange(scope, id, event),
            Message::Timer { id, timer } => {
                // One that was cleared meanwhile, or whose invocation is over, is not for JavaScript.
                if state::with(scope, |s| s.end_timer(id, timer)) {
                    let timer = v8::Integer::new_from_unsigned(scope, timer).into();
                    call(scope, &self.hooks.timer, &[timer]);
                }
            }
            Message::Subrequest { id, op, result } => self.subrequest(scope, id, op, result),
            Message::Chunk { body, chunk } => self.chunk(scope, body, chunk),
            Message::End { body } => self.body_end(scope, body, Phase::Ended),
            Message::Failed { body, reason } => self.body_end(scope, body, Phase::Failed(reason)),
            Message::Answered { id, op, body, result } => {
                self.answered(scope, id, op, body, result);
            }
            Message::Socket { socket, event } => self.socket(scope, socket, event),
            Message::UploadRoom { leaving } => self.room(scope, leaving),
            Message::Expired { id, limit } => state::with(scope, |s| finish::expire(s, id, limit)),
        }
        // Our own hooks catch what a Worker throws; what is left is a termination.
        scope.reset();
    }

    fn start(&self, scope: &mut PinScope<'_, '_>, id: InvocationId, mut invocation: Invocation) {
        let head = &invocation.start.request;
        let method = one_byte(scope, &head.method);
        let has_body = head.has_body;
        let body = state::with(scope, |s| {
            let body = has_body.then(|| {
                let body = s.body_ids.take();
                s.bodies.insert(body, Arriving::new(id, Source::Exchange(Side::Request)));
                body
            });
            invocation.request_body = body;
            invocation.bodies.extend(body);
            s.invocations.insert(id, invocation);
            s.touch(id);
            body
        });
        let id = v8::Integer::new_from_unsigned(scope, id).into();
        let body = v8::Integer::new_from_unsigned(scope, body.unwrap_or(0)).into();
        call(scope, &self.hooks.start, &[id, method.into(), body]);
    }

    /// Lets JavaScript drop what it kept for an invocation that is over.
    pub fn forget(
        &self,
        scope: &mut PinScope<'_, '_>,
        id: InvocationId,
        forgotten: &finish::Forgotten,
    ) {
        if self.heap.exhausted() {
            // The isolate is about to be disposed of, and can't allocate.
            return;
        }
        v8::tc_scope!(let scope, scope);
        let array = |numbers: &[u32]| -> Local<'_, v8::Value> {
            // Mostly there is nothing to forget.
            if numbers.is_empty() {
                return v8::undefined(scope).into();
            }
            let numbers: Vec<Local<'_, v8::Value>> = numbers
                .iter()
                .map(|number| v8::Integer::new_from_unsigned(scope, *number).into())
                .collect();
            v8::Array::new_with_elements(scope, &numbers).into()
        };
        let (ops, timers) = (array(&forgotten.ops), array(&forgotten.timers));
        let sockets = array(&forgotten.sockets);
        let id = v8::Integer::new_from_unsigned(scope, id).into();
        call(scope, &self.hooks.forget, &[id, ops, timers, sockets]);
    }
}

pub fn memory_text(state: &State) -> String {
    format!("more than {} MB of memory", state.bundle.settings.limits.memory_mb)
}

/// `Expiry` as a text for the log.
pub fn expiry_text(state: &State, limit: Expiry) -> String {
    let limits = &state.bundle.settings.limits;
    match limit {
        Expiry::Wall => format!("more than {} ms of wall time", limits.wall_ms),
        Expiry::WaitUntil => format!("waitUntil work took more than {} ms", limits.wait_until_ms),
    }
}

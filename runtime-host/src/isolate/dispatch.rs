//! From a message to JavaScript and back: the inside of a turn.

use std::time::Duration;

use bytes::Bytes;
use v8::{Local, PinScope};

use super::body::{Arriving, Phase, Sink, Source};
use super::heap::HeapGuard;
use super::invocation::Invocation;
use super::message::{
    BodyId, Effect, Expiry, InvocationId, LeavingId, Message, OpId, SubrequestHead,
};
use super::state::{self, State};
use super::{error, finish, snapshot, watch};
use crate::exchange::{Close, Event, Side};
use crate::telemetry::Outcome;
use crate::worker::Bundle;

/// JavaScript functions of the snapshot that the host calls (`90_dispatch.js`).
pub struct Hooks {
    start: v8::Global<v8::Function>,
    settle: v8::Global<v8::Function>,
    timer: v8::Global<v8::Function>,
    abort: v8::Global<v8::Function>,
    forget: v8::Global<v8::Function>,
    configure: v8::Global<v8::Function>,
    adopt: v8::Global<v8::Function>,
}

/// How an op is settled; the numbers are those of `50_host.js`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ok = 0,
    /// A `TypeError` with the text (what `fetch` rejects with for a network error).
    TypeError = 1,
    End = 2,
    /// A response without a body.
    NoBody = 3,
}

/// What an op is settled with.
pub enum Value {
    Nothing,
    Bytes(Bytes),
    Text(String),
    /// Status and body id of a response.
    Response(u16, BodyId),
}

impl Hooks {
    /// Finds the functions in the snapshot's `internals`.
    pub fn take(scope: &mut PinScope<'_, '_>) -> Option<Self> {
        let internals = scope
            .get_context_data_from_snapshot_once::<v8::Object>(snapshot::INTERNALS_DATA_INDEX)
            .ok()?;
        let dispatch = property(scope, internals, "dispatch")?;
        let dispatch = Local::<v8::Object>::try_from(dispatch).ok()?;
        let hosts = property(scope, internals, "hostModules")?;
        remember_host_modules(scope, Local::<v8::Object>::try_from(hosts).ok()?)?;
        let mut function = |name| {
            let value = property(scope, dispatch, name)?;
            let function = Local::<v8::Function>::try_from(value).ok()?;
            Some(v8::Global::new(scope, function))
        };
        Some(Self {
            start: function("start")?,
            settle: function("settle")?,
            timer: function("timer")?,
            abort: function("abort")?,
            forget: function("forget")?,
            configure: function("configure")?,
            adopt: function("adopt")?,
        })
    }

    /// Gives JavaScript the Worker's settings before its modules run.
    pub fn configure(&self, scope: &mut PinScope<'_, '_>, bundle: &Bundle) -> Option<()> {
        let vars = serde_json::Value::Object(bundle.settings.vars.clone()).to_string();
        let vars = v8::String::new(scope, &vars)?;
        let service_worker = bundle.format == crate::worker::Format::ServiceWorker;
        let service_worker = v8::Boolean::new(scope, service_worker);
        call(scope, &self.configure, &[vars.into(), service_worker.into()]).map(|_| ())
    }

    /// Gives JavaScript the entry module's namespace, where the handlers are.
    pub fn adopt<'s>(
        &self,
        scope: &mut PinScope<'s, '_>,
        namespace: Option<Local<'s, v8::Object>>,
    ) -> Option<()> {
        let namespace = namespace.map_or_else(|| v8::undefined(scope).into(), Into::into);
        call(scope, &self.adopt, &[namespace]).map(|_| ())
    }
}

fn remember_host_modules(scope: &mut PinScope<'_, '_>, hosts: Local<'_, v8::Object>) -> Option<()> {
    let names = hosts.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
    for index in 0..names.length() {
        let key = names.get_index(scope, index)?;
        let object = hosts.get(scope, key)?;
        let object = v8::Global::new(scope, Local::<v8::Object>::try_from(object).ok()?);
        let name = key.to_rust_string_lossy(scope);
        state::with(scope, |s| s.modules.host.insert(name, object));
    }
    Some(())
}

/// One turn's surroundings.
pub struct Turn<'a> {
    pub hooks: &'a Hooks,
    pub handle: &'a v8::IsolateHandle,
    pub cpu_limit: Duration,
    pub heap: &'a HeapGuard,
}

impl Turn<'_> {
    /// Takes one message: runs what JavaScript it causes, then settles what became of the
    /// invocations it touched.
    pub fn run(&self, scope: &mut PinScope<'_, '_>, message: Message) {
        let id = state::with(scope, |s| invocation_of(s, &message));
        let spent = state::with(scope, |s| s.invocations.get(&id).map(|i| i.cpu));
        let budget = self.cpu_limit.saturating_sub(spent.unwrap_or_default());
        state::enter(scope, id);
        watch::begin(self.handle, budget);
        self.deliver(scope, message);
        scope.perform_microtask_checkpoint();
        // It may run a Worker's code (a getter of `stack`), so it belongs to the turn.
        self.report_rejections(scope);
        let used = watch::end();
        state::enter(scope, 0);
        if used.terminated || self.heap.exhausted() {
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
            if let Some(invocation) = s.touch(id) {
                invocation.cpu += used.cpu;
            }
            if used.terminated && !self.heap.exhausted() {
                let text = format!("more than {} ms of CPU time", self.cpu_limit.as_millis());
                finish::fail(s, id, Outcome::ExceededCpu, text);
            }
        });
    }

    fn report_rejections(&self, scope: &mut PinScope<'_, '_>) {
        let rejected = state::with(scope, |s| std::mem::take(&mut s.unhandled));
        for (_, reason) in rejected {
            let bundle = state::with(scope, |s| s.bundle.clone());
            let reason = Local::new(scope, reason);
            let text = error::describe(scope, &bundle, reason);
            tracing::warn!(target: "worker", worker = %bundle.name, "unhandled rejection: {text}");
        }
    }

    fn deliver(&self, scope: &mut PinScope<'_, '_>, message: Message) {
        v8::tc_scope!(let scope, scope);
        match message {
            Message::Start { id, start, outbox } => {
                self.start(scope, id, Invocation::new(start, outbox));
            }
            Message::Exchange { id, event } => self.exchange(scope, id, event),
            Message::Timer { id, timer } => {
                state::with(scope, |s| {
                    if let Some(invocation) = s.touch(id) {
                        invocation.timers.retain(|t| *t != timer);
                    }
                });
                let timer = v8::Integer::new_from_unsigned(scope, timer).into();
                call(scope, &self.hooks.timer, &[timer]);
            }
            Message::Subrequest { id, op, result } => self.subrequest(scope, id, op, result),
            Message::Chunk { body, chunk } => self.chunk(scope, body, chunk),
            Message::End { body } => self.body_end(scope, body, Phase::Ended),
            Message::Failed { body, reason } => self.body_end(scope, body, Phase::Failed(reason)),
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
                let body = s.body_ids.next();
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

    fn exchange(&self, scope: &mut PinScope<'_, '_>, id: InvocationId, event: Event) {
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
                    let body = s.body_ids.next();
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
                    self.settle(scope, op, kind, value);
                }
            }
            Event::ResponseFailed(reason) => {
                let op = state::with(scope, |s| s.touch(id).and_then(|i| i.upstream.take()));
                if let Some(op) = op {
                    self.settle(scope, op, Kind::TypeError, Value::Text(reason));
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
        if known && close == Close::Disconnected {
            let id_value = v8::Integer::new_from_unsigned(scope, id).into();
            call(scope, &self.hooks.abort, &[id_value]);
            scope.perform_microtask_checkpoint();
            state::with(scope, |s| finish::disconnected(s, id));
        }
    }

    fn subrequest(
        &self,
        scope: &mut PinScope<'_, '_>,
        id: InvocationId,
        op: OpId,
        result: Result<SubrequestHead, String>,
    ) {
        if !state::with(scope, |s| s.touch(id).is_some()) {
            return;
        }
        match result {
            Ok(head) => {
                let body = head.body;
                state::with(scope, |s| {
                    if let Some(arriving) = s.bodies.get_mut(&body) {
                        arriving.headers = head.headers;
                        arriving.url = head.url;
                        arriving.redirected = head.redirected;
                    }
                });
                self.settle(scope, op, Kind::Ok, Value::Response(head.status, body));
            }
            Err(reason) => self.settle(scope, op, Kind::TypeError, Value::Text(reason)),
        }
    }

    fn chunk(&self, scope: &mut PinScope<'_, '_>, body: BodyId, chunk: Bytes) {
        let reader = state::with(scope, |s| {
            let arriving = s.bodies.get_mut(&body)?;
            let id = arriving.invocation;
            let reader = match arriving.waiting {
                Some(reader) if !reader.all => {
                    arriving.waiting = None;
                    Some(reader)
                }
                _ => None,
            };
            // Someone takes it at once, or collects it: either way there is room for more. What
            // is collected is bounded by the memory limit.
            let taken = reader.is_some() || arriving.waiting.is_some();
            if reader.is_none() {
                arriving.chunks.push_back(chunk.clone());
            }
            if arriving.waiting.is_some()
                && arriving.buffered() > s.bundle.settings.limits.memory_bytes()
            {
                finish::fail(s, id, Outcome::ExceededMemory, memory_text(s));
                return None;
            }
            if taken {
                s.consumed(body, chunk.len());
            }
            s.touch(id);
            reader
        });
        if let Some(reader) = reader {
            self.settle(scope, reader.op, Kind::Ok, Value::Bytes(chunk));
        }
    }

    fn body_end(&self, scope: &mut PinScope<'_, '_>, body: BodyId, phase: Phase) {
        let settled = state::with(scope, |s| {
            let arriving = s.bodies.get_mut(&body)?;
            arriving.phase = phase.clone();
            let reader = arriving.waiting.take();
            let whole = reader.is_some_and(|r| r.all).then(|| arriving.take_all());
            let id = arriving.invocation;
            s.touch(id);
            Some((reader?, whole))
        });
        let Some((reader, whole)) = settled else { return };
        match (phase, whole) {
            (Phase::Failed(reason), _) => {
                self.settle(scope, reader.op, Kind::TypeError, Value::Text(reason));
            }
            (_, Some(whole)) => self.settle(scope, reader.op, Kind::Ok, Value::Bytes(whole)),
            (_, None) => self.settle(scope, reader.op, Kind::End, Value::Nothing),
        }
    }

    fn room(&self, scope: &mut PinScope<'_, '_>, leaving: LeavingId) {
        let op = state::with(scope, |s| {
            let leaving = s.leaving.get_mut(&leaving)?;
            let (id, op) = (leaving.invocation, leaving.waiting.take()?);
            s.touch(id);
            Some(op)
        });
        if let Some(op) = op {
            self.settle(scope, op, Kind::Ok, Value::Nothing);
        }
    }

    /// Settles an op that waits.
    fn settle(&self, scope: &mut PinScope<'_, '_>, op: OpId, kind: Kind, value: Value) {
        state::with(scope, |s| {
            let touched = s.touched.last().copied();
            if let Some(invocation) = touched.and_then(|id| s.invocations.get_mut(&id)) {
                invocation.waiting.retain(|waiting| *waiting != op);
            }
        });
        let undefined: Local<'_, v8::Value> = v8::undefined(scope).into();
        let (first, second) = match value {
            Value::Nothing => (undefined, undefined),
            Value::Bytes(bytes) => match byte_array(scope, &bytes) {
                Some(array) => (array.into(), undefined),
                None => return self.settle_out_of_memory(scope, op),
            },
            Value::Text(text) => {
                let text =
                    v8::String::new(scope, &text).unwrap_or_else(|| v8::String::empty(scope));
                (text.into(), undefined)
            }
            Value::Response(status, body) => (
                v8::Integer::new(scope, i32::from(status)).into(),
                v8::Integer::new_from_unsigned(scope, body).into(),
            ),
        };
        let op = v8::Integer::new_from_unsigned(scope, op).into();
        let kind = v8::Integer::new(scope, kind as i32).into();
        call(scope, &self.hooks.settle, &[op, kind, first, second]);
    }

    fn settle_out_of_memory(&self, scope: &mut PinScope<'_, '_>, op: OpId) {
        let text = Value::Text("the body does not fit into the Worker's memory limit".into());
        self.settle(scope, op, Kind::TypeError, text);
    }

    /// Lets JavaScript drop what it kept for ops that will not be settled, and for an invocation.
    pub fn forget(&self, scope: &mut PinScope<'_, '_>, id: InvocationId, ops: &[OpId]) {
        v8::tc_scope!(let scope, scope);
        let ops: Vec<Local<'_, v8::Value>> =
            ops.iter().map(|op| v8::Integer::new_from_unsigned(scope, *op).into()).collect();
        let ops = v8::Array::new_with_elements(scope, &ops).into();
        let id = v8::Integer::new_from_unsigned(scope, id).into();
        call(scope, &self.hooks.forget, &[id, ops]);
    }
}

/// The invocation a message belongs to; 0 when it is over.
fn invocation_of(state: &State, message: &Message) -> InvocationId {
    match message {
        Message::Start { id, .. }
        | Message::Exchange { id, .. }
        | Message::Timer { id, .. }
        | Message::Subrequest { id, .. }
        | Message::Expired { id, .. } => *id,
        Message::Chunk { body, .. } | Message::End { body } | Message::Failed { body, .. } => {
            state.bodies.get(body).map_or(0, |body| body.invocation)
        }
        Message::UploadRoom { leaving } => {
            state.leaving.get(leaving).map_or(0, |leaving| leaving.invocation)
        }
    }
}

fn leaving_of(state: &State, id: InvocationId, side: Side) -> Option<LeavingId> {
    let invocation = state.invocations.get(&id)?;
    invocation.leaving.iter().copied().find(|leaving| {
        state.leaving.get(leaving).is_some_and(|l| matches!(l.sink, Sink::Exchange(s) if s == side))
    })
}

pub fn memory_text(state: &State) -> String {
    format!("more than {} MB of memory", state.bundle.settings.limits.memory_mb)
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
}

/// A fresh `Uint8Array` with the bytes, counted against the Worker's memory.
pub fn byte_array<'s>(
    scope: &mut PinScope<'s, '_>,
    bytes: &[u8],
) -> Option<Local<'s, v8::Uint8Array>> {
    let fits = state::with(scope, |s| s.meter.fits(bytes.len()));
    if !fits {
        return None;
    }
    let buffer = v8::ArrayBuffer::new(scope, bytes.len());
    if let Some(data) = buffer.data() {
        // SAFETY: the buffer was made with this length and nothing else can reach it yet.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.as_ptr().cast(), bytes.len()) };
    }
    v8::Uint8Array::new(scope, buffer, 0, bytes.len())
}

/// Bytes as a string of the same code points (a byte string of Web IDL).
pub fn one_byte<'s>(scope: &mut PinScope<'s, '_>, bytes: &[u8]) -> Local<'s, v8::String> {
    v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal)
        .unwrap_or_else(|| v8::String::empty(scope))
}

fn call<'s>(
    scope: &mut PinScope<'s, '_>,
    function: &v8::Global<v8::Function>,
    arguments: &[Local<'s, v8::Value>],
) -> Option<Local<'s, v8::Value>> {
    let function = Local::new(scope, function);
    let receiver = v8::undefined(scope).into();
    function.call(scope, receiver, arguments)
}

fn property<'s>(
    scope: &mut PinScope<'s, '_>,
    object: Local<'s, v8::Object>,
    name: &str,
) -> Option<Local<'s, v8::Value>> {
    let key = v8::String::new(scope, name)?;
    object.get(scope, key.into())
}

/// Keeps rejected promises until the end of the turn, when it is clear that nobody handles them.
pub unsafe extern "C" fn promise_rejected(message: v8::PromiseRejectMessage<'_>) {
    v8::callback_scope!(unsafe scope, &message);
    let promise = message.get_promise();
    match message.get_event() {
        v8::PromiseRejectEvent::PromiseRejectWithNoHandler => {
            let reason = message.get_value().unwrap_or_else(|| v8::undefined(scope).into());
            let entry = (v8::Global::new(scope, promise), v8::Global::new(scope, reason));
            state::with(scope, |s| {
                // A flood of them must not grow the host: the first ones tell the story.
                if s.unhandled.len() < 64 {
                    s.unhandled.push(entry);
                }
            });
        }
        v8::PromiseRejectEvent::PromiseHandlerAddedAfterReject => {
            let promise = v8::Global::new(scope, promise);
            state::with(scope, |s| s.unhandled.retain(|(p, _)| *p != promise));
        }
        _ => {}
    }
}

/// `Expiry` as a text for the log.
pub fn expiry_text(state: &State, limit: Expiry) -> String {
    let limits = &state.bundle.settings.limits;
    match limit {
        Expiry::Wall => format!("more than {} ms of wall time", limits.wall_ms),
        Expiry::WaitUntil => format!("waitUntil work took more than {} ms", limits.wait_until_ms),
    }
}

//! One isolate with one version of a Worker in it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dispatch;
use super::heap::{self, HeapGuard};
use super::hooks::Hooks;
use super::memory::{self, BufferMeter};
use super::message::{Effect, Message};
use super::state::{self, State};
use super::{clock, code_generation, error, fatal, load, platform, rejections, snapshot, watch};
use crate::limits::Limit;
use crate::supervisor::recorder::Registration;
use crate::worker::Bundle;

/// Why a version of a Worker can't serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError {
    /// It does not compile or throws when evaluated: text with file, line and column.
    Exception(String),
    /// Evaluation took more than `limits.startup_ms` of CPU time.
    Cpu { limit: Duration },
    /// Evaluation needed more than `limits.memory_mb`.
    Memory { limit_mb: u64 },
}

impl StartError {
    /// The limit that was reached.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::Exception(_) => None,
            Self::Cpu { .. } => Some(Limit::Startup),
            Self::Memory { .. } => Some(Limit::Memory),
        }
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exception(text) => f.write_str(text),
            Self::Cpu { limit } => write!(
                f,
                "start-up took more than {} ms of CPU time: do less at the top level of modules, \
                 or raise limits.startup_ms",
                limit.as_millis()
            ),
            Self::Memory { limit_mb } => {
                write!(f, "start-up needed more than {limit_mb} MB of memory (limits.memory_mb)")
            }
        }
    }
}

impl std::error::Error for StartError {}

/// Whether an isolate may go on after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Well,
    /// It ran out of memory: its invocations were failed, and it must be replaced.
    Exhausted,
}

/// An isolate that serves requests. `turn` may be called from any thread, one at a time.
pub struct Instance {
    // Dropped in this order: the globals before the isolate they belong to, the state last, since
    // callbacks of the isolate's teardown may still look at it.
    context: v8::Global<v8::Context>,
    hooks: Hooks,
    shared: v8::SharedIsolate,
    handle: v8::IsolateHandle,
    registration: Registration,
    heap: Box<HeapGuard>,
    state: Box<State>,
    meter: Arc<BufferMeter>,
    cpu_limit: Duration,
    /// Last, to be told of when the isolate is gone.
    _end: End,
}

/// Notes an isolate's end.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        platform::disposed();
    }
}

// SAFETY: V8 is only reached under the isolate's lock, and the state only by the thread that holds
// it (`turn` takes `&mut self`).
unsafe impl Send for Instance {}

impl Instance {
    /// Makes an isolate and evaluates the Worker in it, on this thread.
    pub fn start(bundle: Arc<Bundle>) -> Result<Self, StartError> {
        platform::initialize();
        let end = End;
        let limits = &bundle.settings.limits;
        let meter = BufferMeter::new(limits.memory_bytes());
        let mut isolate = new_isolate(&meter, limits.memory_bytes());
        let handle = isolate.thread_safe_handle();
        let heap = HeapGuard::install(&mut isolate, Arc::clone(&meter), &bundle);
        let mut state = State::new(Arc::clone(&bundle), Arc::clone(&meter));
        // SAFETY: the box lives as long as the instance, which owns the isolate.
        unsafe { state::install(&mut isolate, &raw mut *state) };

        let registration = Registration::new(&bundle.name, &bundle.version);
        watch::begin(&handle, registration.number(), limits.startup());
        clock::freeze_at_zero();
        let started = evaluate(&mut isolate, &bundle);
        clock::run();
        let used = watch::end();
        let verdict = match started {
            _ if heap.exhausted() => Err(StartError::Memory { limit_mb: limits.memory_mb }),
            _ if used.terminated => Err(StartError::Cpu { limit: limits.startup() }),
            Err(text) => Err(StartError::Exception(text)),
            Ok(started) => Ok(started),
        };
        let (context, hooks) = match verdict {
            Ok(started) => started,
            Err(error) => {
                // Before the guard and the state that its callbacks look at.
                drop(isolate);
                return Err(error);
            }
        };
        state.starting = false;
        let cpu_limit = limits.cpu();
        // SAFETY: no reference into the isolate is alive but globals; slots hold a plain pointer
        // that only the lock's holder follows.
        let shared = unsafe { isolate.try_into_shared() }
            .expect("an isolate of ours has no weak handles and no embedder heap");
        Ok(Self {
            context,
            hooks,
            shared,
            handle,
            registration,
            heap,
            state,
            meter,
            cpu_limit,
            _end: end,
        })
    }

    /// Runs JavaScript for the messages, in order. `apart`: on a thread without other work. After [`watch::SLICE`] those that are left stay in
    /// the iterator: what the turns started, and who waits for their end, comes first. Messages for an
    /// invocation that is over are dropped, such as the end of an exchange whose handler has nothing
    /// left to do: most exchanges, for which the isolate is not entered again.
    pub fn turn(
        &mut self,
        mut messages: impl Iterator<Item = Message>,
        effects: &mut Vec<Effect>,
        apart: bool,
    ) -> Health {
        let Some(first) = messages.find(|message| self.state.is_concerned(message)) else {
            return Health::Well;
        };
        let mut locker = self.shared.lock();
        v8::scope!(let scope, &mut *locker);
        let context = v8::Local::new(scope, &self.context);
        let scope = &mut v8::ContextScope::new(scope, context);
        let turn = dispatch::Turn {
            hooks: &self.hooks,
            handle: &self.handle,
            version: self.registration.number(),
            cpu_limit: self.cpu_limit,
            heap: &self.heap,
            apart,
        };
        let began = Instant::now();
        for message in std::iter::once(first).chain(messages) {
            if self.heap.exhausted() {
                turn.refuse(scope, message);
            } else if state::with(scope, |s| s.is_concerned(&message)) {
                turn.run(scope, message);
            }
            state::with(scope, |s| s.take_effects(effects));
            if began.elapsed() > watch::SLICE && !self.heap.exhausted() {
                break;
            }
        }
        if self.heap.exhausted() { Health::Exhausted } else { Health::Well }
    }

    /// Whether a turn since the last call kept its thread's other work waiting for long.
    pub fn held_thread(&mut self) -> bool {
        std::mem::take(&mut self.state.held_thread)
    }

    /// Invocations that have not finished.
    pub fn running(&self) -> usize {
        self.state.invocations.len()
    }

    /// Bytes of arriving bodies that JavaScript has not taken.
    #[cfg(test)]
    pub fn buffered(&self) -> usize {
        self.state.bodies.values().map(super::body::Arriving::buffered).sum()
    }

    /// Bytes of buffers, those that JavaScript has dropped and that were not collected included.
    #[cfg(test)]
    pub fn buffer_bytes(&self) -> usize {
        self.meter.used()
    }

    /// Codecs and HTML rewriters.
    #[cfg(test)]
    pub fn resources(&self) -> usize {
        self.state.resources.count()
    }

    /// Gives back what the heap can do without: garbage, free pages, caches, code that was not used
    /// for long. It takes some milliseconds, so it is for an isolate that nobody has asked for a
    /// while, on a thread that may block.
    pub fn give_memory_back(&mut self) {
        let mut locker = self.shared.lock();
        locker.low_memory_notification();
    }

    /// Bytes of JavaScript heap and buffers.
    pub fn memory_bytes(&mut self) -> usize {
        let mut locker = self.shared.lock();
        locker.get_heap_statistics().total_physical_size() + self.meter.used()
    }
}

fn new_isolate(meter: &Arc<BufferMeter>, heap_limit: usize) -> v8::OwnedIsolate {
    let params = v8::CreateParams::default()
        .snapshot_blob(snapshot::blob())
        .external_references(snapshot::external_references())
        .array_buffer_allocator(memory::allocator(meter).make_shared())
        .allow_atomics_wait(false)
        .heap_limits(0, heap::v8_limit(heap_limit))
        .set_max_young_generation_size_in_bytes(heap::young_limit(heap_limit));
    let mut isolate = v8::Isolate::new(params);
    isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    fatal::listen(&mut isolate);
    isolate.set_promise_reject_callback(rejections::promise_rejected);
    isolate.set_allow_wasm_code_generation_callback(code_generation::of_bytes);
    isolate.set_host_import_module_dynamically_callback(load::import_callback);
    isolate.set_host_initialize_import_meta_object_callback(load::import_meta_callback);
    isolate
}

/// Evaluates the Worker; an error is text for its author.
fn evaluate(
    isolate: &mut v8::OwnedIsolate,
    bundle: &Bundle,
) -> Result<(v8::Global<v8::Context>, Hooks), String> {
    v8::scope!(let scope, isolate);
    let context = v8::Context::new(scope, v8::ContextOptions::default());
    context.set_allow_generation_from_strings(code_generation::is_allowed());
    let scope = &mut v8::ContextScope::new(scope, context);
    v8::tc_scope!(let scope, scope);
    let hooks = Hooks::take(scope).and_then(|hooks| {
        hooks.configure(scope, bundle)?;
        let namespace = load::evaluate(scope, bundle)?;
        hooks.adopt(scope, namespace)?;
        Some(hooks)
    });
    if let Some(hooks) = hooks {
        return Ok((v8::Global::new(scope, context), hooks));
    }
    let exception = scope.exception().unwrap_or_else(|| v8::undefined(scope).into());
    scope.reset();
    Err(error::describe(scope, bundle, exception))
}

//! One isolate, its queue, and the thread that happens to run it.
//!
//! Whoever posts a message runs the isolate when nobody else does; otherwise the message waits in
//! the queue for the thread that does. So JavaScript normally runs on the thread where its message
//! arrived, and no thread ever waits for an isolate's lock.
//!
//! The isolate exists from the first request on, or from when it is asked to ([`Actor::start_now`]),
//! until it is evicted or dies: the [`Worker`] has a fresh actor for the same version then, and
//! messages that are late for this one are nobody else's.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::RuntimeFlavor;
use tokio::sync::oneshot;

use super::Services;
use super::fleet::Place;
use super::io::Io;
use super::registry::Worker;
use super::session;
use super::version::Version;
use crate::exchange::{Outbox, Side, Start};
use crate::isolate::message::{Effect, InvocationId, Message};
use crate::isolate::{Health, Instance, SLICE, StartError};
use crate::telemetry::metrics::{Eviction, Ran, StartCause, WorkerMetrics};
use crate::worker::Bundle;

/// Messages one thread runs in a row before it hands the isolate to another task: a busy isolate
/// must not keep the thread from the other streams of its connection.
const RUN_LENGTH: usize = 64;

/// How long one thread runs messages of a Worker in a row. A single turn that takes longer hands its
/// thread's other work over ([`crate::isolate`]'s watchdog); this is for many short ones.
const RUN_TIME: Duration = SLICE;

/// At most one isolate of one version of a Worker.
pub(crate) struct Actor {
    version: Arc<Version>,
    services: Arc<Services>,
    owner: OnceLock<Weak<Worker>>,
    queue: Mutex<Queue>,
    /// Locked by the runner only, so never contended.
    isolate: Mutex<Option<Isolate>>,
    io: Io,
    invocations: AtomicU32,
    /// When a request used it last, in the fleet's microseconds.
    used: AtomicU64,
    /// 0 when nobody is in the isolate, else 1 and the messages that were taken or wait: what
    /// [`Queue`] says, for those who only compare.
    pressure: AtomicU32,
}

/// An isolate that exists, and what it takes. Dropped in this order.
struct Isolate {
    instance: Instance,
    place: Place,
    /// A turn ran since its memory was measured.
    changed: bool,
    /// A turn ran since it gave memory back.
    grown: bool,
}

struct Queue {
    messages: VecDeque<Message>,
    /// Messages that the thread in the isolate took last, all at once.
    taken: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no isolate yet; the first request starts it.
    Unstarted,
    /// A thread runs the isolate, or starts or disposes of it.
    Busy,
    Idle,
    /// The isolate is gone, or about to go; messages are given back.
    Dead,
}

impl Actor {
    /// An actor whose isolate does not exist yet.
    pub fn new(version: Arc<Version>, services: Arc<Services>) -> Arc<Self> {
        Arc::new(Self {
            version,
            owner: OnceLock::new(),
            queue: Mutex::new(Queue {
                messages: VecDeque::new(),
                taken: 0,
                state: State::Unstarted,
            }),
            isolate: Mutex::new(None),
            io: Io::default(),
            invocations: AtomicU32::new(0),
            used: AtomicU64::new(services.fleet.now()),
            pressure: AtomicU32::new(0),
            services,
        })
    }

    /// A fresh one for the same version, and the same Worker.
    pub fn successor(&self) -> Arc<Self> {
        let fresh = Self::new(Arc::clone(&self.version), Arc::clone(&self.services));
        if let Some(owner) = self.owner.get() {
            // A fresh actor has no owner yet.
            let _ = fresh.owner.set(Weak::clone(owner));
        }
        fresh
    }

    /// Starts the isolate, if that has not begun; `done` hears what came of it.
    pub fn start_now(
        self: &Arc<Self>,
        cause: StartCause,
        done: Option<oneshot::Sender<Result<(), StartError>>>,
    ) {
        {
            let mut queue = self.queue.lock();
            if queue.state != State::Unstarted {
                return;
            }
            queue.state = State::Busy;
        }
        self.begin_soon(cause, done);
    }

    fn begin_soon(
        self: &Arc<Self>,
        cause: StartCause,
        done: Option<oneshot::Sender<Result<(), StartError>>>,
    ) {
        let actor = Arc::clone(self);
        self.services.starter.run(Box::new(move || {
            let result = actor.begin(cause);
            if let Some(done) = done {
                // Who asked may have gone.
                let _ = done.send(result);
            }
        }));
    }

    /// Makes the isolate on this thread and evaluates the Worker; then what has been posted runs.
    fn begin(self: &Arc<Self>, cause: StartCause) -> Result<(), StartError> {
        let bundle = self.bundle();
        let mut place = self.services.fleet.place();
        let began = Instant::now();
        let start = || Instance::start(Arc::clone(bundle));
        let started = catch_unwind(AssertUnwindSafe(start)).unwrap_or_else(|_| {
            Err(StartError::Exception("the host failed to start it; please report this".into()))
        });
        match started {
            Ok(mut instance) => {
                self.version.recovered();
                let metrics = self.version.metrics_in(&self.services.metrics);
                metrics.starts(cause).inc();
                place.take(self, metrics);
                place.set_bytes(instance.memory_bytes());
                *self.isolate.lock() =
                    Some(Isolate { instance, place, changed: false, grown: true });
                tracing::debug!(
                    worker = bundle.name,
                    version = bundle.version,
                    cause = cause.as_str(),
                    took_ms = began.elapsed().as_secs_f64() * 1e3,
                    "isolate started"
                );
                self.go_on();
                Ok(())
            }
            Err(error) => {
                // Whoever deploys a version says himself what is wrong with it.
                if cause == StartCause::Request {
                    self.version.failed(&error.to_string());
                }
                self.refuse("the Worker's isolate did not start: see the log for the reason");
                Err(error)
            }
        }
    }

    /// The first request came.
    fn begin_for_request(self: &Arc<Self>) {
        if let Some(left) = self.version.refusal() {
            let seconds = left.as_secs_f64();
            self.refuse(&format!(
                "the Worker's isolate did not start a while ago; it is tried again in {seconds:.1} s"
            ));
        } else {
            self.begin_soon(StartCause::Request, None);
        }
    }

    /// Fails the requests that wait for an isolate which does not start. A later one may try again.
    fn refuse(&self, text: &str) {
        let waiting = {
            let mut queue = self.queue.lock();
            queue.state = State::Unstarted;
            std::mem::take(&mut queue.messages)
        };
        self.fail(waiting, text);
    }

    fn fail(&self, waiting: VecDeque<Message>, text: &str) {
        for message in waiting {
            if let Message::Start { id, start, outbox } = message {
                self.io.forget(id);
                session::refuse(&self.version, &start, &outbox, text);
            }
        }
    }

    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.version.bundle
    }

    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    pub fn belong_to(&self, worker: &Arc<Worker>) {
        // Set once: an actor is made for one Worker.
        let _ = self.owner.set(Arc::downgrade(worker));
    }

    pub fn worker(&self) -> Option<Arc<Worker>> {
        self.owner.get().and_then(Weak::upgrade)
    }

    /// The Worker's metrics; `None` before an isolate was wanted.
    pub fn metrics(&self) -> Option<&WorkerMetrics> {
        self.version.metrics()
    }

    /// How much longer its version may not run, because it crashed engines.
    pub fn quarantine(&self) -> Option<Duration> {
        let bundle = self.bundle();
        self.services.quarantine(&bundle.name, &bundle.version)
    }

    /// The Worker's metrics, which exist from now on.
    pub fn known_metrics(&self) -> &WorkerMetrics {
        self.version.metrics_in(&self.services.metrics)
    }

    /// When a request used it last, in the fleet's microseconds.
    pub fn last_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// A request uses it now.
    pub fn touch(&self) {
        self.used.store(self.services.fleet.now(), Ordering::Relaxed);
    }

    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    pub fn io(&self) -> &Io {
        &self.io
    }

    pub fn next_invocation(&self) -> InvocationId {
        // 0 means "none" everywhere.
        loop {
            let id = self.invocations.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if id != 0 {
                return id;
            }
        }
    }

    /// Begins a handler. Gives the request back when the actor is dead.
    pub fn start(
        self: &Arc<Self>,
        id: InvocationId,
        start: Box<Start>,
        outbox: Arc<Outbox>,
    ) -> Result<(), Box<Start>> {
        self.touch();
        let running = &self.version.metrics_in(&self.services.metrics).running;
        running.inc();
        match self.post(Message::Start { id, start, outbox }) {
            Err(Message::Start { start, .. }) => {
                running.dec();
                Err(start)
            }
            _ => {
                self.watch_wall_time(id);
                Ok(())
            }
        }
    }

    /// Hands a message over; runs it here when nobody else runs the isolate. Gives it back when the
    /// isolate is gone.
    pub fn post(self: &Arc<Self>, message: Message) -> Result<(), Message> {
        let before = {
            let mut queue = self.queue.lock();
            let before = queue.state;
            let begins = matches!(message, Message::Start { .. });
            // What is for a request that was refused starts nothing.
            if before == State::Dead || (before == State::Unstarted && !begins) {
                return Err(message);
            }
            queue.messages.push_back(message);
            queue.state = State::Busy;
            self.tell(&queue);
            before
        };
        match before {
            State::Idle if self.runs_apart() => {
                self.count(Ran::Apart);
                self.run_elsewhere();
            }
            State::Idle => {
                self.count(Ran::Inline);
                self.run(false);
            }
            State::Unstarted => self.begin_for_request(),
            State::Busy | State::Dead => self.count(Ran::Queued),
        }
        Ok(())
    }

    /// 0 when nobody is in the isolate, else 1 and the messages before one that comes now.
    pub fn pressure(&self) -> u32 {
        self.pressure.load(Ordering::Relaxed)
    }

    fn tell(&self, queue: &Queue) {
        let pressure = match queue.state {
            State::Idle => 0,
            _ => u32::try_from(1 + queue.taken + queue.messages.len()).unwrap_or(u32::MAX),
        };
        self.pressure.store(pressure, Ordering::Relaxed);
    }

    /// Isolates that its Worker may have at once.
    pub fn isolates_most(&self) -> usize {
        match self.bundle().settings.isolates {
            0 => self.services.threads,
            most => most as usize,
        }
    }

    /// Whether its Worker has others.
    pub fn can_be_spared(self: &Arc<Self>) -> bool {
        self.worker().is_some_and(|worker| worker.crew.can_spare(self))
    }

    fn count(&self, ran: Ran) {
        if let Some(metrics) = self.metrics() {
            metrics.messages(ran).inc();
        }
    }

    /// As for the watchdog, there is work to hand over only where other threads can take it.
    fn held_a_thread(&self) {
        if self.services.runtime.runtime_flavor() == RuntimeFlavor::MultiThread {
            self.version.held_a_thread(self.services.fleet.now());
        }
    }

    fn runs_apart(&self) -> bool {
        self.version.runs_apart(|| self.services.fleet.now())
    }

    /// Runs the isolate until its queue is empty, or others are to have the thread. The caller holds
    /// the right to ([`State::Busy`]). `apart`: the thread has no other work.
    fn run(self: &Arc<Self>, apart: bool) {
        let mut left = RUN_LENGTH;
        let began = Instant::now();
        loop {
            let batch = {
                let mut queue = self.queue.lock();
                queue.taken = 0;
                if queue.messages.is_empty() {
                    queue.state = State::Idle;
                    self.tell(&queue);
                    return;
                }
                if left == 0 || began.elapsed() > self.share() {
                    drop(queue);
                    return self.run_elsewhere();
                }
                let count = queue.messages.len().min(left);
                left -= count;
                queue.taken = count;
                let batch = if count == queue.messages.len() {
                    std::mem::take(&mut queue.messages)
                } else {
                    queue.messages.drain(..count).collect()
                };
                self.tell(&queue);
                batch
            };
            let mut batch = batch.into_iter();
            while batch.len() > 0 {
                let mut effects = Vec::new();
                let health = match self.isolate.lock().as_mut() {
                    Some(isolate) => {
                        isolate.changed = true;
                        isolate.grown = true;
                        let health = isolate.instance.turn(&mut batch, &mut effects, apart);
                        if isolate.instance.held_thread() {
                            self.held_a_thread();
                        }
                        health
                    }
                    None => return,
                };
                self.carry_out(effects);
                if health == Health::Exhausted {
                    self.die();
                    return;
                }
                if batch.len() > 0 && began.elapsed() > self.share() {
                    let mut queue = self.queue.lock();
                    for message in batch.rev() {
                        queue.messages.push_front(message);
                    }
                    queue.taken = 0;
                    self.tell(&queue);
                    drop(queue);
                    return self.run_elsewhere();
                }
            }
        }
    }

    /// How long it may keep a thread while others want it: Workers with work for every thread get
    /// the same time each, however many isolates they have.
    fn share(&self) -> Duration {
        RUN_TIME / self.version.isolates.load(Ordering::Relaxed).max(1)
    }

    /// Gives up the right to run the isolate, on a thread that is not for JavaScript.
    fn go_on(self: &Arc<Self>) {
        {
            let mut queue = self.queue.lock();
            queue.taken = 0;
            if queue.messages.is_empty() {
                queue.state = State::Idle;
                self.tell(&queue);
                return;
            }
        }
        self.run_elsewhere();
    }

    fn run_elsewhere(self: &Arc<Self>) {
        let actor = Arc::clone(self);
        if self.runs_apart() {
            self.services.runtime.spawn_blocking(move || actor.run(true));
        } else {
            self.services.runtime.spawn(async move { actor.run(false) });
        }
    }

    fn carry_out(self: &Arc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            self.io.carry_out(self, effect);
        }
    }

    /// The isolate ran out of memory, and failed what ran. Requests that have not begun get the
    /// host's error, later ones a fresh isolate.
    fn die(self: &Arc<Self>) {
        let waiting = {
            let mut queue = self.queue.lock();
            queue.state = State::Dead;
            std::mem::take(&mut queue.messages)
        };
        self.fail(waiting, "the Worker's isolate ran out of memory");
        self.io.clear();
        if let Some(worker) = self.worker() {
            let fresh = worker.crew.replace(self);
            if let Some(fresh) = fresh {
                fresh.start_now(StartCause::Request, None);
            }
        }
        self.dispose();
    }

    /// Disposes of the isolate, which takes milliseconds: not on this thread's path.
    fn dispose(&self) {
        if let Some(isolate) = self.isolate.lock().take() {
            self.services.runtime.spawn_blocking(move || drop(isolate));
        }
    }

    /// Disposes of the isolate, on this thread, unless something is under way in it; the next
    /// request gets a fresh one of the same version. True when it is gone.
    pub fn evict(self: &Arc<Self>, why: Eviction) -> bool {
        let Some(worker) = self.worker() else { return false };
        if !self.claim() {
            return false;
        }
        let quiet =
            self.isolate.lock().as_ref().is_some_and(|isolate| isolate.instance.running() == 0)
                && self.io.is_quiet();
        if quiet {
            let mut queue = self.queue.lock();
            if queue.messages.is_empty() {
                queue.state = State::Dead;
            }
        }
        if self.queue.lock().state != State::Dead {
            // What was posted meanwhile.
            self.go_on();
            return false;
        }
        // Requests are given back from here on; who got one back does this as well.
        worker.crew.replace(self);
        let isolate = self.isolate.lock().take();
        drop(isolate);
        if let Some(metrics) = self.metrics() {
            metrics.evictions(why).inc();
        }
        tracing::debug!(
            worker = self.bundle().name,
            version = self.bundle().version,
            reason = why.as_str(),
            "isolate evicted"
        );
        true
    }

    /// Takes the right to run the isolate, if it is idle.
    fn claim(&self) -> bool {
        let mut queue = self.queue.lock();
        let idle = queue.state == State::Idle;
        if idle {
            queue.state = State::Busy;
        }
        idle
    }

    /// Counts body bytes that arrived from the front end.
    pub fn count_body(&self, side: Side, bytes: usize) {
        if let Some(metrics) = self.metrics() {
            metrics.body_bytes(side).inc_by(bytes as u64);
        }
    }

    #[cfg(test)]
    pub fn is_busy(&self) -> bool {
        self.queue.lock().state == State::Busy
    }

    /// Publishes the isolate's memory, when it is idle; a busy one is measured the next time.
    pub fn measure(self: &Arc<Self>) {
        if !self.claim() {
            return;
        }
        if let Some(isolate) = self.isolate.lock().as_mut()
            && std::mem::take(&mut isolate.changed)
        {
            isolate.place.set_bytes(isolate.instance.memory_bytes());
        }
        self.go_on();
    }

    /// Has an isolate that is idle, and ran since the last time, give back what it can do without.
    /// It takes some milliseconds, in which messages wait.
    pub fn rest(self: &Arc<Self>) {
        if !self.claim() {
            return;
        }
        if let Some(isolate) = self.isolate.lock().as_mut()
            && std::mem::take(&mut isolate.grown)
        {
            isolate.instance.give_memory_back();
            isolate.place.set_bytes(isolate.instance.memory_bytes());
        }
        self.go_on();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.dispose();
    }
}

//! One isolate, its queue, and the thread that happens to run it.
//!
//! Whoever posts a message runs the isolate when nobody else does; otherwise the message waits in
//! the queue for the thread that does. So JavaScript normally runs on the thread where its message
//! arrived, and no thread ever waits for an isolate's lock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use super::Services;
use super::io::Io;
use super::registry::Worker;
use super::session;
use crate::exchange::{Outbox, Side, Start};
use crate::isolate::message::{Effect, InvocationId, Message};
use crate::isolate::{Health, Instance, StartError};
use crate::telemetry::Outcome;
use crate::telemetry::metrics::{Ran, WorkerMetrics};
use crate::worker::Bundle;

/// Messages one thread runs in a row before it hands the isolate to another task: a busy isolate
/// must not keep the thread from the other streams of its connection.
const RUN_LENGTH: usize = 64;

/// One isolate of one version of a Worker.
pub(crate) struct Actor {
    bundle: Arc<Bundle>,
    services: Arc<Services>,
    owner: OnceLock<Owner>,
    queue: Mutex<Queue>,
    /// Locked by the runner only, so never contended.
    instance: Mutex<Option<Instance>>,
    io: Io,
    invocations: AtomicU32,
    /// Shared with the isolates that take this one's place: a fact of the version.
    reads_responses: Arc<AtomicBool>,
}

/// The Worker that an actor was made for.
struct Owner {
    worker: Weak<Worker>,
    metrics: WorkerMetrics,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    /// A thread runs the isolate, or starts it.
    running: bool,
    dead: bool,
}

impl Actor {
    /// An actor whose isolate does not exist yet; call [`Actor::begin`]. Messages wait meanwhile.
    pub fn new(bundle: Arc<Bundle>, services: Arc<Services>) -> Arc<Self> {
        let reads_responses = bundle.settings.reads_responses.unwrap_or(false);
        Self::with(bundle, services, Arc::new(AtomicBool::new(reads_responses)))
    }

    /// A fresh one for the same version.
    pub fn successor(&self) -> Arc<Self> {
        let (bundle, services) = (Arc::clone(&self.bundle), Arc::clone(&self.services));
        Self::with(bundle, services, Arc::clone(&self.reads_responses))
    }

    fn with(
        bundle: Arc<Bundle>,
        services: Arc<Services>,
        reads_responses: Arc<AtomicBool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            bundle,
            services,
            owner: OnceLock::new(),
            queue: Mutex::new(Queue { running: true, ..Queue::default() }),
            instance: Mutex::new(None),
            io: Io::default(),
            invocations: AtomicU32::new(0),
            reads_responses,
        })
    }

    /// Makes the isolate on this thread and evaluates the Worker, then runs what has been posted.
    pub fn begin(self: &Arc<Self>) -> Result<(), StartError> {
        match Instance::start(Arc::clone(&self.bundle)) {
            Ok(instance) => {
                *self.instance.lock() = Some(instance);
                self.run();
                Ok(())
            }
            Err(error) => {
                self.die(&error.to_string());
                Err(error)
            }
        }
    }

    pub fn bundle(&self) -> Arc<Bundle> {
        Arc::clone(&self.bundle)
    }

    pub fn belong_to(&self, worker: &Arc<Worker>) {
        let metrics = worker.metrics.clone();
        // Set once: an actor is made for one Worker.
        let _ = self.owner.set(Owner { worker: Arc::downgrade(worker), metrics });
        worker.metrics.isolates.set(1);
    }

    pub fn worker(&self) -> Option<Arc<Worker>> {
        self.owner.get().and_then(|owner| owner.worker.upgrade())
    }

    /// The Worker's metrics; `None` before the actor belongs to one.
    pub fn metrics(&self) -> Option<&WorkerMetrics> {
        self.owner.get().map(|owner| &owner.metrics)
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
        match self.post(Message::Start { id, start, outbox }) {
            Ok(()) => {
                if let Some(metrics) = self.metrics() {
                    metrics.running.inc();
                }
                self.watch_wall_time(id);
                Ok(())
            }
            Err(Message::Start { start, .. }) => Err(start),
            Err(_) => Ok(()),
        }
    }

    /// Hands a message over; runs it here when nobody else runs the isolate. Gives it back when the
    /// actor is dead.
    pub fn post(self: &Arc<Self>, message: Message) -> Result<(), Message> {
        {
            let mut queue = self.queue.lock();
            if queue.dead {
                return Err(message);
            }
            queue.messages.push_back(message);
            if queue.running {
                drop(queue);
                self.count(Ran::Queued);
                return Ok(());
            }
            queue.running = true;
        }
        self.count(Ran::Inline);
        self.run();
        Ok(())
    }

    fn count(&self, ran: Ran) {
        if let Some(metrics) = self.metrics() {
            metrics.messages(ran).inc();
        }
    }

    /// Runs the isolate until its queue is empty. The caller holds the right to (`running`).
    fn run(self: &Arc<Self>) {
        let mut left = RUN_LENGTH;
        loop {
            let batch = {
                let mut queue = self.queue.lock();
                if queue.messages.is_empty() {
                    queue.running = false;
                    return;
                }
                if left == 0 {
                    drop(queue);
                    let actor = Arc::clone(self);
                    self.services.runtime.spawn(async move { actor.run() });
                    return;
                }
                let count = queue.messages.len().min(left);
                left -= count;
                if count == queue.messages.len() {
                    std::mem::take(&mut queue.messages)
                } else {
                    queue.messages.drain(..count).collect()
                }
            };
            let mut effects = Vec::new();
            let health = match self.instance.lock().as_mut() {
                Some(instance) => instance.turn(batch.into_iter(), &mut effects),
                None => return,
            };
            self.carry_out(effects);
            if health == Health::Exhausted {
                self.die("the Worker's isolate ran out of memory");
                if let Some(worker) = self.worker() {
                    worker.replace(self, &self.services);
                }
                return;
            }
        }
    }

    fn carry_out(self: &Arc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            self.io.carry_out(self, effect);
        }
    }

    /// Takes no more messages; requests that have not begun get the host's error.
    pub fn die(&self, text: &str) {
        let waiting = {
            let mut queue = self.queue.lock();
            queue.dead = true;
            std::mem::take(&mut queue.messages)
        };
        for message in waiting {
            if let Message::Start { start, outbox, .. } = message {
                tracing::error!(worker = self.bundle.name, request_id = start.request_id, "{text}");
                let (command, _) = session::failure_command(&start, Outcome::InternalError);
                outbox.publish(&mut vec![command]);
            }
        }
        self.io.clear();
        // Disposing of an isolate takes milliseconds: not on this thread's path.
        if let Some(instance) = self.instance.lock().take() {
            self.services.runtime.spawn_blocking(move || drop(instance));
        }
    }

    /// Counts body bytes that arrived from the front end.
    pub fn count_body(&self, side: Side, bytes: usize) {
        if let Some(metrics) = self.metrics() {
            metrics.body_bytes(side).inc_by(bytes as u64);
        }
    }

    /// Its handlers read response bodies before they answer, as the operator said or as was seen.
    pub fn reads_responses(&self) -> bool {
        self.reads_responses.load(Ordering::Relaxed)
    }

    /// A response that a handler read before it answered was too large for the proxy to hold back:
    /// from now on all of them come here from the start, unless the operator does not want it.
    pub fn response_did_not_fit(&self) {
        if self.bundle.settings.reads_responses.is_some()
            || self.reads_responses.swap(true, Ordering::Relaxed)
        {
            return;
        }
        tracing::warn!(
            worker = self.bundle.name,
            version = self.bundle.version,
            "a handler read a response before it answered, and the proxy can't hold back that \
             much: the read failed. From now on all response bodies of this Worker come to the \
             runtime host. Set reads_responses = true for it in nano.toml, so that the first one \
             does not fail, or false to keep them in the proxy"
        );
    }

    /// Publishes the isolate's memory, when it is idle; a busy one is measured the next time.
    pub fn measure(self: &Arc<Self>) {
        {
            let mut queue = self.queue.lock();
            if queue.running || queue.dead {
                return;
            }
            queue.running = true;
        }
        let bytes = self.instance.lock().as_mut().map(Instance::memory_bytes);
        if let (Some(bytes), Some(metrics)) = (bytes, self.metrics()) {
            metrics.isolate_memory_bytes.set(bytes as i64);
        }
        self.run();
    }
}

//! Timers, subrequests and uploads of one isolate: what its effects ask for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;

use super::actor::Actor;
use super::socket::{self, Handle, Order};
use super::subrequest::{self, Part, Reading};
use super::timers::{Clock, Timers};
use super::{cache, socket::Inbound};
use crate::client::Connection;
use crate::isolate::cache::CacheOp;
use crate::isolate::message::{BodyId, Effect, Expiry, Finished, InvocationId, LeavingId, Message};
use crate::isolate::socket::SocketId;
use crate::telemetry::logs::FinishedRequest;

/// A request that took longer counts as a use of the isolate at its end as well.
const LONG: Duration = Duration::from_secs(1);

/// I/O that is under way. Tables are per isolate and short; their locks are held for moments.
#[derive(Default)]
pub(crate) struct Io {
    timers: Timers,
    bodies: Mutex<HashMap<BodyId, (AbortHandle, Arc<Reading>)>>,
    uploads: Mutex<HashMap<LeavingId, mpsc::UnboundedSender<Part>>>,
    connections: Mutex<HashMap<InvocationId, Arc<Semaphore>>>,
    sockets: Mutex<HashMap<SocketId, Handle>>,
    /// Bytes of `WebSocket`s' messages that JavaScript did not take yet.
    inbound: Arc<AtomicUsize>,
}

impl Io {
    pub fn carry_out(&self, actor: &Arc<Actor>, effect: Effect) {
        match effect {
            Effect::Timer { id, timer, delay } => {
                self.set(actor, id, Clock::Timer(timer), delay, Message::Timer { id, timer });
            }
            Effect::ClearTimer { id, timer } => self.clear_clock(id, Clock::Timer(timer)),
            Effect::WaitUntil { id } => {
                let delay = actor.bundle().settings.limits.wait_until();
                let message = Message::Expired { id, limit: Expiry::WaitUntil };
                self.set(actor, id, Clock::WaitUntil, delay, message);
            }
            Effect::Subrequest(subrequest) => {
                let connections = self.connections_of(actor, subrequest.id);
                let (body, leaving) = (subrequest.body, subrequest.upload.leaving());
                // The task may be over before it is noted here: what it would be noted for is locked.
                let (mut bodies, mut uploads) = (self.bodies.lock(), self.uploads.lock());
                let launched = subrequest::launch(actor, *subrequest, connections);
                bodies.insert(body, (launched.task, launched.reading));
                if let (Some(leaving), Some(parts)) = (leaving, launched.parts) {
                    uploads.insert(leaving, parts);
                }
            }
            Effect::ReadBody(body) => self.with_reading(body, Reading::begin),
            Effect::Consumed(body, bytes) => self.with_reading(body, |r| r.consumed(bytes)),
            Effect::CancelBody(body) => {
                if let Some((task, _)) = self.bodies.lock().remove(&body) {
                    task.abort();
                }
            }
            Effect::UploadChunk(leaving, chunk) => self.upload(leaving, Part::Chunk(chunk)),
            Effect::UploadEnd(leaving) => {
                self.upload(leaving, Part::End);
                self.uploads.lock().remove(&leaving);
            }
            Effect::UploadError(leaving, reason) => {
                self.upload(leaving, Part::Failed(reason));
                self.uploads.lock().remove(&leaving);
            }
            Effect::Cache(ask) => {
                let body = ask.what.body();
                let leaving = match &ask.what {
                    CacheOp::Put { upload, .. } => upload.leaving(),
                    _ => None,
                };
                // As above.
                let (mut bodies, mut uploads) = (self.bodies.lock(), self.uploads.lock());
                let launched = cache::launch(actor, *ask);
                if let Some(body) = body {
                    bodies.insert(body, (launched.task, launched.reading));
                }
                if let (Some(leaving), Some(parts)) = (leaving, launched.parts) {
                    uploads.insert(leaving, parts);
                }
            }
            Effect::SocketOpen(open) => {
                let connections = self.connections_of(actor, open.id);
                let socket = open.socket;
                let mut sockets = self.sockets.lock();
                let handle = socket::launch(actor, *open, connections, &self.inbound);
                sockets.insert(socket, handle);
            }
            Effect::SocketAccept(socket) => self.with_socket(socket, Inbound::accept),
            Effect::SocketConsumed(socket, bytes) => {
                self.with_socket(socket, |inbound| inbound.consumed(bytes));
            }
            Effect::SocketSend(socket, frame) => self.order(socket, Order::Send(frame)),
            Effect::SocketDrop(socket, code) => {
                self.order(socket, Order::Drop(code));
                self.sockets.lock().remove(&socket);
            }
            Effect::Finished(finished) => self.finished(actor, &finished),
        }
    }

    /// A subrequest's task is over.
    pub fn forget_body(&self, body: BodyId) {
        self.bodies.lock().remove(&body);
    }

    fn connections_of(&self, actor: &Actor, id: InvocationId) -> Arc<Semaphore> {
        let most = actor.bundle().settings.limits.connections as usize;
        let mut connections = self.connections.lock();
        Arc::clone(connections.entry(id).or_insert_with(|| Arc::new(Semaphore::new(most))))
    }

    fn with_socket(&self, socket: SocketId, f: impl FnOnce(&Inbound)) {
        let inbound = self.sockets.lock().get(&socket).map(|handle| Arc::clone(&handle.inbound));
        if let Some(inbound) = inbound {
            f(&inbound);
        }
    }

    fn order(&self, socket: SocketId, order: Order) {
        if let Some(handle) = self.sockets.lock().get(&socket) {
            // Fails when its task is over, which JavaScript hears of.
            let _ = handle.orders.send(order);
        }
    }

    /// A WebSocket that a subrequest asked for is there: its messages go to the task that is returned.
    pub fn adopt_socket(
        &self,
        actor: &Arc<Actor>,
        socket: SocketId,
        connection: Connection,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (handle, run) = socket::adopt(actor, socket, connection, &self.inbound);
        self.sockets.lock().insert(socket, handle);
        run
    }

    /// A WebSocket's task is over.
    pub fn forget_socket(&self, socket: SocketId) {
        self.sockets.lock().remove(&socket);
    }

    /// Whether no subrequest is under way: one whose invocation is over may still upload.
    pub fn is_quiet(&self) -> bool {
        self.bodies.lock().is_empty() && self.uploads.lock().is_empty()
    }

    /// The invocation never began.
    pub fn forget(&self, id: InvocationId) {
        self.clear_clock(id, Clock::Wall);
    }

    /// Ends everything, after the isolate died.
    pub fn clear(&self) {
        self.timers.clear_all();
        for (_, (task, _)) in self.bodies.lock().drain() {
            task.abort();
        }
        self.uploads.lock().clear();
        self.sockets.lock().clear();
        self.connections.lock().clear();
    }

    /// Ends the invocation when its wall time is over.
    pub fn watch_wall_time(&self, actor: &Arc<Actor>, id: InvocationId, delay: Duration) {
        let message = Message::Expired { id, limit: Expiry::Wall };
        self.set(actor, id, Clock::Wall, delay, message);
    }

    fn set(
        &self,
        actor: &Arc<Actor>,
        id: InvocationId,
        clock: Clock,
        delay: Duration,
        message: Message,
    ) {
        self.timers.set(actor, (id, clock), delay, message);
    }

    pub(super) fn timers(&self) -> &Timers {
        &self.timers
    }

    fn clear_clock(&self, id: InvocationId, clock: Clock) {
        self.timers.clear((id, clock));
    }

    fn with_reading(&self, body: BodyId, f: impl FnOnce(&Reading)) {
        let reading = self.bodies.lock().get(&body).map(|(_, reading)| Arc::clone(reading));
        if let Some(reading) = reading {
            f(&reading);
        }
    }

    fn upload(&self, leaving: LeavingId, part: Part) {
        if let Some(parts) = self.uploads.lock().get(&leaving) {
            // Fails when the request is over, which its response tells.
            let _ = parts.send(part);
        }
    }

    fn finished(&self, actor: &Arc<Actor>, finished: &Finished) {
        let id = finished.id;
        self.clear_clock(id, Clock::Wall);
        self.clear_clock(id, Clock::WaitUntil);
        self.connections.lock().remove(&id);
        if finished.wall > LONG {
            actor.touch();
        }
        let bundle = actor.bundle();
        FinishedRequest {
            request_id: &finished.request_id,
            worker: &bundle.name,
            version: &bundle.version,
            outcome: finished.outcome,
            status: (finished.status != 0).then_some(finished.status),
            cpu: finished.cpu,
            wall: finished.wall,
            error: finished.error.as_deref(),
            limits: finished.limits,
        }
        .log();
        if let Some(metrics) = actor.metrics() {
            metrics.running.dec();
            metrics.requests(finished.outcome).inc();
            metrics.reached_all(finished.limits);
            metrics.wall.observe(finished.wall);
            metrics.cpu.observe(finished.cpu);
        }
    }
}

impl Actor {
    pub(super) fn watch_wall_time(self: &Arc<Self>, id: InvocationId) {
        if let Some(delay) = self.bundle().settings.limits.wall() {
            self.io().watch_wall_time(self, id, delay);
        }
    }
}

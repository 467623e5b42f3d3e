//! Workers by name, and the choice of one for a request.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::Services;
use super::actor::Actor;
use super::{guard, session};
use crate::client::Client;
use crate::exchange::{FailureMode, RequestHead, Start, Started};
use crate::isolate::StartError;
use crate::telemetry::Outcome;
use crate::telemetry::metrics::WorkerMetrics;
use crate::worker::{Bundle, RouteTable};

/// How requests that name no Worker find one.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    pub routes: RouteTable,
    /// For requests that no route claims.
    pub default: Option<String>,
    /// For host errors of requests whose route and Worker say nothing.
    pub failure_mode: FailureMode,
}

/// One Worker: its current version, and what its versions share.
pub(crate) struct Worker {
    pub name: String,
    /// Its own connection pool: tenants share no connection.
    pub client: Client,
    pub metrics: WorkerMetrics,
    current: Mutex<Arc<Actor>>,
}

impl Worker {
    pub fn current(&self) -> Arc<Actor> {
        Arc::clone(&self.current.lock())
    }

    /// Puts a fresh isolate of the same version in the place of one that died. Another thread, or
    /// a new version, may have been faster.
    pub fn replace(self: &Arc<Self>, dead: &Arc<Actor>, services: &Arc<Services>) {
        let fresh = {
            let mut current = self.current.lock();
            if !Arc::ptr_eq(&current, dead) {
                return;
            }
            let fresh = dead.successor();
            fresh.belong_to(self);
            *current = Arc::clone(&fresh);
            fresh
        };
        services.runtime.spawn_blocking(move || {
            if let Err(error) = fresh.begin() {
                tracing::error!(
                    worker = fresh.bundle().name,
                    "a fresh isolate did not start: {error}"
                );
            }
        });
    }
}

/// All Workers.
#[derive(Default)]
pub(crate) struct Registry {
    workers: RwLock<HashMap<String, Arc<Worker>>>,
    routing: RwLock<Arc<Routing>>,
}

impl Registry {
    pub async fn deploy(
        &self,
        bundle: Arc<Bundle>,
        services: &Arc<Services>,
    ) -> Result<(), StartError> {
        let actor = Actor::new(Arc::clone(&bundle), Arc::clone(services));
        let starting = Arc::clone(&actor);
        services
            .runtime
            .spawn_blocking(move || starting.begin())
            .await
            .unwrap_or_else(|panic| Err(StartError::Exception(panic.to_string())))?;
        let mut workers = self.workers.write();
        if let Some(worker) = workers.get(&bundle.name) {
            guard::set_rules(worker, &bundle.settings.egress);
            actor.belong_to(worker);
            *worker.current.lock() = actor;
        } else {
            let worker = Arc::new(Worker {
                name: bundle.name.clone(),
                client: Client::new(&services.client),
                metrics: services.metrics.worker(&bundle.name),
                current: Mutex::new(Arc::clone(&actor)),
            });
            guard::set_rules(&worker, &bundle.settings.egress);
            actor.belong_to(&worker);
            workers.insert(bundle.name.clone(), worker);
        }
        Ok(())
    }

    pub fn worker(&self, name: &str) -> Option<Arc<Worker>> {
        self.workers.read().get(name).cloned()
    }

    pub fn remove(&self, name: &str) {
        self.workers.write().remove(name);
    }

    pub fn set_routing(&self, routing: Routing) {
        *self.routing.write() = Arc::new(routing);
    }

    pub fn measure(&self) {
        let workers: Vec<_> = self.workers.read().values().cloned().collect();
        for worker in workers {
            worker.current().measure();
        }
    }

    /// Chooses: what the proxy named, else the most specific route, else the default.
    pub fn start(&self, mut start: Start, services: &Arc<Services>) -> Started {
        let routing = Arc::clone(&self.routing.read());
        let named = start.worker.take();
        let explicit = named.is_some();
        let name = match &named {
            Some(name) => Some(name.as_str()),
            None => by_route(&routing, &start.request),
        };
        let Some(name) = name else { return Started::NoWorker };
        let Some(worker) = self.worker(name) else {
            let text = if explicit {
                format!("the proxy named the Worker {name:?}, which is not loaded")
            } else {
                format!("the Worker {name:?} is not loaded")
            };
            start.failure_mode.get_or_insert(routing.failure_mode);
            return session::host_failure(&start, Outcome::ScriptNotFound, name, &text);
        };
        session::begin(&worker, start, services)
    }
}

fn by_route<'r>(routing: &'r Routing, request: &RequestHead) -> Option<&'r str> {
    if routing.routes.is_empty() {
        return routing.default.as_deref();
    }
    let host = std::str::from_utf8(&request.authority).unwrap_or_default();
    let target = std::str::from_utf8(&request.path).unwrap_or("/");
    routing.routes.find(host, target).or(routing.default.as_deref())
}

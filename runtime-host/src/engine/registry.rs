//! Workers by name, and the choice of one for a request.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use tokio::sync::oneshot;

use super::actor::Actor;
use super::crew::Crew;
use super::gate::Gates;
use super::version::Version;
use super::{Deployed, Services, guard, session};
use crate::client::Client;
use crate::exchange::{FailureMode, RequestHead, Start, Started};
use crate::isolate::StartError;
use crate::telemetry::Outcome;
use crate::telemetry::metrics::StartCause;
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
    /// Its own connection pool: tenants share no connection. Made at the first subrequest.
    client: OnceLock<Client>,
    pub gates: Gates,
    pub crew: Arc<Crew>,
}

impl Worker {
    /// What stands for the current version.
    pub fn current(&self) -> Arc<Actor> {
        self.crew.first()
    }

    pub fn client(&self, services: &Services) -> Client {
        let make = || {
            let client = Client::new(&services.client);
            guard::set_rules(&client, &self.current());
            client
        };
        self.client.get_or_init(make).clone()
    }
}

/// All Workers.
#[derive(Default)]
pub(crate) struct Registry {
    workers: RwLock<HashMap<String, Arc<Worker>>>,
    routing: RwLock<Arc<Routing>>,
}

impl Registry {
    /// Starts the version's isolate, and makes it current when it started.
    pub async fn deploy(
        &self,
        bundle: Arc<Bundle>,
        services: &Arc<Services>,
    ) -> Result<Deployed, StartError> {
        if let Some(left) = services.quarantine(&bundle.name, &bundle.version) {
            // Its evaluation may be what crashes. A request after the quarantine starts it.
            self.register(bundle, services);
            return Ok(Deployed::Quarantined(left));
        }
        let actor = Actor::new(Version::new(bundle), Arc::clone(services));
        let (done, outcome) = oneshot::channel();
        actor.start_now(StartCause::Load, Some(done));
        let ended = |_| StartError::Exception("the host is ending".into());
        outcome.await.map_err(ended).flatten().inspect_err(|error| {
            if let Some(limit) = error.limit() {
                actor.known_metrics().reached(limit);
            }
        })?;
        self.adopt(actor);
        Ok(Deployed::Ready)
    }

    /// Makes the version current; its isolate starts when it is asked for.
    pub fn register(&self, bundle: Arc<Bundle>, services: &Arc<Services>) {
        self.adopt(Actor::new(Version::new(bundle), Arc::clone(services)));
    }

    fn adopt(&self, actor: Arc<Actor>) {
        let name = &actor.bundle().name;
        let mut workers = self.workers.write();
        if let Some(worker) = workers.get(name) {
            if let Some(client) = worker.client.get() {
                guard::set_rules(client, &actor);
            }
            actor.belong_to(worker);
            worker.crew.renew(actor);
        } else {
            let worker = Arc::new(Worker {
                client: OnceLock::new(),
                gates: Gates::default(),
                crew: Arc::new(Crew::new(Arc::clone(&actor))),
            });
            actor.belong_to(&worker);
            workers.insert(name.clone(), worker);
        }
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

    /// Chooses: what the proxy named, else the most specific route, else the default.
    pub fn start(&self, mut start: Start) -> Started {
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
        session::begin(&worker, start)
    }
}

fn by_route<'r>(routing: &'r Routing, request: &RequestHead) -> Option<&'r str> {
    if routing.routes.is_empty() {
        return routing.default.as_deref();
    }
    // A byte that is not UTF-8 must not hide the path around it from a pattern.
    let host = String::from_utf8_lossy(&request.authority);
    let target = String::from_utf8_lossy(&request.path);
    routing.routes.find(&host, &target).or(routing.default.as_deref())
}

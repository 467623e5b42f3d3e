//! The engine: which Worker a request gets, which thread runs its turn, and the I/O it asks for.
//!
//! Names neither Envoy nor V8: front ends reach it through [`crate::exchange::Engine`], and it
//! drives isolates through [`crate::isolate`]'s messages and effects.

mod actor;
mod cache;
mod crew;
mod fleet;
mod gate;
mod guard;
mod io;
mod queued;
mod refusal;
mod registry;
mod session;
mod socket;
mod starter;
mod subrequest;
#[cfg(test)]
mod tests;
mod timers;
mod version;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crate::cache::Store;
use crate::client::ClientConfig;
use crate::exchange::{Engine, Start, Started};
use crate::isolate::StartError;
use crate::supervisor::board::Notices;
use crate::telemetry::metrics::Metrics;
use crate::worker::Bundle;

pub use fleet::Bounds;
pub use registry::Routing;

use fleet::Fleet;
use registry::Registry;
use starter::Starter;

/// What Workers of a host share.
pub struct Host {
    registry: Registry,
    services: Arc<Services>,
}

/// The host's own means, for every actor.
pub(crate) struct Services {
    pub runtime: tokio::runtime::Handle,
    pub client: ClientConfig,
    pub metrics: Arc<Metrics>,
    pub fleet: Arc<Fleet>,
    pub starter: Arc<Starter>,
    /// That run Workers.
    pub threads: usize,
    /// What a supervisor says, if there is one.
    pub notices: Option<Arc<Notices>>,
    cache: OnceLock<Arc<Store>>,
}

impl Services {
    /// What Workers store with the Cache API; in memory and unbounded but for their limits where nobody set
    /// another ([`Host::set_cache`]).
    pub fn cache(&self) -> &Arc<Store> {
        self.cache.get_or_init(Arc::default)
    }

    /// How much longer a version of a Worker may not run, because it crashed engines.
    pub fn quarantine(&self, worker: &str, version: &str) -> Option<Duration> {
        self.notices.as_ref()?.quarantine(worker, version)
    }
}

/// What became of a version that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployed {
    Ready,
    /// It is the current one and will be started by a request that comes after this time.
    Quarantined(Duration),
}

impl Host {
    /// A host without Workers. `runtime` carries timers and subrequests, and starts and disposes of
    /// isolates on its blocking threads, as many at once as it has others.
    pub fn new(
        runtime: tokio::runtime::Handle,
        client: ClientConfig,
        metrics: Arc<Metrics>,
        bounds: Bounds,
    ) -> Arc<Self> {
        Self::supervised(runtime, client, metrics, bounds, None)
    }

    /// The same under a supervisor, whose quarantines it keeps.
    pub fn supervised(
        runtime: tokio::runtime::Handle,
        client: ClientConfig,
        metrics: Arc<Metrics>,
        bounds: Bounds,
        notices: Option<Arc<Notices>>,
    ) -> Arc<Self> {
        let fleet = Fleet::new(bounds);
        runtime.spawn(tend(Arc::downgrade(&fleet)));
        let threads = runtime.metrics().num_workers();
        let starter = Starter::new(runtime.clone(), threads);
        let cache = OnceLock::new();
        let services =
            Services { runtime, client, metrics, fleet, starter, threads, notices, cache };
        let services = Arc::new(services);
        Arc::new(Self { registry: Registry::default(), services })
    }

    /// Starts a version of a Worker and makes it the one that new requests get; requests that run
    /// finish on the version they began with.
    ///
    /// # Errors
    /// The version does not start; what ran before goes on.
    pub async fn deploy(&self, bundle: Arc<Bundle>) -> Result<Deployed, StartError> {
        self.registry.deploy(bundle, &self.services).await
    }

    /// Makes a version the one that new requests get, without starting it: the first of them does. If
    /// it does not start, its requests fail, and it is tried again after a while.
    pub fn register(&self, bundle: Arc<Bundle>) {
        self.registry.register(bundle, &self.services);
    }

    /// Sets where Workers' caches are, before the first request.
    pub fn set_cache(&self, store: Store) {
        // One that was set before stays: something may be in it.
        let _ = self.services.cache.set(Arc::new(store));
    }

    /// Forgets a Worker, and what it cached. Requests that run finish.
    pub fn remove(&self, name: &str) {
        self.registry.remove(name);
        self.services.cache().forget(name);
    }

    /// Sets how requests that name no Worker find one.
    pub fn set_routing(&self, routing: Routing) {
        self.registry.set_routing(routing);
    }
}

impl Engine for Host {
    fn start(&self, start: Start) -> Started {
        self.registry.start(start)
    }
}

/// Looks at the isolates from time to time, while there is a host.
async fn tend(fleet: Weak<Fleet>) {
    let Some(every) = fleet.upgrade().map(|fleet| fleet.tend_every()) else { return };
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(fleet) = fleet.upgrade() else { return };
        // It may dispose of isolates. A panic in it is logged, and the next look comes.
        let _ = tokio::task::spawn_blocking(move || fleet.tend()).await;
    }
}

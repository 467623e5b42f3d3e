//! The engine: which Worker a request gets, which thread runs its turn, and the I/O it asks for.
//!
//! Names neither Envoy nor V8: front ends reach it through [`crate::exchange::Engine`], and it
//! drives isolates through [`crate::isolate`]'s messages and effects.

mod actor;
mod guard;
mod io;
mod registry;
mod session;
mod subrequest;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::client::ClientConfig;
use crate::exchange::{Engine, Start, Started};
use crate::isolate::StartError;
use crate::telemetry::metrics::Metrics;
use crate::worker::Bundle;

pub use registry::Routing;

use registry::Registry;

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
}

impl Host {
    /// A host without Workers. `runtime` carries timers and subrequests, and starts isolates on
    /// its blocking threads.
    pub fn new(
        runtime: tokio::runtime::Handle,
        client: ClientConfig,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let services = Arc::new(Services { runtime, client, metrics });
        Arc::new(Self { registry: Registry::default(), services })
    }

    /// Starts a version of a Worker and makes it the one that new requests get; requests that run
    /// finish on the version they began with.
    ///
    /// # Errors
    /// The version does not start; what ran before goes on.
    pub async fn deploy(&self, bundle: Bundle) -> Result<(), StartError> {
        self.registry.deploy(Arc::new(bundle), &self.services).await
    }

    /// Forgets a Worker. Requests that run finish.
    pub fn remove(&self, name: &str) {
        self.registry.remove(name);
    }

    /// Sets how requests that name no Worker find one.
    pub fn set_routing(&self, routing: Routing) {
        self.registry.set_routing(routing);
    }

    /// Publishes what only a look at each isolate tells: their number and memory.
    pub fn measure(&self) {
        self.registry.measure();
    }
}

impl Engine for Host {
    fn start(&self, start: Start) -> Started {
        self.registry.start(start, &self.services)
    }
}

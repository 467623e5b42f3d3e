//! What `serve`, `check` and `dev` have in common: configuration, V8, the runtime, the Workers.

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;

use super::{Failure, cgroup};
use crate::cache::{self, Store};
use crate::client::ClientConfig;
use crate::config::{self, Config, Server, StartAt};
use crate::diagnostic::{Diagnostic, Severity};
use crate::engine::{Bounds, Deployed, Host, Routing};
use crate::isolate::platform;
use crate::supervisor::board::Notices;
use crate::telemetry::metrics::Metrics;
use crate::worker::{Bundle, RouteTable};

/// Stack of threads that run JavaScript: V8 uses up to about 1 MB of it, host functions and their
/// callers the rest.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Prints diagnostics; true when one of them is an error.
pub fn report(diagnostics: &[Diagnostic]) -> bool {
    for diagnostic in diagnostics {
        eprintln!("{diagnostic}");
    }
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

/// Reads the configuration or says what is wrong with it.
pub fn config(file: &Path) -> Result<Config, Failure> {
    Config::load(file).map_err(|diagnostics| {
        report(&diagnostics);
        Failure::Refused
    })
}

/// A runtime whose threads may enter isolates: V8 is initialised before they are created.
///
/// There are no spare threads: one that is in a long turn hands its work to a fresh one
/// ([`crate::isolate`]'s watchdog), and spare ones only take tasks from each other meanwhile.
pub fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, Failure> {
    platform::initialize();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("nano-worker")
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|error| Failure::Host(format!("cannot start threads: {error}")))
}

/// A host without Workers on this runtime, which heeds the supervisor's notices if there are any.
pub fn host(
    runtime: &tokio::runtime::Runtime,
    metrics: &Arc<Metrics>,
    bounds: Bounds,
    notices: Option<Arc<Notices>>,
) -> Result<Arc<Host>, Failure> {
    let client = ClientConfig::load(None)
        .map_err(|error| Failure::Host(format!("cannot set TLS up: {error}")))?;
    Ok(Host::supervised(runtime.handle().clone(), client, Arc::clone(metrics), bounds, notices))
}

/// The caches that a configuration asks for.
pub fn cache(config: &config::Cache) -> Result<Store, Failure> {
    let megabytes = usize::try_from(config.total_mb).unwrap_or(usize::MAX);
    let settings = cache::Settings {
        directory: config.directory.clone(),
        total_bytes: (megabytes > 0).then(|| megabytes.saturating_mul(1024 * 1024)),
    };
    Store::open(&settings).map_err(|error| {
        let directory = config.directory.clone().unwrap_or_default();
        Failure::Host(format!("cannot use {} (cache.directory): {error}", directory.display()))
    })
}

/// The bounds for isolates that a configuration asks for.
pub fn bounds(server: &Server) -> Bounds {
    let memory_bytes = match server.isolates_memory_mb {
        Some(0) => None,
        Some(megabytes) => usize::try_from(megabytes.saturating_mul(1024 * 1024)).ok(),
        // Isolates take more of the process's memory than their heaps and buffers, and the host has
        // needs of its own.
        None => cgroup::memory_limit().and_then(|bytes| usize::try_from(bytes / 2).ok()),
    };
    let idle = (!server.isolate_idle.is_zero()).then_some(server.isolate_idle);
    Bounds { isolates: server.isolates_max, memory_bytes, idle, ..Bounds::default() }
}

/// Versions that are deployed at once; the host starts a few of them at the same time.
const DEPLOYED_AT_ONCE: usize = 64;

/// Deploys every bundle; true when none was refused.
pub async fn deploy_all(host: &Host, start: StartAt, bundles: &[Arc<Bundle>]) -> bool {
    if start == StartAt::Request {
        for bundle in bundles {
            host.register(Arc::clone(bundle));
        }
        tracing::info!("Workers are known: {}; each starts with its first request", bundles.len());
        return true;
    }
    let deployed = bundles.iter().map(|bundle| deploy(host, start, Arc::clone(bundle)));
    let deployed = futures_util::stream::iter(deployed).buffer_unordered(DEPLOYED_AT_ONCE);
    deployed.fold(true, async |all, one| all & one).await
}

/// Makes a version current; a refusal goes to the log and leaves what ran before.
pub async fn deploy(host: &Host, start: StartAt, bundle: Arc<Bundle>) -> bool {
    let (name, version) = (bundle.name.clone(), bundle.version.clone());
    if start == StartAt::Request {
        host.register(bundle);
        tracing::info!(worker = name, version, "Worker is known; its first request starts it");
        return true;
    }
    let entry = entry(&bundle);
    match host.deploy(bundle).await {
        Ok(Deployed::Ready) => {
            tracing::info!(worker = name, version, "Worker is ready");
            true
        }
        Ok(Deployed::Quarantined(left)) => {
            let seconds = left.as_secs();
            tracing::warn!(
                worker = name,
                version,
                seconds,
                "Worker is quarantined and not started"
            );
            true
        }
        Err(error) => {
            tracing::error!(worker = name, version, "Worker refused: {entry}: {error}");
            false
        }
    }
}

/// The Worker's entry file, as a person would name it.
pub fn entry(bundle: &Bundle) -> String {
    bundle.directory.join(&bundle.main).display().to_string()
}

/// The routing that a configuration and its Workers ask for.
pub fn routing(config: &Config, bundles: &[Arc<Bundle>]) -> Routing {
    let mut routes = RouteTable::default();
    for bundle in bundles {
        for conflict in routes.add(&bundle.name, &bundle.settings.routes) {
            tracing::warn!(
                worker = conflict.refused,
                "route {} belongs to the Worker {} already",
                conflict.pattern,
                conflict.kept
            );
        }
    }
    Routing {
        routes,
        default: config.workers.default.clone(),
        failure_mode: config.workers.failure_mode,
    }
}

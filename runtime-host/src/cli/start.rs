//! What `serve`, `check` and `dev` have in common: configuration, V8, the runtime, the Workers.

use std::path::Path;
use std::sync::Arc;

use super::Failure;
use crate::client::ClientConfig;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::engine::{Deployed, Host, Routing};
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
    notices: Option<Arc<Notices>>,
) -> Result<Arc<Host>, Failure> {
    let client = ClientConfig::load(None)
        .map_err(|error| Failure::Host(format!("cannot set TLS up: {error}")))?;
    Ok(Host::supervised(runtime.handle().clone(), client, Arc::clone(metrics), notices))
}

/// Starts every bundle; true when all of them did.
pub async fn deploy_all(host: &Host, bundles: Vec<Bundle>) -> bool {
    let mut all = true;
    for bundle in bundles {
        all &= deploy(host, bundle).await;
    }
    all
}

/// Starts a version; a refusal goes to the log and leaves what ran before.
pub async fn deploy(host: &Host, bundle: Bundle) -> bool {
    let (name, version) = (bundle.name.clone(), bundle.version.clone());
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
pub fn routing(config: &Config, bundles: &[Bundle]) -> Routing {
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

//! `nano-host serve`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Failure, start};
use crate::config::Config;
use crate::engine::Host;
use crate::ext_proc::{self, Listener, Settings, Stats};
use crate::isolate::clock;
use crate::telemetry::admin::{self, Readiness};
use crate::telemetry::logs;
use crate::telemetry::metrics::Metrics;
use crate::worker::watch::{self, Change, Watch};
use crate::worker::{self, Bundle};

/// How often isolates are measured for the metrics.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

pub fn run(file: &Path) -> Result<(), Failure> {
    let config = start::config(file)?;
    let metrics = Arc::new(Metrics::new());
    logs::init(logs::Format::Json, &config.log.level, &metrics.log_lines_dropped)
        .map_err(|error| Failure::Host(error.to_string()))?;
    let (bundles, diagnostics) = worker::load_all(&config);
    if start::report(&diagnostics) {
        return Err(Failure::Refused);
    }
    clock::set_freezes(config.server.frozen_clocks);
    let runtime = start::runtime(config.server.threads)?;
    let result = runtime.block_on(serve(&runtime, &metrics, config, bundles));
    // What is left is beyond the drain's time.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn serve(
    runtime: &tokio::runtime::Runtime,
    metrics: &Arc<Metrics>,
    config: Config,
    bundles: Vec<Bundle>,
) -> Result<(), Failure> {
    let readiness = Readiness::default();
    let shutdown = CancellationToken::new();
    let host = start::host(runtime, metrics)?;
    let listeners = bind(&config).await?;
    if let Some(address) = config.server.admin {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::Host(format!("cannot listen on {address} (admin): {error}"))
        })?;
        let admin_end = CancellationToken::new();
        tokio::spawn(admin::serve(listener, Arc::clone(metrics), readiness.clone(), admin_end));
    }

    host.set_routing(start::routing(&config, &bundles));
    if !start::deploy_all(&host, bundles.clone()).await {
        return Err(Failure::Refused);
    }
    let _watch = watch_files(&config, &bundles, &host, runtime.handle())?;
    let stats = Arc::new(Stats::default());
    tokio::spawn(measure(Arc::clone(&host), Arc::clone(metrics), Arc::clone(&stats)));
    tokio::spawn(wait_for_signal(shutdown.clone(), readiness.clone())?);

    readiness.set_ready();
    for listen in &config.server.listen {
        tracing::info!("serving ext_proc on {listen}");
    }
    let settings = Settings {
        mode_override: config.ext_proc.mode_override,
        response_buffer_bytes: config.ext_proc.response_buffer_bytes,
        max_message_bytes: config.ext_proc.max_message_bytes as usize,
        drain_timeout: config.server.drain_timeout,
        ..Settings::default()
    };
    let cut_off = ext_proc::serve(listeners, host, settings, stats, shutdown).await;
    if cut_off > 0 {
        tracing::warn!("{cut_off} exchanges were cut off: they outlasted server.drain_timeout_ms");
    }
    tracing::info!("drained");
    Ok(())
}

async fn bind(config: &Config) -> Result<Vec<Listener>, Failure> {
    let mut listeners = Vec::new();
    for listen in &config.server.listen {
        let listener = Listener::bind(&listen.to_string())
            .await
            .map_err(|error| Failure::Host(format!("cannot listen on {listen}: {error}")))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// SIGTERM and SIGINT begin the drain; a second one ends the process at once.
fn wait_for_signal(
    shutdown: CancellationToken,
    readiness: Readiness,
) -> Result<impl Future<Output = ()>, Failure> {
    let failed = |error| Failure::Host(format!("cannot handle signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        for first in [true, false] {
            tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
            if first {
                tracing::info!("draining: no new streams; running exchanges finish");
                readiness.set_draining();
                shutdown.cancel();
            }
        }
        logs::flush();
        std::process::exit(130);
    })
}

/// Reloads what changes on disk, when the configuration asks for it.
fn watch_files(
    config: &Config,
    bundles: &[Bundle],
    host: &Arc<Host>,
    runtime: &tokio::runtime::Handle,
) -> Result<Option<Watch>, Failure> {
    if !config.workers.reload {
        return Ok(None);
    }
    let host = Arc::clone(host);
    let runtime = runtime.clone();
    let state = Mutex::new((config.clone(), bundles.to_vec()));
    let on_change = move |change| {
        let mut state = state.lock();
        let (config, bundles) = &mut *state;
        apply(&host, &runtime, config, bundles, change);
    };
    watch::start(config.clone(), bundles, on_change)
        .map(Some)
        .map_err(|diagnostic| Failure::Host(format!("{diagnostic}")))
}

/// Runs on the watch's thread.
fn apply(
    host: &Arc<Host>,
    runtime: &tokio::runtime::Handle,
    config: &mut Config,
    bundles: &mut Vec<Bundle>,
    change: Change,
) {
    match change {
        Change::Worker(bundle, warnings) => {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            if runtime.block_on(start::deploy(host, (*bundle).clone())) {
                bundles.retain(|b| b.name != bundle.name);
                bundles.push(*bundle);
            }
        }
        Change::Removed(name) => {
            tracing::info!(worker = name, "Worker removed");
            host.remove(&name);
            bundles.retain(|b| b.name != name);
        }
        Change::Refused(diagnostics) => {
            for diagnostic in diagnostics {
                tracing::error!("reload refused: {diagnostic}");
            }
        }
        Change::Config(changed) => {
            tracing::info!("configuration reloaded; [server] takes effect at the next start");
            *config = *changed;
        }
    }
    host.set_routing(start::routing(config, bundles));
}

/// Keeps the gauges that nobody updates by themselves.
async fn measure(host: Arc<Host>, metrics: Arc<Metrics>, stats: Arc<Stats>) {
    let mut ticks = tokio::time::interval(MEASURE_EVERY);
    loop {
        ticks.tick().await;
        host.measure();
        metrics.ext_proc_streams.set(stats.streams_open() as i64);
    }
}

//! The process that runs Workers: from a configuration and bound sockets to the end of the drain.

use std::future::Future;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Failure, start};
use crate::config::Config;
use crate::engine::Host;
use crate::ext_proc::{self, Listener, Settings, Stats, Tls, TlsFiles};
use crate::isolate::{clock, platform, snapshot};
use crate::sandbox::{self, Report};
use crate::sockets::Socket;
use crate::supervisor::board::Notices;
use crate::supervisor::recorder;
use crate::telemetry::admin::{self, Readiness};
use crate::telemetry::logs;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::survival::{Crashes, Survival};
use crate::worker::watch::{self, Change, Watch};
use crate::worker::{self, Bundle};

/// How often open streams are counted, and memory that isolates left is returned.
const KEEP_EVERY: Duration = Duration::from_secs(5);

/// What the process was given.
pub(super) struct Means {
    pub sockets: Vec<Socket>,
    pub admin: Option<TcpListener>,
    /// The supervisor's, if there is one.
    pub notices: Option<Arc<Notices>>,
    /// Where log lines go.
    pub output: Box<dyn Write + Send>,
    /// The signals that begin the drain, and end the process when they come once more.
    pub stop: Vec<SignalKind>,
    /// Another process served before this one: what can't be loaded must not keep the rest from
    /// being served again.
    pub again: bool,
}

pub(super) fn run(config: Config, means: Means) -> Result<(), Failure> {
    // Before any thread, as threads inherit it.
    let files = config.server.tls.clone().map(|tls| TlsFiles {
        certificate: tls.certificate,
        key: tls.key,
        client_ca: tls.client_ca,
    });
    let directories = files.iter().flat_map(TlsFiles::directories);
    let own: Vec<_> = snapshot::file().into_iter().chain(directories).collect();
    let sandbox = sandbox::enter(&config, &own).map_err(Failure::Host)?;
    let mut metrics = Metrics::new();
    if let Some(notices) = means.notices.clone() {
        metrics.report_survival(move || survival(&notices));
    }
    let metrics = Arc::new(metrics);
    logs::init_json(means.output, &config.log.level, &metrics.log_lines_dropped)
        .map_err(|error| Failure::Host(error.to_string()))?;
    for missing in &sandbox.missing {
        tracing::warn!("the sandbox is not complete: {missing}");
    }
    let (bundles, diagnostics) = worker::load_all(&config);
    metrics.refused(&diagnostics);
    if start::report(&diagnostics) && !means.again {
        return Err(Failure::Refused);
    }
    let bundles = bundles.into_iter().map(Arc::new).collect();
    clock::set_freezes(config.server.frozen_clocks);
    let tls = files.map(Tls::load).transpose();
    let tls = tls.map_err(|error| Failure::Host(format!("[server.tls]: {error}")))?;
    let runtime = start::runtime(config.server.threads)?;
    let serving = Serving {
        sockets: means.sockets,
        admin: means.admin,
        notices: means.notices,
        stop: means.stop,
        again: means.again,
        sandbox,
        tls,
    };
    let result = runtime.block_on(serve(&runtime, &metrics, config, bundles, serving));
    // What is left is beyond the drain's time.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// What of the means is used inside of the runtime.
struct Serving {
    sockets: Vec<Socket>,
    admin: Option<TcpListener>,
    notices: Option<Arc<Notices>>,
    stop: Vec<SignalKind>,
    again: bool,
    sandbox: Report,
    tls: Option<Arc<Tls>>,
}

fn survival(notices: &Notices) -> Survival {
    let crashes = notices.crashed().into_iter();
    Survival {
        restarts: notices.restarts(),
        workers: crashes
            .map(|crashed| Crashes {
                worker: crashed.worker,
                crashes: crashed.crashes,
                quarantined: crashed.quarantined,
            })
            .collect(),
    }
}

async fn serve(
    runtime: &tokio::runtime::Runtime,
    metrics: &Arc<Metrics>,
    config: Config,
    bundles: Vec<Arc<Bundle>>,
    means: Serving,
) -> Result<(), Failure> {
    let readiness = Readiness::default();
    let shutdown = CancellationToken::new();
    let host = start::host(runtime, metrics, start::bounds(&config.server), means.notices)?;
    host.set_cache(start::cache(&config.cache)?);
    let failed = |error| Failure::Host(format!("cannot adopt a socket: {error}"));
    let listeners: Result<Vec<_>, _> = means.sockets.into_iter().map(Listener::try_from).collect();
    let listeners = listeners.map_err(failed)?;
    if let Some(listener) = means.admin {
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
        let admin_end = CancellationToken::new();
        tokio::spawn(admin::serve(listener, Arc::clone(metrics), readiness.clone(), admin_end));
    }
    let stopped = wait_for_signal(&means.stop, shutdown.clone(), readiness.clone())?;

    host.set_routing(start::routing(&config, &bundles));
    if !start::deploy_all(&host, config.workers.start, &bundles).await && !means.again {
        return Err(Failure::Refused);
    }
    let report = (means.sandbox, Arc::clone(metrics));
    let _watch = watch_files(&config, bundles, &host, runtime.handle(), report)?;
    let stats = Arc::new(Stats::default());
    tokio::spawn(keep_house(Arc::clone(metrics), Arc::clone(&stats)));
    tokio::spawn(stopped);

    readiness.set_ready();
    recorder::set_ready();
    for listen in &config.server.listen {
        tracing::info!("serving ext_proc on {listen}");
    }
    let settings = Settings {
        mode_override: config.ext_proc.mode_override,
        response_buffer_bytes: config.ext_proc.response_buffer_bytes,
        report: config.ext_proc.report,
        max_message_bytes: config.ext_proc.max_message_bytes as usize,
        drain_timeout: config.server.drain_timeout,
        tls: means.tls,
        ..Settings::default()
    };
    let cut_off = ext_proc::serve(listeners, host, settings, stats, shutdown).await;
    if cut_off > 0 {
        tracing::warn!("{cut_off} exchanges were cut off: they outlasted server.drain_timeout_ms");
    }
    tracing::info!("drained");
    Ok(())
}

/// The first of these signals begins the drain; a second one ends the process at once.
fn wait_for_signal(
    stop: &[SignalKind],
    shutdown: CancellationToken,
    readiness: Readiness,
) -> Result<impl Future<Output = ()> + use<>, Failure> {
    let signals: Result<Vec<_>, _> = stop.iter().map(|kind| signal(*kind)).collect();
    let mut signals =
        signals.map_err(|error| Failure::Host(format!("cannot handle signals: {error}")))?;
    Ok(async move {
        for first in [true, false] {
            std::future::poll_fn(|context| {
                if signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
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
    bundles: Vec<Arc<Bundle>>,
    host: &Arc<Host>,
    runtime: &tokio::runtime::Handle,
    (sandbox, metrics): (Report, Arc<Metrics>),
) -> Result<Option<Watch>, Failure> {
    if !config.workers.reload {
        return Ok(None);
    }
    let host = Arc::clone(host);
    let runtime = runtime.clone();
    let running = bundles.clone();
    let state = Mutex::new((config.clone(), bundles));
    let on_change = move |change| {
        let mut state = state.lock();
        let (config, bundles) = &mut *state;
        say_what_is_out_of_reach(&sandbox, &change);
        if let Change::Refused(diagnostics) = &change {
            metrics.refused(diagnostics);
        }
        apply(&host, &runtime, config, bundles, change);
    };
    watch::start(config.clone(), &running, on_change)
        .map(Some)
        .map_err(|diagnostic| Failure::Host(format!("{diagnostic}")))
}

/// A process can't give itself back what it gave up when it started.
fn say_what_is_out_of_reach(sandbox: &Report, change: &Change) {
    match change {
        Change::Config(config) => {
            for directory in sandbox.outside(config) {
                tracing::error!(
                    "{} was not named when this process started, and its sandbox does not let it \
                     read there: restart nano-host",
                    directory.display()
                );
            }
        }
        Change::Refused(diagnostics) if sandbox.restricts_files() => {
            let denied = std::io::Error::from_raw_os_error(libc::EACCES).to_string();
            if diagnostics.iter().any(|diagnostic| diagnostic.to_string().contains(&denied)) {
                tracing::error!(
                    "the sandbox lets this process read what [workers] directories named when it \
                     started; if the file is elsewhere, behind a new link perhaps, restart nano-host"
                );
            }
        }
        _ => {}
    }
}

/// Runs on the watch's thread.
fn apply(
    host: &Arc<Host>,
    runtime: &tokio::runtime::Handle,
    config: &mut Config,
    bundles: &mut Vec<Arc<Bundle>>,
    change: Change,
) {
    match change {
        Change::Worker(bundle, warnings) => {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            let bundle = Arc::new(*bundle);
            if runtime.block_on(start::deploy(host, config.workers.start, Arc::clone(&bundle))) {
                bundles.retain(|b| b.name != bundle.name);
                bundles.push(bundle);
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

/// Keeps the gauge that nobody updates by himself, and returns memory that isolates left.
async fn keep_house(metrics: Arc<Metrics>, stats: Arc<Stats>) {
    let mut ticks = tokio::time::interval(KEEP_EVERY);
    loop {
        ticks.tick().await;
        metrics.ext_proc_streams.set(stats.streams_open() as i64);
        // Nobody waits for it.
        drop(tokio::task::spawn_blocking(platform::give_back_memory));
    }
}

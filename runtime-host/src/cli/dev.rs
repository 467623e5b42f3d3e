//! `nano-host dev`: one Worker behind a plain HTTP port.

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Failure, start};
use crate::client::{Client, ClientConfig, Origin};
use crate::config::{self, Config, StartAt};
use crate::dev::{self, DevSettings};
use crate::egress::Rule;
use crate::engine::{Bounds, Host, Routing};
use crate::isolate::clock;
use crate::telemetry::logs;
use crate::telemetry::metrics::Metrics;
use crate::worker::watch::{self, Change};
use crate::worker::{self, Bundle, Loaded};

/// The upstream, as `--origin` names it.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    url: url::Url,
    origin: Origin,
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = config::parse_origin(text)?;
        let origin = Origin::of(&url).map_err(|error| error.to_string())?;
        Ok(Self { url, origin })
    }
}

pub fn run(
    path: &Path,
    listen: SocketAddr,
    upstream: Option<Upstream>,
    settings: Option<&Path>,
    running_clocks: bool,
) -> Result<(), Failure> {
    let metrics = Arc::new(Metrics::new());
    logs::init(logs::Format::Text, "info", &metrics.log_lines_dropped)
        .map_err(|error| Failure::Host(error.to_string()))?;
    let mut config = settings.map_or_else(|| Ok(Config::default()), start::config)?;
    config.workers.directories = vec![path.to_owned()];
    config.workers.debug_errors = true;
    config.egress.allow.extend(own_machine());
    clock::set_freezes(config.server.frozen_clocks && !running_clocks);
    let Loaded { bundle, diagnostics } = worker::load(path, &config);
    start::report(&diagnostics);
    let mut bundle = bundle.ok_or(Failure::Refused)?;
    if let Some(Upstream { url, .. }) = &upstream {
        bundle.settings.origin.get_or_insert_with(|| url.clone());
    }
    let runtime = start::runtime(config.server.threads)?;
    let origin = upstream.map(|upstream| upstream.origin);
    runtime.block_on(serve(&runtime, &metrics, config, bundle, listen, origin))
}

/// One's own Worker may reach what runs beside it on one's own machine.
fn own_machine() -> Vec<Rule> {
    ["127.0.0.0/8", "::1"].into_iter().filter_map(|rule| rule.parse().ok()).collect()
}

async fn serve(
    runtime: &tokio::runtime::Runtime,
    metrics: &Arc<Metrics>,
    config: Config,
    bundle: Bundle,
    listen: SocketAddr,
    origin: Option<Origin>,
) -> Result<(), Failure> {
    let host = start::host(runtime, metrics, Bounds::default(), None)?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failure::Host(format!("cannot listen on {listen}: {error}")))?;
    let routing = Routing { default: Some(bundle.name.clone()), ..Routing::default() };
    host.set_routing(routing);
    let kept_origin = bundle.settings.origin.clone();
    let bundle = Arc::new(bundle);
    if !start::deploy(&host, StartAt::Load, Arc::clone(&bundle)).await {
        return Err(Failure::Refused);
    }
    let reloading = Arc::clone(&host);
    let handle = runtime.handle().clone();
    let _watch = watch::start(config, &[bundle], move |change| {
        apply(&reloading, &handle, kept_origin.as_ref(), change);
    })
    .map_err(|diagnostic| Failure::Host(diagnostic.to_string()))?;

    let shutdown = CancellationToken::new();
    let ended = shutdown.clone();
    tokio::spawn(async move {
        // Without a handler the default action ends the process just as well.
        if tokio::signal::ctrl_c().await.is_ok() {
            ended.cancel();
        }
    });
    let address = listener.local_addr().unwrap_or(listen);
    eprintln!("nano-host: serving http://{address} (Ctrl-C ends it)");
    let client = ClientConfig::load(None)
        .map_err(|error| Failure::Host(format!("cannot set TLS up: {error}")))?;
    let settings = DevSettings { origin, client: Client::new(&client) };
    dev::serve(listener, host, settings, shutdown).await;
    Ok(())
}

/// Runs on the watch's thread.
fn apply(
    host: &Arc<Host>,
    runtime: &tokio::runtime::Handle,
    origin: Option<&url::Url>,
    change: Change,
) {
    match change {
        Change::Worker(mut bundle, warnings) => {
            start::report(&warnings);
            bundle.settings.origin = bundle.settings.origin.or_else(|| origin.cloned());
            let routing = Routing { default: Some(bundle.name.clone()), ..Routing::default() };
            if runtime.block_on(start::deploy(host, StartAt::Load, Arc::new(*bundle))) {
                host.set_routing(routing);
            }
        }
        Change::Refused(diagnostics) => {
            start::report(&diagnostics);
            eprintln!("nano-host: the version before goes on serving");
        }
        Change::Removed(_) | Change::Config(_) => {}
    }
}

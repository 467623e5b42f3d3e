//! `nano-host envoy-config`: what Envoy needs to know of the Workers, so that routes are written
//! once, in wrangler files and `nano.toml`. docs/filter.md is the user's page.

mod bootstrap;
mod filters;
mod kubernetes;
mod rules;
#[cfg(test)]
mod tests;
mod yaml;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Failure, start};
use crate::config::{Config, Listen};
use crate::diagnostic::Diagnostic;
use crate::worker::{self, Bundle};

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A complete configuration of an Envoy.
    Bootstrap,
    /// The cluster that `ext_proc` connects to.
    Cluster,
    /// The configuration of the Wasm filter alone, as JSON.
    Filter,
    /// The HTTP filters: Wasm, then `ext_proc` for the requests with a Worker.
    HttpFilters,
    /// Istio: a `WasmPlugin` and an `EnvoyFilter`.
    Istio,
    /// Envoy Gateway: an `EnvoyExtensionPolicy` and an `EnvoyProxy` for the order of the filters.
    Gateway,
}

#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration whose Workers are meant.
    #[arg(long, value_name = "FILE", default_value = "nano.toml")]
    config: PathBuf,
    /// What to print.
    #[arg(long, value_enum, default_value = "bootstrap")]
    format: Format,
    /// Print JSON instead of YAML; `filter` is JSON anyway.
    #[arg(long)]
    json: bool,
    /// Where Envoy finds the filter: a path; for Istio and Envoy Gateway a URL with oci:// or
    /// https://.
    #[arg(long, value_name = "PATH|URL", default_value = "/etc/nano/nano_filter.wasm")]
    wasm: String,
    /// The SHA-256 of the filter, for Istio and Envoy Gateway to check what they fetched.
    #[arg(long, value_name = "HEX")]
    wasm_sha256: Option<String>,
    /// Where the runtime host listens, as Envoy reaches it [default: the first of server.listen].
    #[arg(long, value_name = "HOST:PORT|unix:PATH")]
    host: Option<Peer>,
    /// Where Envoy listens (bootstrap).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:10000")]
    listen: std::net::SocketAddr,
    /// Envoy's admin address (bootstrap).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9901")]
    admin: std::net::SocketAddr,
    /// Where requests go on to (bootstrap).
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    upstream: Peer,
    /// The name of what is made in Kubernetes.
    #[arg(long, value_name = "NAME", default_value = "nano")]
    name: String,
    /// The namespace of what is made in Kubernetes.
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Labels of the pods that run Envoy (Istio).
    #[arg(long, value_name = "KEY=VALUE", default_value = "istio=ingressgateway")]
    selector: Vec<Label>,
    /// The Gateway API object that the policy is for (Envoy Gateway).
    #[arg(long, value_name = "KIND/NAME", default_value = "Gateway/nano")]
    target: Target,
}

/// A host to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Unix(String),
    /// A name or an IP address, and a port.
    Host(String, u16),
}

impl std::str::FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.to_owned()));
        }
        let wrong = || "write HOST:PORT, or unix:PATH".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Self::Host(host.to_owned(), port.parse().map_err(|_| wrong())?))
    }
}

/// `KEY=VALUE`.
#[derive(Clone, Debug)]
struct Label(String, String);

impl std::str::FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
        Ok(Self(key.to_owned(), value.to_owned()))
    }
}

/// `KIND/NAME`.
#[derive(Clone, Debug)]
struct Target(String, String);

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => {
                Ok(Self(kind.to_owned(), name.to_owned()))
            }
            _ => Err("write KIND/NAME, for instance HTTPRoute/shop".to_owned()),
        }
    }
}

/// What is wrong with `[filter]`, alone or together with the Workers.
pub fn check(config: &Config, bundles: &[Bundle]) -> Vec<Diagnostic> {
    rules::problems(config, &rules::of(config, bundles))
}

/// Prints what was asked for, or what is wrong with the Workers or `[filter]`.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = start::config(&arguments.config)?;
    let (bundles, diagnostics) = worker::load_all(&config);
    let mut failed = start::report(&diagnostics);
    let rules = rules::of(&config, &bundles);
    failed |= start::report(&rules::problems(&config, &rules));
    if failed {
        return Err(Failure::Refused);
    }
    let documents = documents(arguments, &config, rules).map_err(Failure::Host)?;
    let json = arguments.json || arguments.format == Format::Filter;
    let texts = documents
        .iter()
        .map(|document| if json { format!("{document:#}\n") } else { yaml::write(document) });
    let separator = if json { "" } else { "---\n" };
    print!("{}", texts.collect::<Vec<_>>().join(separator));
    Ok(())
}

fn documents(arguments: &Arguments, config: &Config, rules: Value) -> Result<Vec<Value>, String> {
    let host = match (&arguments.host, config.server.listen.first()) {
        (Some(host), _) => host.clone(),
        (None, Some(Listen::Unix(path))) => Peer::Unix(path.display().to_string()),
        (None, Some(Listen::Tcp(address))) => Peer::Host(address.ip().to_string(), address.port()),
        (None, None) => return Err("nano.toml has no server.listen: use --host".to_owned()),
    };
    Ok(match arguments.format {
        Format::Filter => vec![rules],
        Format::Cluster => vec![filters::host_cluster(&host)],
        Format::HttpFilters => vec![filters::chain(config, &arguments.wasm, rules).into()],
        Format::Bootstrap => vec![bootstrap::bootstrap(arguments, config, &host, rules)],
        Format::Istio => kubernetes::istio(arguments, config, &host, &rules)?,
        Format::Gateway => kubernetes::gateway(arguments, config, &host, &rules)?,
    })
}

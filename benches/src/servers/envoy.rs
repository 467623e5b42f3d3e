//! Envoy with one worker thread and a listener for each variant.

use std::net::SocketAddr;
use std::path::Path;

use nano_tests::listeners::HostAddress;
use nano_tests::process::{Output, Process, accepts};
use nano_tests::{Result, envoy};
use serde_json::{Value, json};

use crate::cpus;

/// What stands between a listener and its cluster.
#[derive(Clone, Debug)]
pub enum Filter {
    None,
    Lua(&'static str),
    ExtProc {
        /// The cluster of the server.
        server: String,
        /// Whether the response's headers are sent to it.
        response: bool,
        /// Whether Envoy evaluates what `envoy/envoy.yaml` asks for: more than a comparison with a
        /// server that ignores it would be fair with, but what many users have.
        attributes: bool,
    },
    /// These HTTP filters as they are.
    Given(Vec<Value>),
}

/// One variant's way through Envoy.
#[derive(Clone, Debug)]
pub struct Listener {
    pub name: String,
    pub address: SocketAddr,
    pub filter: Filter,
    /// Host (`*` for all others) and cluster.
    pub routes: Vec<(String, String)>,
}

/// Where requests or `ext_proc` streams go.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub address: HostAddress,
    /// HTTP/2, as gRPC needs it.
    pub grpc: bool,
}

/// Starts it and waits until all listeners accept.
pub fn start(
    directory: &Path,
    listeners: &[Listener],
    clusters: &[Cluster],
    on: &[usize],
) -> Result<Process> {
    let config = directory.join("envoy.json");
    super::write(&config, &document(listeners, clusters).to_string())?;
    let mut command = cpus::command(envoy::find()?, on);
    command.arg("--config-path").arg(&config).arg("--disable-hot-restart");
    command.args(["--concurrency", "1", "--log-level", "warning"]);
    let process = Process::start("Envoy", command, &Output::File(directory.join("envoy.log")))?;
    super::wait(&process, super::SOON, || {
        listeners.iter().all(|listener| accepts(listener.address))
    })?;
    Ok(process)
}

fn document(listeners: &[Listener], clusters: &[Cluster]) -> Value {
    json!({ "static_resources": {
        "listeners": listeners.iter().map(listener).collect::<Vec<_>>(),
        "clusters": clusters.iter().map(cluster).collect::<Vec<_>>(),
    } })
}

fn typed(kind: &str, mut fields: Value) -> Value {
    fields["@type"] = format!("type.googleapis.com/envoy.{kind}").into();
    fields
}

/// The connection manager is the same for all, as `envoy/envoy.yaml` has it; no access log.
fn listener(listener: &Listener) -> Value {
    let hosts: Vec<Value> = listener
        .routes
        .iter()
        .map(|(host, cluster)| {
            json!({ "name": host, "domains": [host], "routes": [{
                "match": { "prefix": "/" },
                "route": { "cluster": cluster, "timeout": "60s" } }] })
        })
        .collect();
    let router = typed("extensions.filters.http.router.v3.Router", json!({}));
    let mut filters = vec![json!({ "name": "envoy.filters.http.router", "typed_config": router })];
    filters.splice(0..0, filter(&listener.filter));
    let manager = typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": listener.name,
            "normalize_path": true,
            "use_remote_address": true,
            "generate_request_id": true,
            "stream_idle_timeout": "300s",
            "route_config": { "virtual_hosts": hosts },
            "http_filters": filters,
        }),
    );
    json!({
        "name": listener.name,
        "address": address(&HostAddress::Tcp(listener.address)),
        "per_connection_buffer_limit_bytes": 1_048_576,
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }] }],
    })
}

fn filter(filter: &Filter) -> Vec<Value> {
    match filter {
        Filter::None => Vec::new(),
        Filter::Given(filters) => filters.clone(),
        Filter::Lua(script) => vec![json!({
            "name": "envoy.filters.http.lua",
            "typed_config": typed(
                "extensions.filters.http.lua.v3.Lua",
                json!({ "default_source_code": { "inline_string": script } }),
            ),
        })],
        Filter::ExtProc { server, response, attributes } => vec![json!({
            "name": "envoy.filters.http.ext_proc",
            "typed_config": ext_proc(server, *response, *attributes),
        })],
    }
}

/// What `docs/envoy.md` calls the filter's essentials, for the floor as for NANO.
fn ext_proc(server: &str, response: bool, attributes: bool) -> Value {
    let mut filter = typed(
        "extensions.filters.http.ext_proc.v3.ExternalProcessor",
        json!({
            "grpc_service": { "envoy_grpc": { "cluster_name": server }, "timeout": "0s" },
            "processing_mode": {
                "request_header_mode": "SEND",
                "response_header_mode": if response { "SEND" } else { "SKIP" },
                "request_body_mode": "NONE", "response_body_mode": "NONE",
                "request_trailer_mode": "SKIP", "response_trailer_mode": "SKIP",
            },
            "allow_mode_override": true,
            "message_timeout": "60s",
            "max_message_timeout": "600s",
            "mutation_rules": { "allow_all_routing": true },
            "metadata_options": { "receiving_namespaces": { "untyped": ["nano"] } },
        }),
    );
    if attributes {
        filter["request_attributes"] = json!([
            "filter_state['wasm.nano_worker']",
            "xds.route_metadata.filter_metadata['nano'].worker",
            "xds.route_metadata.filter_metadata['nano'].failure_mode",
            "xds.route_name",
            "xds.cluster_name",
            "xds.virtual_host_name",
            "source.address",
            "source.port",
            "destination.address",
            "destination.port",
            "request.protocol",
            "connection.mtls",
            "connection.requested_server_name",
            "connection.tls_version",
            "connection.subject_peer_certificate",
            "connection.uri_san_peer_certificate",
            "connection.sha256_peer_certificate_digest",
        ]);
    }
    filter
}

fn cluster(cluster: &Cluster) -> Value {
    let mut value = json!({
        "name": cluster.name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": { "cluster_name": cluster.name, "endpoints": [
            { "lb_endpoints": [{ "endpoint": { "address": address(&cluster.address) } }] }] },
        "circuit_breakers": { "thresholds": [{
            "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000,
        }] },
    });
    if cluster.grpc {
        let http2 = json!({ "explicit_http_config": { "http2_protocol_options": {
            "initial_stream_window_size": 262_144,
            "initial_connection_window_size": 16_777_216,
        } } });
        value["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions":
                typed("extensions.upstreams.http.v3.HttpProtocolOptions", http2),
        });
    }
    value
}

fn address(address: &HostAddress) -> Value {
    match address {
        HostAddress::Tcp(at) => json!({ "socket_address": {
            "address": at.ip().to_string(), "port_value": at.port() } }),
        HostAddress::Unix(path) => json!({ "pipe": { "path": path } }),
    }
}

//! The two HTTP filters, and the cluster that the second one connects to.

use nano_routing::filter::{STATE_FAILURE_MODE, STATE_PREFIX, STATE_WORKER};
use serde_json::{Value, json};

use super::Peer;
use crate::config::Config;

/// The name under which routes may have settings for the filter.
pub const EXT_PROC: &str = "envoy.filters.http.ext_proc";
/// The cluster of the runtime host.
pub const CLUSTER: &str = "nano_host";

/// Milliseconds that Envoy waits for the runtime host, at least, when no Worker has a limit.
const MESSAGE_TIMEOUT_MS: u64 = 60_000;
/// What Envoy allows the runtime host to extend that to.
const MAX_MESSAGE_TIMEOUT_MS: u64 = 600_000;

/// What `docs/envoy.md` says of each.
pub const ATTRIBUTES: [&str; 20] = [
    "filter_state['wasm.nano_worker']",
    "filter_state['wasm.nano_version']",
    "filter_state['wasm.nano_request_id']",
    "filter_state['wasm.nano_failure_mode']",
    "xds.route_metadata.filter_metadata['nano'].failure_mode",
    "xds.route_name",
    "xds.cluster_name",
    "xds.virtual_host_name",
    "source.address",
    "source.port",
    "destination.address",
    "destination.port",
    "request.protocol",
    "connection.id",
    "connection.mtls",
    "connection.requested_server_name",
    "connection.tls_version",
    "connection.subject_peer_certificate",
    "connection.uri_san_peer_certificate",
    "connection.sha256_peer_certificate_digest",
];

/// A message with its type.
pub fn typed(kind: &str, mut fields: Value) -> Value {
    if let Value::Object(map) = &mut fields {
        map.shift_insert(0, "@type".into(), format!("type.googleapis.com/{kind}").into());
    }
    fields
}

/// The Wasm filter, then `ext_proc` for the requests with a Worker: once for the Workers whose
/// requests wait for the runtime host whatever happens, and once for those whose requests go on
/// without it, as far as there are such.
pub fn chain(config: &Config, wasm: &str, rules: Value) -> Vec<Value> {
    let mut filters = vec![wasm_filter(wasm, &rules)];
    filters.extend(ext_procs(config, &rules));
    filters
}

fn wasm_filter(path: &str, rules: &Value) -> Value {
    let plugin = json!({
        "name": "nano_filter",
        "root_id": "nano",
        // After a panic the thread has a new VM with its next request.
        "failure_policy": "FAIL_RELOAD",
        "reload_config": { "backoff": { "base_interval": "0.1s", "max_interval": "5s" } },
        "vm_config": {
            // All filters with this id share the rate limits' state, also one configuration with
            // the next.
            "vm_id": "nano",
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": path } },
        },
        // Text, in which Envoy's log can name lines; a `Struct` reaches the filter as protobuf.
        "configuration":
            typed("google.protobuf.StringValue", json!({ "value": format!("{rules:#}\n") })),
    });
    let kind = "envoy.extensions.filters.http.wasm.v3.Wasm";
    json!({
        "name": "envoy.filters.http.wasm",
        "typed_config": typed(kind, json!({ "config": plugin })),
    })
}

/// The `ext_proc` filters that the rules' Workers need.
pub fn ext_procs(config: &Config, rules: &Value) -> Vec<Value> {
    let modes = rules["workers"].as_object().into_iter().flat_map(|all| all.values());
    let open = |worker: &Value| worker["failure_mode"] == "open";
    let (some_open, some_closed) =
        modes.fold((false, false), |(o, c), worker| (o | open(worker), c | !open(worker)));
    let is_open = state(STATE_FAILURE_MODE, "open");
    let any = state(STATE_WORKER, ".+");
    let not = |predicate: &Value| json!({ "not_matcher": predicate });
    match (some_open, some_closed) {
        (true, false) => vec![ext_proc(config, EXT_PROC, true, &not(&any))],
        (true, true) => {
            let without = json!({ "or_matcher": { "predicate": [not(&any), is_open] } });
            let name = format!("{EXT_PROC}.open");
            vec![
                ext_proc(config, EXT_PROC, false, &without),
                ext_proc(config, &name, true, &not(&is_open)),
            ]
        }
        (false, _) => vec![ext_proc(config, EXT_PROC, false, &not(&any))],
    }
}

/// Whether a key of the filter state matches a regular expression as a whole.
fn state(key: &str, regex: &str) -> Value {
    let input = typed(
        "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput",
        json!({ "key": format!("{STATE_PREFIX}{key}") }),
    );
    json!({ "single_predicate": {
        "input": { "name": key, "typed_config": input },
        "value_match": { "safe_regex": { "google_re2": {}, "regex": regex } },
    } })
}

/// `ext_proc`, left out for the requests that match. It is in the chain for all of them, and does
/// not depend on the route: a request that is routed again has it as before.
fn ext_proc(config: &Config, name: &str, open: bool, skip: &Value) -> Value {
    let kind = "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor";
    let skip_filter =
        typed("envoy.extensions.filters.common.matcher.action.v3.SkipFilter", json!({}));
    let matcher = json!({ "matcher_list": { "matchers": [{
        "predicate": skip,
        "on_match": { "action": { "name": "skip", "typed_config": skip_filter } },
    }] } });
    let wrapped = json!({
        "extension_config": { "name": name, "typed_config": typed(kind, processor(config, open)) },
        "xds_matcher": matcher,
    });
    let kind = "envoy.extensions.common.matching.v3.ExtensionWithMatcher";
    json!({ "name": name, "typed_config": typed(kind, wrapped) })
}

/// The settings that NANO needs; `envoy/envoy.yaml` says why each of them.
pub fn processor(config: &Config, open: bool) -> Value {
    let timeout = MESSAGE_TIMEOUT_MS.max(config.limits.wall_ms + config.limits.queue_ms + 1_000);
    let overrides = config.ext_proc.mode_override;
    let initial = if overrides { "on" } else { "off" };
    json!({
        "grpc_service": {
            "envoy_grpc": { "cluster_name": CLUSTER },
            "timeout": "0s",
            "initial_metadata": [{ "key": "x-nano-mode-override", "value": initial }],
        },
        "processing_mode": {
            "request_header_mode": "SEND", "response_header_mode": "SEND",
            "request_body_mode": "NONE", "response_body_mode": "NONE",
            "request_trailer_mode": "SKIP", "response_trailer_mode": "SKIP",
        },
        "allow_mode_override": overrides,
        "allow_content_length_header": true,
        "message_timeout": seconds(timeout),
        "max_message_timeout": seconds(MAX_MESSAGE_TIMEOUT_MS.max(timeout)),
        "failure_mode_allow": open,
        "status_on_error": { "code": "InternalServerError" },
        "mutation_rules": { "allow_all_routing": true },
        "route_cache_action": "DEFAULT",
        "request_attributes": ATTRIBUTES,
        "metadata_options": { "receiving_namespaces": { "untyped": ["nano"] } },
    })
}

/// A protobuf duration.
pub fn seconds(milliseconds: u64) -> String {
    match (milliseconds / 1000, milliseconds % 1000) {
        (whole, 0) => format!("{whole}s"),
        (whole, rest) => format!("{whole}.{rest:03}s"),
    }
}

/// The cluster of the runtime host.
pub fn host_cluster(host: &Peer) -> Value {
    let http2 = json!({ "explicit_http_config": { "http2_protocol_options": {
        // What the runtime host may send ahead of a slow client; of all exchanges together.
        "initial_stream_window_size": 262_144,
        "initial_connection_window_size": 16_777_216,
        "connection_keepalive": { "interval": "30s", "timeout": "10s" },
    } } });
    let mut cluster = cluster(CLUSTER, host, &http2);
    // Exchanges at a time; a stream carries state and is never retried.
    cluster["circuit_breakers"] = json!({ "thresholds": [{
        "priority": "DEFAULT", "max_connections": 1024, "max_pending_requests": 100_000,
        "max_requests": 100_000, "max_retries": 0,
    }] });
    cluster
}

/// A cluster of one host, which may have a DNS name.
pub fn cluster(name: &str, peer: &Peer, http: &Value) -> Value {
    let (kind, address) = match peer {
        Peer::Unix(path) => ("STATIC", json!({ "pipe": { "path": path } })),
        Peer::Host(host, port) => {
            let numeric = host.parse::<std::net::IpAddr>().is_ok();
            let kind = if numeric { "STATIC" } else { "STRICT_DNS" };
            (kind, json!({ "socket_address": { "address": host, "port_value": port } }))
        }
    };
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({
        "name": name,
        "type": kind,
        "connect_timeout": "1s",
        "load_assignment": { "cluster_name": name, "endpoints": [
            { "lb_endpoints": [{ "endpoint": { "address": address } }] }] },
        "typed_extension_protocol_options": { options: typed(options, http.clone()) },
    })
}

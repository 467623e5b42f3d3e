//! A complete configuration of an Envoy; `envoy/envoy.yaml` is the commented one.

use serde_json::{Value, json};

use super::filters::{chain, cluster, host_cluster, typed};
use super::{Arguments, Peer};
use crate::config::Config;

pub fn bootstrap(arguments: &Arguments, config: &Config, host: &Peer, rules: Value) -> Value {
    let http1 = json!({ "explicit_http_config": { "http_protocol_options": {} } });
    let http2 = json!({ "explicit_http_config": { "http2_protocol_options": {} } });
    json!({
        "admin": { "address": address(arguments.admin) },
        "static_resources": {
            "listeners": [listener(arguments, config, rules)],
            "clusters": [
                host_cluster(host),
                cluster("origin", &arguments.upstream, &http1),
                cluster("origin_h2", &arguments.upstream, &http2),
            ],
        },
    })
}

fn address(at: std::net::SocketAddr) -> Value {
    json!({ "socket_address": { "address": at.ip().to_string(), "port_value": at.port() } })
}

fn listener(arguments: &Arguments, config: &Config, rules: Value) -> Value {
    let mut filters = chain(config, &arguments.wasm, rules);
    let router = typed("envoy.extensions.filters.http.router.v3.Router", json!({}));
    filters.push(json!({ "name": "envoy.filters.http.router", "typed_config": router }));
    let log = typed(
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        json!({
            "log_format": { "text_format_source": { "inline_string": LOG_LINE } },
        }),
    );
    let manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "http",
            "codec_type": "AUTO",
            "http2_protocol_options": {
                "initial_stream_window_size": config.ext_proc.response_buffer_bytes.max(65_535),
                "initial_connection_window_size":
                    config.ext_proc.response_buffer_bytes.max(16_777_216),
            },
            // The filter and Envoy's routes see the path that a Worker sees.
            "normalize_path": true,
            "merge_slashes": false,
            "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
            "use_remote_address": true,
            "generate_request_id": true,
            "upgrade_configs": [{ "upgrade_type": "websocket" }],
            "stream_idle_timeout": "300s",
            "access_log": [{ "name": "envoy.access_loggers.stdout", "typed_config": log }],
            "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
                { "name": "grpc", "match": { "prefix": "/", "grpc": {} },
                  "route": { "cluster": "origin_h2", "timeout": "0s" } },
                { "name": "default", "match": { "prefix": "/" },
                  "route": { "cluster": "origin", "timeout": "60s" } },
            ] }] },
            "http_filters": filters,
        }),
    );
    json!({
        "name": "http",
        "address": address(arguments.listen),
        "per_connection_buffer_limit_bytes": config.ext_proc.response_buffer_bytes,
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }] }],
    })
}

const LOG_LINE: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% \
    %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% \
    %BYTES_SENT% %DURATION% \"%REQ(:AUTHORITY)%\" %REQ(X-REQUEST-ID)% \
    worker=%FILTER_STATE(wasm.nano_worker:PLAIN)% answer=%FILTER_STATE(wasm.nano_answer:PLAIN)%\n";

//! An Envoy configuration for tests: one listener for each way to configure the body modes, all
//! in front of the same runtime host and origin. (What users copy is `envoy/envoy.yaml`; the
//! examples are tested with that one.)

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::sockets;

/// How a listener's `ext_proc` filter is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Bodies NONE, overridden when JavaScript touches one: what `envoy.yaml` has.
    Lazy,
    Streamed,
    Buffered,
    BufferedPartial,
    FullDuplex,
    /// Bodies NONE and `allow_mode_override: false`: a Worker can't have a body.
    Fixed,
    Observability,
}

impl Mode {
    pub const ALL: [Self; 7] = [
        Self::Lazy,
        Self::Streamed,
        Self::Buffered,
        Self::BufferedPartial,
        Self::FullDuplex,
        Self::Fixed,
        Self::Observability,
    ];

    /// Those in which a Worker works fully with bodies of a moderate size.
    pub const WITH_BODIES: [Self; 5] =
        [Self::Lazy, Self::Streamed, Self::Buffered, Self::BufferedPartial, Self::FullDuplex];

    pub fn name(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Streamed => "streamed",
            Self::Buffered => "buffered",
            Self::BufferedPartial => "buffered-partial",
            Self::FullDuplex => "full-duplex",
            Self::Fixed => "fixed",
            Self::Observability => "observability",
        }
    }

    fn body_mode(self) -> &'static str {
        match self {
            Self::Lazy | Self::Fixed => "NONE",
            Self::Streamed | Self::Observability => "STREAMED",
            Self::Buffered => "BUFFERED",
            Self::BufferedPartial => "BUFFERED_PARTIAL",
            Self::FullDuplex => "FULL_DUPLEX_STREAMED",
        }
    }

    fn trailer_mode(self) -> &'static str {
        match self {
            Self::Lazy | Self::Fixed | Self::Buffered | Self::BufferedPartial => "SKIP",
            Self::FullDuplex | Self::Streamed | Self::Observability => "SEND",
        }
    }
}

/// Where the runtime host listens.
#[derive(Clone, Debug)]
pub enum HostAddress {
    Tcp(SocketAddr),
    Unix(std::path::PathBuf),
}

/// The largest body that a listener buffers, what a connection to the origin buffers, and the window
/// of an HTTP/2 stream on either, in bytes.
pub const BUFFER_LIMIT_BYTES: u64 = 1 << 20;

/// What the runtime host may send ahead on one stream.
pub const HOST_WINDOW_BYTES: u64 = 256 * 1024;

/// The whole configuration, as JSON (which Envoy reads as well as YAML).
pub fn config(
    admin: SocketAddr,
    listeners: &[(Mode, SocketAddr)],
    host: &HostAddress,
    origin: SocketAddr,
) -> Value {
    // Nothing listens on port 1 of the loopback address.
    let dead = SocketAddr::from(([127, 0, 0, 1], 1));
    let nowhere = HostAddress::Tcp(dead);
    json!({
        "admin": { "address": address(admin) },
        "static_resources": {
            "listeners": listeners.iter().map(|(mode, at)| listener(*mode, *at)).collect::<Vec<_>>(),
            "clusters": [
                host_cluster("nano_host", host),
                host_cluster("no_host", &nowhere),
                origin_cluster("origin", origin),
                origin_cluster("other", origin),
                origin_cluster("dead", dead),
            ],
        },
    })
}

fn address(at: SocketAddr) -> Value {
    json!({ "socket_address": { "address": at.ip().to_string(), "port_value": at.port() } })
}

fn typed(kind: &str, mut fields: Value) -> Value {
    fields["@type"] = format!("type.googleapis.com/envoy.{kind}").into();
    fields
}

fn listener(mode: Mode, at: SocketAddr) -> Value {
    let manager = typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": mode.name(),
            "codec_type": "AUTO",
            "http_protocol_options": { "enable_trailers": true },
            "http2_protocol_options": windows(),
            "upgrade_configs": [{ "upgrade_type": "websocket" }],
            "use_remote_address": true,
            "preserve_external_request_id": true,
            "request_timeout": "60s",
            "access_log": [{ "name": "envoy.access_loggers.stdout", "typed_config": access_log() }],
            "route_config": { "virtual_hosts": virtual_hosts(), "validate_clusters": false },
            "http_filters": [
                { "name": "envoy.filters.http.set_filter_state", "typed_config": set_filter_state() },
                { "name": "envoy.filters.http.ext_proc", "typed_config": ext_proc(mode) },
                { "name": "envoy.filters.http.router", "typed_config": typed(
                    "extensions.filters.http.router.v3.Router", json!({})) },
            ],
        }),
    );
    json!({
        "name": mode.name(),
        "address": address(at),
        "per_connection_buffer_limit_bytes": BUFFER_LIMIT_BYTES,
        "socket_options": sockets::envoy_options(),
        "filter_chains": [{ "name": mode.name(), "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }] }],
    })
}

/// Lines that tell why Envoy answered as it did, for failed tests.
fn access_log() -> Value {
    let line = "%START_TIME% %FILTER_CHAIN_NAME% %PROTOCOL% %REQ(:METHOD)% %REQ(:PATH)% \
                do=%REQ(x-do)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% \
                in=%BYTES_RECEIVED% out=%BYTES_SENT% ms=%DURATION% id=%REQ(x-request-id)%\n";
    typed(
        "extensions.access_loggers.stream.v3.StdoutAccessLog",
        json!({ "log_format": { "text_format_source": { "inline_string": line } } }),
    )
}

/// The header `x-test-state` becomes the filter state `wasm.nano_worker`, as a filter that
/// chooses Workers would set it.
fn set_filter_state() -> Value {
    typed(
        "extensions.filters.http.set_filter_state.v3.Config",
        json!({ "on_request_headers": [{
            "object_key": "wasm.nano_worker",
            "factory_key": "envoy.string",
            "format_string": { "text_format_source": { "inline_string": "%REQ(x-test-state)%" },
                               "omit_empty_values": true },
            "skip_if_empty": true,
        }] }),
    )
}

fn ext_proc(mode: Mode) -> Value {
    let (body, trailers) = (mode.body_mode(), mode.trailer_mode());
    let overrides = if mode == Mode::Lazy { "on" } else { "off" };
    let mut filter = typed(
        "extensions.filters.http.ext_proc.v3.ExternalProcessor",
        json!({
            "grpc_service": {
                "envoy_grpc": { "cluster_name": "nano_host" },
                "timeout": "0s",
                "initial_metadata": [
                    { "key": "x-nano-worker", "value": "%REQ(x-test-worker)%" },
                    // The runtime host can't see `allow_mode_override`; this says it is off.
                    { "key": "x-nano-mode-override", "value": overrides },
                ],
            },
            "processing_mode": {
                "request_header_mode": "SEND", "response_header_mode": "SEND",
                "request_body_mode": body, "response_body_mode": body,
                "request_trailer_mode": trailers, "response_trailer_mode": trailers,
            },
            "allow_mode_override": mode == Mode::Lazy,
            // As in envoy.yaml, and as users of other modes may have left it out.
            "allow_content_length_header": mode == Mode::Lazy,
            "observability_mode": mode == Mode::Observability,
            // As in envoy.yaml: a built-in function that nothing interrupts may take a slow machine 20 s.
            "message_timeout": "60s",
            "max_message_timeout": "600s",
            "mutation_rules": { "allow_all_routing": true },
            "metadata_options": { "receiving_namespaces": { "untyped": ["nano"] } },
            "request_attributes": [
                "filter_state['wasm.nano_worker']",
                "xds.route_metadata.filter_metadata['nano'].worker",
                "xds.route_metadata.filter_metadata['nano'].failure_mode",
                "xds.route_name", "xds.cluster_name", "xds.virtual_host_name",
                "source.address", "source.port", "destination.address", "destination.port",
                "request.protocol", "connection.mtls", "connection.tls_version",
            ],
        }),
    );
    if mode == Mode::Observability {
        filter["deferred_close_timeout"] = "1s".into();
    }
    filter
}

/// Hosts with a special treatment, then everything else.
fn virtual_hosts() -> Value {
    let to = |cluster: &str| {
        json!({ "match": { "prefix": "/" }, "name": cluster,
                "route": { "cluster": cluster, "timeout": "60s" } })
    };
    let with_metadata = |name: &str, metadata: Value| {
        let mut route = to("origin");
        route["name"] = name.into();
        route["metadata"] = json!({ "filter_metadata": { "nano": metadata } });
        json!({ "name": name, "domains": [format!("{name}.test")], "routes": [route] })
    };
    let with_override = |name: &str, overrides: Value| {
        json!({ "name": name, "domains": [format!("{name}.test")], "routes": [to("origin")],
            "typed_per_filter_config": { "envoy.filters.http.ext_proc": typed(
                "extensions.filters.http.ext_proc.v3.ExtProcPerRoute",
                json!({ "overrides": overrides })) } })
    };
    let mut logged = to("origin");
    logged["response_headers_to_add"] =
        json!([{ "header": { "key": "x-metadata", "value": "%DYNAMIC_METADATA(nano:group)%" } }]);
    let no_host = json!({ "envoy_grpc": { "cluster_name": "no_host" } });
    json!([
        with_metadata("pinned", json!({ "worker": "whoami-b" })),
        with_metadata("missing-open", json!({ "worker": "no-such-worker", "failure_mode": "open" })),
        with_metadata("missing-closed",
            json!({ "worker": "no-such-worker", "failure_mode": "closed" })),
        with_override("gone-open",
            json!({ "grpc_service": no_host, "failure_mode_allow": true })),
        with_override("gone-closed",
            json!({ "grpc_service": no_host, "failure_mode_allow": false })),
        { "name": "metadata", "domains": ["metadata.test"], "routes": [logged] },
        { "name": "all", "domains": ["*"], "routes": [
            { "match": { "prefix": "/", "headers": [
                { "name": "x-cluster", "string_match": { "exact": "other" } }] },
              "name": "other",
              "response_headers_to_add": [{ "header": { "key": "x-cluster", "value": "other" } }],
              "route": { "cluster": "other", "timeout": "60s" } },
            { "match": { "prefix": "/dead" }, "name": "dead", "route": { "cluster": "dead" } },
            { "match": { "prefix": "/short" }, "name": "short",
              "route": { "cluster": "origin", "timeout": "0.5s", "prefix_rewrite": "/" } },
            { "match": { "prefix": "/nowhere" }, "name": "nowhere",
              "route": { "cluster": "no-such-cluster" } },
            to("origin"),
        ] },
    ])
}

fn host_cluster(name: &str, host: &HostAddress) -> Value {
    let endpoint = match host {
        HostAddress::Tcp(at) => address(*at),
        HostAddress::Unix(path) => json!({ "pipe": { "path": path } }),
    };
    cluster(
        name,
        &endpoint,
        &json!({ "explicit_http_config": { "http2_protocol_options": {
            "initial_stream_window_size": HOST_WINDOW_BYTES,
            "initial_connection_window_size": 16_777_216,
        } } }),
    )
}

/// Speaks the version that the client speaks, so that HTTP/2 and gRPC reach the origin as such.
fn origin_cluster(name: &str, origin: SocketAddr) -> Value {
    let mut cluster = cluster(
        name,
        &address(origin),
        &json!({ "use_downstream_protocol_config": {
            "http_protocol_options": { "enable_trailers": true },
            "http2_protocol_options": windows(),
        } }),
    );
    cluster["per_connection_buffer_limit_bytes"] = BUFFER_LIMIT_BYTES.into();
    cluster["upstream_bind_config"] = json!({
        "source_address": { "address": "127.0.0.1", "port_value": 0 },
        "socket_options": sockets::envoy_options(),
    });
    cluster
}

/// Envoy's defaults are so large that a slow stream starves the others of its connection, and
/// hide who slows whom. The stream's window is also what BUFFERED can hold over HTTP/2.
fn windows() -> Value {
    json!({
        "initial_stream_window_size": BUFFER_LIMIT_BYTES,
        "initial_connection_window_size": 16 * BUFFER_LIMIT_BYTES,
    })
}

fn cluster(name: &str, endpoint: &Value, http: &Value) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": { "cluster_name": name, "endpoints": [
            { "lb_endpoints": [{ "endpoint": { "address": endpoint } }] }] },
        "circuit_breakers": { "thresholds": [{
            "max_connections": 10_000, "max_pending_requests": 100_000, "max_requests": 100_000,
        }] },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions":
                typed("extensions.upstreams.http.v3.HttpProtocolOptions", http.clone()),
        },
    })
}

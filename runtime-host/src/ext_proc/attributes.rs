//! What Envoy says about a request beside its headers: attributes (CEL expressions of the
//! filter's `request_attributes`) and the gRPC stream's initial metadata.
//!
//! Envoy sends one flat struct under the filter's name; each key is the CEL expression exactly as
//! it was configured, and expressions without a value are left out (tried on 1.40).

use http::HeaderMap;
use serde_json::{Map, Number, Value as Json};

use super::proto::{AttributesEntry, ListValue, Struct, StructEntry, Value, value::Kind};
use crate::exchange::FailureMode;

/// The namespace of the dynamic metadata that Workers publish; Envoy takes it only if
/// `metadata_options.receiving_namespaces.untyped` lists it.
pub const METADATA_NAMESPACE: &str = "nano";

/// Expressions that name the Worker, first match wins.
const WORKER: [&str; 2] =
    ["filter_state['wasm.nano_worker']", "xds.route_metadata.filter_metadata['nano'].worker"];
/// Expressions that say what happens when it can't be run, first match wins.
const FAILURE_MODE: [&str; 2] = [
    "filter_state['wasm.nano_failure_mode']",
    "xds.route_metadata.filter_metadata['nano'].failure_mode",
];

/// gRPC initial metadata (`grpc_service.initial_metadata`).
const WORKER_METADATA: &str = "x-nano-worker";
const FAILURE_MODE_METADATA: &str = "x-nano-failure-mode";
const MODE_OVERRIDE_METADATA: &str = "x-nano-mode-override";

/// Names in `request.cf` of the attributes worth configuring; all others appear there under
/// `attributes`, by their expression.
const CF_NAMES: [(&str, &str); 19] = [
    ("filter_state['wasm.nano_version']", "workerVersion"),
    ("filter_state['wasm.nano_request_id']", "requestId"),
    ("source.address", "clientAddress"),
    ("source.port", "clientPort"),
    ("destination.address", "serverAddress"),
    ("destination.port", "serverPort"),
    ("connection.id", "connectionId"),
    ("connection.mtls", "mtls"),
    ("connection.tls_version", "tlsVersion"),
    ("connection.requested_server_name", "tlsServerName"),
    ("connection.subject_peer_certificate", "tlsClientSubject"),
    ("connection.sha256_peer_certificate_digest", "tlsClientFingerprint"),
    ("request.protocol", "httpProtocol"),
    ("request.time", "requestTime"),
    ("xds.route_name", "routeName"),
    ("xds.virtual_host_name", "virtualHostName"),
    ("xds.cluster_name", "clusterName"),
    ("xds.node.id", "proxyId"),
    ("xds.listener_direction", "listenerDirection"),
];

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub struct Facts {
    pub worker: Option<String>,
    pub failure_mode: Option<FailureMode>,
    pub cf: Map<String, Json>,
}

/// Reads the attributes of the first message, then the initial metadata for what they don't say.
pub fn facts(attributes: Vec<AttributesEntry>, metadata: &HeaderMap) -> Facts {
    let mut facts = Facts::default();
    let mut workers: [Option<String>; WORKER.len()] = Default::default();
    let mut modes = [None; FAILURE_MODE.len()];
    let mut others = Map::new();
    for field in attributes.into_iter().filter_map(|entry| entry.value).flat_map(|v| v.fields) {
        let expression = String::from_utf8_lossy(&field.key).replace('"', "'");
        let value = json(field.value.unwrap_or_default());
        if let Some(at) = WORKER.iter().position(|name| *name == expression) {
            workers[at] = text(value);
        } else if let Some(at) = FAILURE_MODE.iter().position(|name| *name == expression) {
            modes[at] = text(value).and_then(|mode| failure_mode(&mode));
        } else if let Some((_, name)) = CF_NAMES.iter().find(|(name, _)| *name == expression) {
            facts.cf.insert((*name).to_owned(), value);
        } else {
            others.insert(expression, value);
        }
    }
    if !others.is_empty() {
        facts.cf.insert("attributes".to_owned(), Json::Object(others));
    }
    let [first, second] = workers;
    facts.worker = first.or(second).or_else(|| metadata_text(metadata, WORKER_METADATA));
    let [first, second] = modes;
    facts.failure_mode = first.or(second).or_else(|| {
        metadata_text(metadata, FAILURE_MODE_METADATA).and_then(|mode| failure_mode(&mode))
    });
    facts
}

/// Whether this stream's initial metadata turns mode overrides off (an older Envoy).
pub fn overrides_off(metadata: &HeaderMap) -> bool {
    metadata.get(MODE_OVERRIDE_METADATA).is_some_and(|value| value.as_bytes() == b"off")
}

/// Empty values don't choose anything: `%REQ(x-tenant)%` of an absent header is empty or "-".
fn metadata_text(metadata: &HeaderMap, name: &str) -> Option<String> {
    let value = metadata.get(name)?.to_str().ok()?;
    (!value.is_empty() && value != "-").then(|| value.to_owned())
}

fn text(value: Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn failure_mode(text: &str) -> Option<FailureMode> {
    match text {
        "open" => Some(FailureMode::Open),
        "closed" => Some(FailureMode::Closed),
        other => {
            tracing::warn!(value = other, "unknown failure mode: use \"open\" or \"closed\"");
            None
        }
    }
}

fn json(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::Null(_)) => Json::Null,
        Some(Kind::Number(number)) => Number::from_f64(number).map_or(Json::Null, whole_number),
        Some(Kind::String(bytes)) => Json::String(String::from_utf8_lossy(&bytes).into_owned()),
        Some(Kind::Bool(flag)) => Json::Bool(flag),
        Some(Kind::List(list)) => list.values.into_iter().map(json).collect(),
        Some(Kind::Struct(object)) => object
            .fields
            .into_iter()
            .map(|field| {
                let key = String::from_utf8_lossy(&field.key).into_owned();
                (key, json(field.value.unwrap_or_default()))
            })
            .collect::<Map<_, _>>()
            .into(),
    }
}

/// Ports and the like are doubles on the wire; JavaScript prints both alike, logs do not.
fn whole_number(number: Number) -> Json {
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Json::from(float as i64),
        _ => Json::Number(number),
    }
}

/// A Worker's values as Envoy dynamic metadata in [`METADATA_NAMESPACE`].
pub(super) fn dynamic_metadata(values: Map<String, Json>) -> Struct {
    let object = Value { kind: Some(Kind::Struct(object(values))) };
    Struct { fields: vec![StructEntry { key: METADATA_NAMESPACE.into(), value: Some(object) }] }
}

fn object(values: Map<String, Json>) -> Struct {
    let fields = values
        .into_iter()
        .map(|(key, value)| StructEntry { key: key.into(), value: Some(protobuf(value)) });
    Struct { fields: fields.collect() }
}

fn protobuf(value: Json) -> Value {
    let kind = match value {
        Json::Null => Kind::Null(0),
        Json::Bool(flag) => Kind::Bool(flag),
        Json::Number(number) => Kind::Number(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::String(text.into()),
        Json::Array(values) => {
            Kind::List(ListValue { values: values.into_iter().map(protobuf).collect() })
        }
        Json::Object(values) => Kind::Struct(object(values)),
    };
    Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(fields: &[(&'static str, Json)]) -> Vec<AttributesEntry> {
        let fields = fields.iter().map(|(key, value)| StructEntry {
            key: (*key).into(),
            value: Some(protobuf(value.clone())),
        });
        let value = Some(Struct { fields: fields.collect() });
        vec![AttributesEntry { key: "envoy.filters.http.ext_proc".into(), value }]
    }

    fn metadata(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>()
    }

    #[test]
    fn the_most_specific_choice_of_a_worker_wins() {
        let state = ("filter_state['wasm.nano_worker']", Json::from("state"));
        let route = ("xds.route_metadata.filter_metadata[\"nano\"].worker", Json::from("route"));
        let initial = metadata(&[("x-nano-worker", "initial")]);
        let worker = |fields: &[_]| facts(attributes(fields), &initial).worker.unwrap();
        assert_eq!(worker(&[route.clone(), state]), "state");
        assert_eq!(worker(&[route]), "route");
        assert_eq!(worker(&[]), "initial");
        for empty in ["", "-"] {
            let fields = metadata(&[("x-nano-worker", empty)]);
            assert_eq!(facts(Vec::new(), &fields).worker, None);
        }
    }

    #[test]
    fn the_route_says_what_happens_on_failure() {
        let initial = metadata(&[("x-nano-failure-mode", "closed")]);
        let mode = |value: &str| facts(attributes(&[(FAILURE_MODE[1], value.into())]), &initial);
        let both = [(FAILURE_MODE[1], "closed".into()), (FAILURE_MODE[0], "open".into())];
        assert_eq!(facts(attributes(&both), &initial).failure_mode, Some(FailureMode::Open));
        assert_eq!(mode("open").failure_mode, Some(FailureMode::Open));
        assert_eq!(mode("nonsense").failure_mode, Some(FailureMode::Closed));
        assert_eq!(facts(Vec::new(), &HeaderMap::new()).failure_mode, None);
    }

    #[test]
    fn attributes_become_cf() {
        let fields = [
            ("source.address", Json::from("192.0.2.1:4711")),
            ("source.port", Json::from(4711)),
            ("connection.mtls", Json::from(false)),
            ("request.headers['x-tenant']", Json::from("a")),
        ];
        let cf = facts(attributes(&fields), &HeaderMap::new()).cf;
        let expected = serde_json::json!({
            "clientAddress": "192.0.2.1:4711",
            "clientPort": 4711,
            "mtls": false,
            "attributes": { "request.headers['x-tenant']": "a" },
        });
        assert_eq!(Json::Object(cf), expected);
    }

    #[test]
    fn values_survive_the_way_to_envoy_and_back() {
        let values = serde_json::json!({
            "null": null, "whole": 3, "part": 0.5, "text": "ä", "list": [true, {"deep": 1}],
        });
        let sent = dynamic_metadata(values.as_object().unwrap().clone());
        assert_eq!(sent.fields[0].key, METADATA_NAMESPACE);
        assert_eq!(json(sent.fields[0].value.clone().unwrap()), values);
    }
}

//! Manifests for the two control planes that run Envoy in Kubernetes.

use serde_json::{Map, Value, json};

use super::filters::{ATTRIBUTES, EXT_PROC, ext_procs, host_cluster, seconds};
use super::{Arguments, Peer};
use crate::config::Config;

fn metadata(arguments: &Arguments, suffix: &str) -> Value {
    json!({ "name": format!("{}{suffix}", arguments.name), "namespace": arguments.namespace })
}

/// A `WasmPlugin` for the filter, and an `EnvoyFilter` that puts `ext_proc` between it and the
/// router, since Istio has no resource for that.
pub fn istio(
    arguments: &Arguments,
    config: &Config,
    host: &Peer,
    rules: &Value,
) -> Result<Vec<Value>, String> {
    if let Peer::Unix(path) = host {
        return Err(format!(
            "the proxies of Istio can't reach unix:{path}: name the runtime host's service with \
             --host nano-host.{}.svc.cluster.local:9000",
            arguments.namespace
        ));
    }
    let labels: Map<String, Value> =
        arguments.selector.iter().map(|label| (label.0.clone(), label.1.clone().into())).collect();
    let url = match arguments.wasm.split_once("://") {
        Some(_) => arguments.wasm.clone(),
        None => format!("file://{}", arguments.wasm),
    };
    let mut plugin = json!({
        "selector": { "matchLabels": labels },
        "url": url,
        "pluginName": "nano",
        "failStrategy": "FAIL_RELOAD",
        "pluginConfig": rules,
    });
    if let Some(sum) = &arguments.wasm_sha256 {
        plugin["sha256"] = sum.clone().into();
    }
    let mut patches = vec![json!({
        "applyTo": "CLUSTER",
        "match": { "context": "ANY" },
        "patch": { "operation": "ADD", "value": host_cluster(host) },
    })];
    // Each is put right before the router, so after those put there earlier.
    for filter in ext_procs(config, rules) {
        patches.push(json!({
            "applyTo": "HTTP_FILTER",
            "match": { "context": "ANY", "listener": { "filterChain": { "filter": {
                "name": "envoy.filters.network.http_connection_manager",
                "subFilter": { "name": "envoy.filters.http.router" },
            } } } },
            "patch": { "operation": "INSERT_BEFORE", "value": filter },
        }));
    }
    Ok(vec![
        json!({
            "apiVersion": "extensions.istio.io/v1alpha1",
            "kind": "WasmPlugin",
            "metadata": metadata(arguments, "-filter"),
            "spec": plugin,
        }),
        json!({
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "EnvoyFilter",
            "metadata": metadata(arguments, "-ext-proc"),
            "spec": { "workloadSelector": { "labels": labels }, "configPatches": patches },
        }),
    ])
}

/// An `EnvoyExtensionPolicy` with both filters, and an `EnvoyProxy` that puts the Wasm filter first:
/// Envoy Gateway's own order is the reverse. There, `ext_proc` can't be left out for a request, so
/// every request of the target has one message to the runtime host.
pub fn gateway(
    arguments: &Arguments,
    config: &Config,
    host: &Peer,
    rules: &Value,
) -> Result<Vec<Value>, String> {
    let Peer::Host(host, port) = host else {
        return Err("Envoy Gateway needs a service as backend: use --host SERVICE:9000".to_owned());
    };
    let mut code = match arguments.wasm.split_once("://") {
        Some(("oci", image)) => json!({ "type": "Image", "image": { "url": image } }),
        Some(("http" | "https", _)) => {
            json!({ "type": "HTTP", "http": { "url": arguments.wasm } })
        }
        _ => {
            return Err(format!(
                "Envoy Gateway fetches the filter itself: use --wasm with an oci:// or https:// URL, \
                 not {}",
                arguments.wasm
            ));
        }
    };
    if let Some(sum) = &arguments.wasm_sha256 {
        let source = if code["type"] == "Image" { "image" } else { "http" };
        code[source]["sha256"] = sum.clone().into();
    }
    // SERVICE.NAMESPACE.svc…: a backend is named by its parts.
    let mut parts = host.split('.');
    let service = parts.next().unwrap_or_default();
    let namespace = parts.next().unwrap_or(&arguments.namespace);
    let open = rules["workers"]
        .as_object()
        .is_some_and(|all| !all.is_empty() && all.values().all(|w| w["failure_mode"] == "open"));
    // Its API takes these alone, and so not the filter's choice.
    let known = |name: &&str| {
        let allowed = ["connection.", "source.", "destination.", "request.", "xds.route_"];
        let rest = allowed.iter().find_map(|prefix| name.strip_prefix(prefix));
        rest.is_some_and(|rest| rest.bytes().all(|b| matches!(b, b'a'..=b'z' | b'_' | b'1'..=b'9')))
    };
    let attributes: Vec<_> = ATTRIBUTES.into_iter().filter(known).collect();
    let timeout = 60_000.max(config.limits.wall_ms + config.limits.queue_ms + 1_000);
    let policy = json!({
        "targetRefs": [{
            "group": "gateway.networking.k8s.io",
            "kind": arguments.target.0,
            "name": arguments.target.1,
        }],
        "wasm": [{
            "name": "nano", "rootID": "nano", "failOpen": false, "code": code, "config": rules,
        }],
        "extProc": [{
            "backendRefs": [{ "name": service, "namespace": namespace, "port": port }],
            "messageTimeout": seconds(timeout),
            "failOpen": open,
            "processingMode": {
                "allowModeOverride": config.ext_proc.mode_override,
                "request": { "attributes": attributes },
                "response": {},
            },
            "metadata": { "writableNamespaces": ["nano"] },
        }],
    });
    Ok(vec![
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyProxy",
            "metadata": metadata(arguments, ""),
            "spec": { "filterOrder": [
                { "name": "envoy.filters.http.wasm", "before": EXT_PROC },
            ] },
        }),
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyExtensionPolicy",
            "metadata": metadata(arguments, ""),
            "spec": policy,
        }),
    ])
}

//! Keys of wrangler's schema that the host does not act upon, and what it says about them.

use crate::config::document::Entry;
use crate::config::reader::{Reader, Section};

/// They steer deployment, wrangler's own development server or the build, and change nothing of
/// what a Worker does here.
const IGNORED: &[&str] = &[
    "$schema",
    "account_id",
    "compliance_region",
    "configPath",
    "definedEnvironments",
    "dependencies_instrumentation",
    "dev",
    "first_party_worker",
    "jsx_factory",
    "jsx_fragment",
    "keep_names",
    "keep_vars",
    "legacy_env",
    "logpush",
    "minify",
    "observability",
    "placement",
    "pages_build_output_dir",
    "preserve_file_names",
    "preview_urls",
    "previews",
    "send_metrics",
    "targetEnvironment",
    "topLevelName",
    "tsconfig",
    "type",
    "upload_source_maps",
    "usage_model",
    "userConfigPath",
    "workers_dev",
    "zone_id",
];

/// Known to wrangler and missing here, with what that means for the Worker.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("alias", "imports are not renamed: bundle the Worker with wrangler or esbuild"),
    ("build", "the command is not run: run it before, and name its output as main"),
    ("define", "names are not replaced: bundle the Worker with wrangler or esbuild"),
    ("logfwdr", "nothing is forwarded"),
    ("migrations", "there are no Durable Objects"),
    ("python_modules", "Python does not run here"),
    ("site", "files are not served"),
    ("streaming_tail_consumers", "no tail events are sent"),
    ("tail_consumers", "no tail events are sent"),
    ("triggers", "the scheduled handler is never called"),
];

/// Bindings, which would be properties of `env`.
const BINDINGS: &[&str] = &[
    "agent_memory",
    "ai",
    "ai_search",
    "ai_search_namespaces",
    "analytics_engine_datasets",
    "artifacts",
    "assets",
    "browser",
    "cloudchamber",
    "containers",
    "d1_databases",
    "data_blobs",
    "dispatch_namespaces",
    "durable_objects",
    "flagship",
    "hyperdrive",
    "images",
    "kv_namespaces",
    "media",
    "mtls_certificates",
    "pipelines",
    "queues",
    "r2_buckets",
    "ratelimits",
    "secrets",
    "secrets_store_secrets",
    "send_email",
    "services",
    "stream",
    "text_blobs",
    "unsafe",
    "unsafe_hello_world",
    "vectorize",
    "version_metadata",
    "vpc_networks",
    "vpc_services",
    "wasm_modules",
    "websearch",
    "worker_loaders",
    "workflows",
];

/// Takes the keys above out of a section, with a warning for those that a Worker may miss. What is
/// left then is unknown.
pub fn take_known(reader: &Reader<'_>, section: &Section<'_>) {
    for key in IGNORED {
        section.entry(key);
    }
    for (key, meaning) in UNSUPPORTED {
        if let Some(entry) = section.entry(key) {
            reader.key_warning(entry, format!("`{key}` is not supported: {meaning}"));
        }
    }
    for key in BINDINGS {
        if let Some(entry) = section.entry(key) {
            reader.key_warning(entry, binding_message(key, entry));
        }
    }
}

/// Names the bindings where the entry shows them.
fn binding_message(key: &str, entry: &Entry) -> String {
    let mut names = Vec::new();
    collect_names(&entry.node.to_json(), &mut names);
    let missing = match names.as_slice() {
        [] => "its bindings are missing from env".to_owned(),
        names => format!("env has no {}", names.join(", ")),
    };
    format!("`{key}` is not supported yet: {missing}")
}

/// wrangler names a binding in `binding` or, for some kinds, in `name`.
fn collect_names(value: &serde_json::Value, names: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(items) => {
            for item in items {
                collect_names(item, names);
            }
        }
        serde_json::Value::Object(object) => {
            match object.get("binding").or_else(|| object.get("name")) {
                Some(serde_json::Value::String(name)) => names.push(name.clone()),
                _ => object
                    .values()
                    .filter(|value| value.is_array())
                    .for_each(|value| collect_names(value, names)),
            }
        }
        _ => {}
    }
}

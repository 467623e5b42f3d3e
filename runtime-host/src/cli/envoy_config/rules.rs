//! The filter's configuration: `[filter]` of `nano.toml`, and what the Workers' own settings add.

use std::path::Path;

use nano_routing::Pattern;
use nano_routing::filter::{Problem, Rules, Step};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::config::document::{Node, Value as Written};
use crate::config::reader::read_text;
use crate::diagnostic::{Diagnostic, SourceText};
use crate::exchange::FailureMode;
use crate::worker::Bundle;

/// The whole configuration. The operator's routes come first: for a pattern that both have, the
/// operator's is tried first, and a Worker's own is left out where it would never be reached.
pub fn of(config: &Config, bundles: &[Bundle]) -> Value {
    let mut rules = match config.filter.as_ref().map(Node::to_json) {
        Some(Value::Object(rules)) => rules,
        _ => Map::new(),
    };
    let mut workers = object(&mut rules, "workers");
    let mut tenants = object(&mut rules, "tenants");
    let mut routes = match rules.shift_remove("routes") {
        Some(Value::Array(routes)) => routes,
        None => Vec::new(),
        // Something else: kept, so that it is reported.
        Some(other) => {
            rules.insert("routes".into(), other);
            Vec::new()
        }
    };
    let mut taken: Vec<Pattern> = routes.iter().filter_map(unconditional).collect();
    for bundle in bundles {
        add_worker(bundle, &mut workers, &mut tenants);
        for text in &bundle.settings.routes {
            let Ok(pattern) = Pattern::parse(text) else { continue };
            if !taken.contains(&pattern) {
                taken.push(pattern);
                routes.push(json!({ "pattern": text, "worker": bundle.name }));
            }
        }
    }
    if let (Some(default), false) = (&config.workers.default, rules.contains_key("default")) {
        rules.insert("default".into(), default.clone().into());
    }
    for (key, map) in [("workers", workers), ("tenants", tenants)] {
        if !map.is_empty() {
            rules.insert(key.into(), map.into());
        }
    }
    if !routes.is_empty() {
        rules.insert("routes".into(), routes.into());
    }
    rules.into()
}

/// Takes an object out; anything else stays, to be reported.
fn object(rules: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match rules.shift_remove(key) {
        Some(Value::Object(map)) => map,
        Some(other) => {
            rules.insert(key.into(), other);
            Map::new()
        }
        None => Map::new(),
    }
}

/// The pattern of a route that takes all its requests.
fn unconditional(route: &Value) -> Option<Pattern> {
    let some = |key| route.get(key).and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    if some("methods") || some("headers") {
        return None;
    }
    Pattern::parse(route.get("pattern")?.as_str()?).ok()
}

fn add_worker(bundle: &Bundle, workers: &mut Map<String, Value>, tenants: &mut Map<String, Value>) {
    let entry = workers.entry(bundle.name.clone()).or_insert_with(|| json!({}));
    let Value::Object(worker) = entry else { return };
    let settings = &bundle.settings;
    let mode = match settings.failure_mode {
        FailureMode::Open => "open",
        FailureMode::Closed => "closed",
    };
    worker.entry("version").or_insert_with(|| bundle.version.clone().into());
    worker.entry("failure_mode").or_insert_with(|| mode.into());
    let limits = &settings.limits;
    if limits.requests_per_second > 0 && !worker.contains_key("tenant") {
        worker.insert("tenant".into(), bundle.name.clone().into());
        let burst = match limits.request_burst {
            0 => limits.requests_per_second,
            burst => burst,
        };
        tenants.entry(bundle.name.clone()).or_insert_with(
            || json!({ "requests_per_second": limits.requests_per_second, "burst": burst }),
        );
    }
}

/// What is wrong with the rules, at the place in `nano.toml` that it comes from.
pub fn problems(config: &Config, rules: &Value) -> Vec<Diagnostic> {
    let Err(problems) = Rules::read(rules) else { return Vec::new() };
    let file = config.file.as_deref().unwrap_or(Path::new("nano.toml"));
    let text = read_text(file).unwrap_or_default();
    let source = SourceText { file, text: &text };
    problems.into_iter().map(|problem| diagnostic(config, source, &problem)).collect()
}

fn diagnostic(config: &Config, source: SourceText<'_>, problem: &Problem) -> Diagnostic {
    let message = format!("[filter] {problem}");
    let place = config.filter.as_ref().and_then(|node| place(node, &problem.path));
    match place {
        Some((start, end)) => source.error(start, end, message),
        None => Diagnostic::error(source.file, message),
    }
}

/// The bytes of the value, of the nearest one around it that is in the file, or of a table's key.
fn place(filter: &Node, path: &[Step]) -> Option<(usize, usize)> {
    let mut node = filter;
    let mut found = None;
    for step in path {
        match (step, &node.value) {
            (Step::Key(key), Written::Table(table)) => {
                let Some(entry) = table.get(key) else { break };
                node = &entry.node;
                found = Some(match node.value {
                    Written::Table(_) => (entry.key_start, entry.key_end),
                    _ => (node.start, node.end),
                });
            }
            (Step::Index(index), Written::Array(items)) => {
                let Some(item) = items.get(*index) else { break };
                node = item;
                found = Some((node.start, node.end));
            }
            _ => break,
        }
    }
    found
}

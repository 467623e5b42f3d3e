//! Scenarios with many Workers: generated ones, each with a host of its own.

use std::time::Duration;

use nano_tests::{Error, Result};
use tempfile::TempDir;

use super::Setting;
use crate::hono::Bundle;
use crate::load::{Exchange, each_once};
use crate::outcome::Outcome;
use crate::servers::{Worker, write};
use crate::stack::{Plan, Stack};
use crate::statistics::{Figure, Percentiles};
use crate::text::add;
use crate::usage;
use crate::variant::Variant::{self, Nano, Workerd};

/// Directories of generated Workers; removed when dropped.
#[derive(Debug)]
pub struct Many {
    pub workers: Vec<Worker>,
    _directory: TempDir,
}

impl Many {
    /// `count` Workers with the same script; requests for `PREFIX-N.test` are the Nth's.
    pub fn make(prefix: &str, count: usize, script: &str) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("nano-bench-many-")
            .tempdir()
            .map_err(Error::during("no temporary directory"))?;
        let mut workers = Vec::with_capacity(count);
        for number in 0..count {
            let name = format!("{prefix}-{number}");
            let own = directory.path().join(&name);
            std::fs::create_dir(&own)
                .map_err(Error::during(format!("can't create {}", own.display())))?;
            write(&own.join("worker.js"), script)?;
            let wrangler = format!(
                "name = \"{name}\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n\
                 routes = [\"{name}.test/*\"]\n"
            );
            write(&own.join("wrangler.toml"), &wrangler)?;
            workers.push(Worker { name, directory: own, vars: Vec::new() });
        }
        Ok(Self { workers, _directory: directory })
    }

    pub fn host(&self, number: usize) -> String {
        format!("{}.test", self.workers[number].name)
    }

    pub fn plan(&self, variants: &[Variant]) -> Plan {
        Plan { workers: self.workers.clone(), ..Plan::new(variants, self.workers[0].clone()) }
    }
}

/// A Worker of about 1 KB that answers by itself.
pub fn small_script() -> String {
    let comment = "// Text as long as a small Worker is, so that there is something to parse.\n";
    format!(
        "{}export default {{\n  fetch(request) {{\n    return new Response(\"hello\\n\", \
         {{ headers: {{ \"content-type\": \"text/plain\" }} }});\n  }},\n}};\n",
        comment.repeat(12)
    )
}

/// What [`small_script`] and [`large_script`] answer.
pub fn hello(host: &str) -> Exchange {
    Exchange::get(host, "/", &[]).header("content-type", "text/plain").body("hello\n")
}

/// The same Worker with about 1 MB of functions around it, as bundles have them.
fn large_script() -> String {
    let mut script = String::new();
    let mut number = 0;
    while script.len() < 1_000_000 {
        add(
            &mut script,
            format_args!(
                "export function part{number}(value, options = {{}}) {{\n  \
                 const scale = options.scale ?? {number};\n  \
                 if (typeof value !== \"number\") throw new TypeError(`part{number}: ${{value}}`);\n  \
                 return {{ name: \"part{number}\", total: value * scale + {number} }};\n}}\n"
            ),
        );
        number += 1;
    }
    script + &small_script()
}

/// Makes the request for a host, and what must come back.
type Asking = fn(&str) -> Exchange;

fn hono(host: &str) -> Exchange {
    Exchange::get(host, "/users/17", &[])
        .header("x-app", "hono")
        .body(r#"{"resource":"users","id":"17"}"#)
}

/// `cold-start`: the first request to each of many Workers that were never used. workerd has a
/// socket per Worker, so Envoy connects to it within that first request.
pub fn cold_start(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let count = if setting.quick { 16 } else { 50 };
    let bundle = Bundle::make()?;
    let sizes: [(&str, String, Asking); 3] = [
        ("1kb", small_script(), hello),
        ("hono", bundle.script()?, hono),
        ("1mb", large_script(), hello),
    ];
    let mut outcome = Outcome::default();
    for (size, script, exchange) in sizes {
        let many = Many::make("cold", count + 1, &script)?;
        let exchanges: Vec<Exchange> =
            (0..=count).map(|number| exchange(&many.host(number))).collect();
        let mut medians = [0.0; 2];
        for (at, variant) in [Nano, Workerd].into_iter().enumerate() {
            let stack = Stack::start(&many.plan(&[variant]), &setting.cpus)?;
            let latencies = each_once(stack.address(variant)?, &exchanges)
                .map_err(|error| Error::new(format!("{} {size}: {error}", variant.name())))?;
            // The first one opens Envoy's connections and warms what all Workers share.
            let percentiles = Percentiles::of(latencies[1..].to_vec());
            medians[at] = percentiles.p50;
            let key = format!("{name}/{}_{size}", variant.name());
            outcome.figures.insert(format!("{key}_p50_ms"), percentiles.p50);
            outcome.figures.insert(format!("{key}_p99_ms"), percentiles.p99);
            let start = stack.start_up(variant).unwrap_or_default().as_secs_f64() * 1e3;
            outcome
                .figures
                .insert(format!("{key}_start_up_ms_per_worker"), start / (count + 1) as f64);
        }
        let ratio = Figure::of(vec![medians[0] / medians[1]]);
        outcome.ratios.insert(format!("{name}/workerd/{size}"), ratio);
    }
    Ok(outcome)
}

/// `density`: anonymous memory that each further Worker takes, started and idle, after one request.
pub fn density(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let count = if setting.quick { 100 } else { 500 };
    let mut outcome = Outcome::default();
    let mut per_worker = [0.0; 2];
    for (at, variant) in [Nano, Workerd].into_iter().enumerate() {
        let mut anonymous = [0.0; 2];
        for (step, workers) in [1, count].into_iter().enumerate() {
            let many = Many::make("dense", workers, &small_script())?;
            let exchanges: Vec<Exchange> =
                (0..workers).map(|number| hello(&many.host(number))).collect();
            let stack = Stack::start(&many.plan(&[variant]), &setting.cpus)?;
            each_once(stack.address(variant)?, &exchanges)
                .map_err(|error| Error::new(format!("{}: {error}", variant.name())))?;
            std::thread::sleep(Duration::from_millis(500));
            let server = stack.server(variant).ok_or_else(|| Error::new("nothing started"))?;
            anonymous[step] = usage::memory(server.id())?.anonymous as f64 / 1e6;
        }
        per_worker[at] = (anonymous[1] - anonymous[0]) / (count - 1) as f64;
        let key = format!("{name}/{}_mb_per_worker", variant.name());
        outcome.figures.insert(key, per_worker[at]);
    }
    let ratio = Figure::of(vec![per_worker[0] / per_worker[1]]);
    outcome.ratios.insert(format!("{name}/workerd"), ratio);
    Ok(outcome)
}

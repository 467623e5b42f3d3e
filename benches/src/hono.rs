//! The Hono application: bundled from npm's package, so that its text is not kept here.

use std::path::{Path, PathBuf};
use std::process::Command;

use nano_tests::{Error, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::load::Exchange;
use crate::servers::{Worker, provided};

const RESOURCES: [&str; 5] = ["users", "orders", "products", "invoices", "carts"];

/// A Worker's directory with the bundle in it; removed when dropped.
#[derive(Debug)]
pub struct Bundle(TempDir);

impl Bundle {
    pub fn make() -> Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workers/hono");
        let to = tempfile::Builder::new()
            .prefix("nano-bench-hono-")
            .tempdir()
            .map_err(Error::during("no temporary directory"))?;
        let bundle = to.path().join("dist/worker.js");
        let packages: Option<PathBuf> = provided("HONO_DIR")?.parent().map(Path::to_owned);
        let status = Command::new(provided("ESBUILD_BIN")?)
            .arg(source.join("src/index.js"))
            .args(["--bundle", "--format=esm", "--conditions=workerd,worker,browser"])
            .args(["--log-level=warning", &format!("--outfile={}", bundle.display())])
            .env("NODE_PATH", packages.unwrap_or_default())
            .status()
            .map_err(Error::during("can't start esbuild"))?;
        if !status.success() {
            return Err(Error::new(format!("esbuild failed ({status})")));
        }
        std::fs::copy(source.join("wrangler.toml"), to.path().join("wrangler.toml"))
            .map_err(Error::during("can't copy hono's wrangler.toml"))?;
        Ok(Self(to))
    }

    pub fn worker(&self, name: &str) -> Worker {
        Worker { name: name.to_owned(), directory: self.0.path().to_owned(), vars: Vec::new() }
    }

    /// The bundle's text.
    pub fn script(&self) -> Result<String> {
        let path = self.0.path().join("dist/worker.js");
        std::fs::read_to_string(&path)
            .map_err(Error::during(format!("can't read {}", path.display())))
    }
}

/// Each of its 20 routes once.
pub fn exchanges(host: &str) -> Vec<Exchange> {
    let right =
        |exchange: Exchange, body: Value| exchange.header("x-app", "hono").body(body.to_string());
    let get = |path: String| Exchange::get(host, &path, &[]);
    RESOURCES
        .iter()
        .flat_map(|name| {
            [
                right(get(format!("/{name}?page=2")), json!({ "resource": name, "page": "2" })),
                right(get(format!("/{name}/17")), json!({ "resource": name, "id": "17" })),
                right(
                    get(format!("/{name}/17/events/paid")),
                    json!({ "resource": name, "id": "17", "event": "paid" }),
                ),
                right(
                    Exchange::post(host, &format!("/{name}"), &[], b"").status(201),
                    json!({ "resource": name, "created": true }),
                ),
            ]
        })
        .collect()
}

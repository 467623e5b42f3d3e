//! `cargo xtask manifests`: whether the manifests in `envoy/`, and those that `nano-host envoy-config`
//! prints, fit the schemas of what reads them.
//!
//! The schemas of Kubernetes, Istio, Envoy Gateway and the Gateway API are those of npm's `kubernetes-models`
//! and its kin; they let unknown keys pass, so the same manifests are also compiled as TypeScript values
//! of the packages' types.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{capture, run, say};
use crate::workspace::Workspace;
use crate::{npm, versions};

const CHECK: &str = include_str!("check.mjs");

/// Directories with manifests; Envoy's own configurations are checked by Envoy.
const DIRECTORIES: &[&str] = &["kubernetes", "istio", "envoy-gateway"];

/// Checks all of them.
pub fn check(workspace: &Workspace) -> Result<()> {
    let mut files = Vec::new();
    for directory in DIRECTORIES {
        collect(&workspace.root().join("envoy").join(directory), &mut files)?;
    }
    check_files(files)
}

/// Checks what `nano-host envoy-config` prints for the examples; it has to be built.
pub fn check_generated(workspace: &Workspace) -> Result<()> {
    let directory = workspace.target("manifests");
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    let config = directory.join("nano.toml");
    let examples = workspace.root().join("examples/*");
    std::fs::write(&config, format!("[workers]\ndirectories = [{:?}]\n", examples.display()))
        .with_context(|| format!("cannot write {}", config.display()))?;
    let mut files = Vec::new();
    for format in ["istio", "gateway"] {
        let mut print = Command::new(workspace.program("nano-host"));
        print.args(["envoy-config", "--format", format, "--config"]).arg(&config);
        print.args(["--wasm", "oci://images.example.com/nano_filter:1"]);
        print.args(["--host", "nano-host.nano-system.svc.cluster.local:9000"]);
        let file = directory.join(format!("{format}.yaml"));
        std::fs::write(&file, capture(&mut print)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        files.push(file);
    }
    check_files(files)
}

fn check_files(mut files: Vec<PathBuf>) -> Result<()> {
    let mut packages = serde_json::Map::new();
    for (groups, package, version) in [
        ("kubernetes", "kubernetes-models", versions::KUBERNETES_MODELS),
        ("istio.io", "@kubernetes-models/istio", versions::KUBERNETES_MODELS_ISTIO),
        (
            "gateway.envoyproxy.io",
            "@kubernetes-models/envoy-gateway",
            versions::KUBERNETES_MODELS_ENVOY_GATEWAY,
        ),
        (
            "gateway.networking.k8s.io",
            "@kubernetes-models/gateway-api",
            versions::KUBERNETES_MODELS_GATEWAY_API,
        ),
        ("typescript", "typescript", versions::TYPESCRIPT),
        ("yaml", "yaml", versions::YAML),
    ] {
        let directory = npm::provide(package, version)?;
        packages.insert(groups.to_owned(), directory.to_string_lossy().into_owned().into());
    }
    files.sort();
    say(format!("checking {} files of manifests", files.len()));
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", CHECK, "--"]);
    node.arg(serde_json::Value::from(packages).to_string()).args(&files);
    run(&mut node).context("manifests do not fit their schemas")
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = || format!("cannot read {}", directory.display());
    for entry in std::fs::read_dir(directory).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.is_dir() {
            // Workers are not manifests.
            if path.file_name().is_some_and(|name| name != "workers") {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    Ok(())
}

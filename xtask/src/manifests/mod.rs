//! `cargo xtask manifests`: whether the manifests in `envoy/` fit the schemas of what reads them.
//!
//! The schemas of Kubernetes, Istio, Envoy Gateway and the Gateway API are those of npm's `kubernetes-models`
//! and its kin; they let unknown keys pass, so the same manifests are also compiled as TypeScript values
//! of the packages' types.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{run, say};
use crate::workspace::Workspace;
use crate::{npm, versions};

const CHECK: &str = include_str!("check.mjs");

/// Directories with manifests; Envoy's own configurations are checked by Envoy.
const DIRECTORIES: &[&str] = &["kubernetes", "istio", "envoy-gateway"];

/// Checks all of them.
pub fn check(workspace: &Workspace) -> Result<()> {
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
    let mut files = Vec::new();
    for directory in DIRECTORIES {
        collect(&workspace.root().join("envoy").join(directory), &mut files)?;
    }
    files.sort();
    say(format!("checking {} files of manifests", files.len()));
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", CHECK, "--"]);
    node.arg(serde_json::Value::from(packages).to_string()).args(&files);
    run(&mut node).context("the manifests in envoy/ do not fit their schemas")
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

//! Packages from npm, in a directory of our own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{on_path, run, say};
use crate::{cache, debian};

/// Installs a package of exactly this version without its dependencies' install scripts, and
/// returns its directory. Each version has a directory to itself, so that none is replaced.
pub fn provide(package: &str, version: &str) -> Result<PathBuf> {
    let name = package.trim_start_matches('@').replace('/', "-");
    let prefix = cache::dir()?.join("npm").join(format!("{name}-{version}"));
    let installed = prefix.join("node_modules").join(package);
    if !is_complete(&installed, version) {
        install(package, version, &prefix)?;
    }
    Ok(installed)
}

fn install(package: &str, version: &str, prefix: &Path) -> Result<()> {
    if on_path("npm").is_none() {
        debian::require(&["npm"], "packages from npm")?;
    }
    let pinned = format!("{package}@{version}");
    say(format!("installing {pinned} from npm into {}", prefix.display()));
    std::fs::create_dir_all(prefix)
        .with_context(|| format!("cannot create {}", prefix.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
    npm.arg("--prefix").arg(prefix).arg(&pinned);
    run(&mut npm).with_context(|| format!("cannot get {pinned} from npm"))
}

/// Whether the package lies there in that version; npm moves a package into its place when it
/// is complete.
fn is_complete(installed: &Path, version: &str) -> bool {
    let manifest = std::fs::read_to_string(installed.join("package.json")).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
    manifest["version"] == version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_or_half_a_package_is_not_complete() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_complete(dir.path(), "1.2.3"));
        let manifest = dir.path().join("package.json");
        std::fs::write(&manifest, r#"{ "name": "x", "version": "1.2.3" }"#).unwrap();
        assert!(is_complete(dir.path(), "1.2.3"));
        assert!(!is_complete(dir.path(), "1.2.4"));
        std::fs::write(&manifest, r#"{ "name": "x", "ver"#).unwrap();
        assert!(!is_complete(dir.path(), "1.2.3"));
    }
}

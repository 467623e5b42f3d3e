//! V8's source: what crates.io publishes, put together into one tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::work::Work;
use crate::process::{capture, run};
use crate::versions;
use crate::workspace::cargo;

/// Where the published crate has no file because of its size.
const ICU_DATA: &str = "third_party/icu/common/icudtl.dat";

/// Copies the crates' sources together; a tree that is already there stays.
///
/// The copy is needed: files are added to it, and cargo's own copy of a crate must
/// not be changed.
pub fn lay(work: &Work) -> Result<()> {
    let tree = work.tree();
    if tree.is_dir() {
        return Ok(());
    }
    let crates = fetch(&work.root().join("fetch"))?;
    let unfinished = work.root().join("tree.part");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("cannot remove {}", unfinished.display()))?;
    }
    run(Command::new("cp").arg("--recursive").arg(&crates.v8).arg(&unfinished))?;
    let data = unfinished.join(ICU_DATA);
    fs::create_dir_all(data.parent().context("ICU's data has a directory")?)?;
    fs::copy(crates.icu_data.join("src/icudtl.dat"), &data).context("cannot copy ICU's data")?;
    fs::rename(&unfinished, &tree).with_context(|| format!("cannot make {}", tree.display()))
}

/// The directories of the unpacked crates, in cargo's registry.
struct Crates {
    v8: PathBuf,
    icu_data: PathBuf,
}

/// Lets cargo download and unpack the crates, by way of a package that names them.
fn fetch(package: &Path) -> Result<Crates> {
    fs::create_dir_all(package)?;
    let manifest = package.join("Cargo.toml");
    fs::write(&manifest, fetch_manifest())?;
    fs::write(package.join("lib.rs"), "")?;

    let mut metadata = Command::new(cargo());
    metadata.args(["metadata", "--format-version=1", "--manifest-path"]).arg(&manifest);
    let metadata = capture(&mut metadata).context("cannot get V8's source from crates.io")?;
    let metadata: Value = serde_json::from_str(&metadata).context("reading cargo's metadata")?;
    Ok(Crates {
        v8: source_dir(&metadata, "v8")?,
        icu_data: source_dir(&metadata, "deno_core_icudata")?,
    })
}

fn fetch_manifest() -> String {
    format!(
        "[package]\nname = \"v8-source\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [lib]\npath = \"lib.rs\"\n[workspace]\n\
         [dependencies]\nv8 = \"={}\"\ndeno_core_icudata = \"={}\"\n",
        versions::V8,
        versions::ICU_DATA
    )
}

fn source_dir(metadata: &Value, name: &str) -> Result<PathBuf> {
    let packages = metadata["packages"].as_array().context("cargo's metadata has packages")?;
    let package = packages.iter().find(|package| package["name"] == name);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let dir = manifest.and_then(|manifest| Path::new(manifest).parent());
    dir.map(Path::to_owned).with_context(|| format!("cargo does not know the crate {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_crate_in_cargos_metadata() {
        let metadata = serde_json::json!({"packages": [
            {"name": "v8-other", "manifest_path": "/r/v8-other-1/Cargo.toml"},
            {"name": "v8", "manifest_path": "/r/v8-152.2.0/Cargo.toml"},
        ]});
        assert_eq!(source_dir(&metadata, "v8").unwrap(), Path::new("/r/v8-152.2.0"));
        assert!(source_dir(&metadata, "deno_core_icudata").is_err());
    }
}

//! Builds the proxy-wasm filter, `filter/`, for Envoy.

mod toolchain;
mod trim;

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache;
use crate::process::{run, say};
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";
/// The filter that is shipped.
const SHIPPED: &str = "nano_filter.wasm";
/// The same, which panics when a request asks for it; for a test.
const FAULTY: &str = "nano_filter_fault.wasm";
/// Builds that are kept; each is some 250 kB.
const KEPT: usize = 40;

/// The filter of this checkout, in its `target/filter`; built when its sources are others than those
/// of any build kept. The faulty one of the tests lies beside it.
pub fn provide(workspace: &Workspace) -> Result<PathBuf> {
    let builds = cache::dir()?.join("filter");
    let place = builds.join(key(workspace.root())?);
    let shipped = place.join(SHIPPED);
    if !shipped.is_file() || !place.join(FAULTY).is_file() {
        let target = builds.join("target");
        // The shipped one last: it is what is looked for.
        build(workspace, &target, &["--features", "fault"], &place.join(FAULTY))?;
        build(workspace, &target, &[], &shipped)?;
        forget(&builds);
    }
    // In the checkout's own directory, for those who call cargo themselves.
    let copies = workspace.target("filter");
    for name in [FAULTY, SHIPPED] {
        let (from, to) = (place.join(name), copies.join(name));
        if fs::read(&to).ok() != Some(fs::read(&from)?) {
            cache::put(&to, |scratch| Ok(fs::copy(&from, scratch).map(drop)?))?;
        }
    }
    Ok(copies.join(SHIPPED))
}

fn build(workspace: &Workspace, target: &Path, features: &[&str], to: &Path) -> Result<()> {
    let mut cargo = workspace.command();
    cargo.args(["build", "--package", "nano-filter", "--lib", "--profile", "filter"]);
    cargo.args(["--target", TARGET, "--target-dir"]).arg(target).args(features);
    toolchain::choose(&mut cargo)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    say(format!("building {name} (a minute or two, the first time)"));
    run(&mut cargo)?;
    let built = target.join(TARGET).join("filter").join(SHIPPED);
    let module = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let module = trim::trim(&module).context("the filter's module is not as expected")?;
    cache::put(to, |scratch| Ok(fs::write(scratch, &module)?))
}

/// What the filter is made of, as sixteen digits.
fn key(root: &Path) -> Result<String> {
    let mut files = Vec::new();
    for directory in ["filter", "routing"] {
        sources(&root.join(directory), &mut files)?;
    }
    files.extend([root.join("Cargo.lock"), root.join("Cargo.toml")]);
    files.sort();
    let mut hash = DefaultHasher::new();
    // How it is built.
    for text in [
        include_str!("mod.rs"),
        include_str!("toolchain.rs"),
        include_str!("trim.rs"),
        crate::versions::RUST_WEB,
    ] {
        text.hash(&mut hash);
    }
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        file.strip_prefix(root).unwrap_or(&file).hash(&mut hash);
        content.hash(&mut hash);
    }
    Ok(format!("{:016x}", hash.finish()))
}

fn sources(directory: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

/// Removes the oldest builds beyond those kept.
fn forget(builds: &Path) {
    let Ok(entries) = fs::read_dir(builds) else { return };
    let made = |path: &Path| path.join(SHIPPED).metadata().and_then(|meta| meta.modified()).ok();
    let mut all: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((made(&path)?, path)))
        .collect();
    all.sort();
    let old = all.len().saturating_sub(KEPT);
    for (_, path) in all.into_iter().take(old) {
        // One that stays is only a little disk space.
        drop(fs::remove_dir_all(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sources_are_another_build() {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("filter/src/lib.rs", "a"),
            ("routing/src/lib.rs", "b"),
            ("Cargo.toml", "c"),
            ("Cargo.lock", "d"),
        ] {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let first = key(root.path()).unwrap();
        assert_eq!(first, key(root.path()).unwrap());
        fs::write(root.path().join("routing/src/lib.rs"), "B").unwrap();
        assert_ne!(first, key(root.path()).unwrap());
        fs::remove_file(root.path().join("Cargo.lock")).unwrap();
        assert!(key(root.path()).is_err());
    }
}

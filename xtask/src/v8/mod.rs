//! Provides V8's static library, so that plain `cargo build`, `cargo test` and
//! rust-analyzer link it with nothing set.

mod artifact;
mod choice;
mod release;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::process::{capture, say};
use choice::{Choice, Machine};

/// Sees to it that the `v8` crate finds its library; quick when it already does.
pub fn provide(checkout: &Path) -> Result<()> {
    let machine = Machine {
        variable: choice::user_variable(|name| std::env::var_os(name)),
        cached: usable_cache()?,
        archive: archive_beside(checkout),
    };
    let cached = artifact::cached_archive()?;
    match choice::choose(machine, || release::download(&cached)) {
        Choice::User(variable) => say(format!("V8: left to the v8 crate, {variable} is set")),
        Choice::Cached => {}
        Choice::Downloaded => say(format!("V8: downloaded to {}", cached.display())),
        Choice::Archive(archive) => {
            copy(&archive, &cached)?;
            say(format!("V8: copied {} to {}", archive.display(), cached.display()));
        }
        Choice::Source => source::build(&cached, false)?,
    }
    Ok(())
}

/// Builds the library from source whatever else is there: into the crate's cache, or
/// as a directory of release assets at `out`.
pub fn from_source(out: Option<&Path>) -> Result<()> {
    match out {
        Some(dir) => source::build(&dir.join(artifact::archive_name()), true),
        None => source::build(&artifact::cached_archive()?, false),
    }
}

/// Whether the crate's cache has an archive that the crate will take: with a hash
/// pinned in the environment it passes over one that has another.
fn usable_cache() -> Result<bool> {
    let cached = artifact::cached_archive()?;
    Ok(cached.is_file() && matches_pin(&cached)?)
}

/// An archive directory: `NANO_V8_DIR`, or `../shared/v8` beside the checkout.
fn archive_beside(checkout: &Path) -> Option<PathBuf> {
    let dir = match std::env::var_os("NANO_V8_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => checkout.parent()?.join("shared/v8"),
    };
    Some(dir.join(artifact::archive_name())).filter(|archive| archive.is_file())
}

fn copy(archive: &Path, cached: &Path) -> Result<()> {
    if !matches_pin(archive)? {
        bail!("{} is not the archive that RUSTY_V8_ARCHIVE_SHA256 names", archive.display());
    }
    cache::put(cached, |scratch| {
        // Contents only: the archive may be read-only, its copy must be replaceable.
        let bytes =
            fs::read(archive).with_context(|| format!("cannot read {}", archive.display()))?;
        fs::write(scratch, bytes).with_context(|| format!("cannot write {}", scratch.display()))
    })
}

/// Whether a file has the SHA-256 that the user pinned for the archive, if any.
fn matches_pin(file: &Path) -> Result<bool> {
    let pin = std::env::var("RUSTY_V8_ARCHIVE_SHA256").unwrap_or_default();
    if pin.is_empty() {
        return Ok(true);
    }
    let sum = capture(Command::new("sha256sum").arg("--binary").arg(file))?;
    Ok(sum.trim_start_matches('\\').starts_with(&pin.to_lowercase()))
}

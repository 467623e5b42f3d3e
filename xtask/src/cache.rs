//! Where xtask keeps what it downloads and builds, outside the checkout so that
//! every clone shares it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// `$XDG_CACHE_HOME/nano-envoy`, or `~/.cache/nano-envoy`.
pub fn dir() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => home()?.join(".cache"),
    };
    let dir = base.join("nano-envoy");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// Cargo's home, where the `v8` crate looks for archives it need not download.
pub fn cargo_home() -> Result<PathBuf> {
    match std::env::var_os("CARGO_HOME").filter(|value| !value.is_empty()) {
        Some(home) => Ok(PathBuf::from(home)),
        None => Ok(home()?.join(".cargo")),
    }
}

/// Writes a file by way of a scratch file beside it, so that a reader or an
/// interrupted run never meets half of it.
pub fn put(file: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let dir = file.parent().context("a file in a directory")?;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut scratch = file.as_os_str().to_owned();
    scratch.push(format!(".{}.part", std::process::id()));
    let scratch = PathBuf::from(scratch);
    let written = write(&scratch).and_then(|()| {
        std::fs::rename(&scratch, file)
            .with_context(|| format!("cannot put {} in place", file.display()))
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&scratch);
    }
    written
}

fn home() -> Result<PathBuf> {
    std::env::var_os("HOME")
        .map(PathBuf::from)
        .context("HOME is not set: set it, or XDG_CACHE_HOME and CARGO_HOME, to a directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn put_leaves_nothing_behind_when_writing_fails() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("archive");
        let failed = put(&file, |scratch| {
            std::fs::write(scratch, "half")?;
            anyhow::bail!("the disk is full")
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn put_replaces_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep/archive");
        for text in ["old", "new"] {
            put(&file, |scratch| Ok(std::fs::write(scratch, text)?)).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
    }
}

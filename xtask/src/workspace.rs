//! The workspace that xtask belongs to: where it is, and cargo run on it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{capture, run, say};

/// The checkout and where cargo builds it.
#[derive(Debug)]
pub struct Workspace {
    root: &'static Path,
    target: PathBuf,
}

impl Workspace {
    /// The workspace, wherever in it xtask was called.
    pub fn open() -> Result<Self> {
        let root = root()?;
        let mut metadata = Command::new(cargo());
        metadata.args(["metadata", "--format-version=1", "--no-deps"]).current_dir(root);
        let metadata: serde_json::Value = serde_json::from_str(&capture(&mut metadata)?)?;
        let target = metadata["target_directory"].as_str().context("cargo's target directory")?;
        Ok(Self { root, target: PathBuf::from(target) })
    }

    /// The root of the checkout.
    pub fn root(&self) -> &'static Path {
        self.root
    }

    /// One of the workspace's programs, as [`build`](Self::build) makes it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// Builds all programs and tests, for `up` as for `test`: fewer targets would give the
    /// crates other features, and most of them would be compiled twice.
    pub fn build(&self) -> Result<()> {
        self.cargo("building", &["build", "--workspace", "--bins", "--tests"])
    }

    /// Runs cargo on the workspace, with its progress on our terminal.
    pub fn cargo(&self, doing: &str, arguments: &[&str]) -> Result<()> {
        say(format!("{doing}: cargo {}", arguments.join(" ")));
        run(self.command().args(arguments))
    }

    /// Cargo, in the workspace, as if called from the shell that called xtask.
    pub fn command(&self) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(self.root);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_cargo_run(name)) {
            command.env_remove(name);
        }
        command
    }
}

/// Whether `cargo run` set this variable for xtask. Build scripts (those of `v8` and `ring`) run
/// again when one of these changes: with them, each change between `cargo xtask` and plain `cargo`
/// would compile most of the workspace anew.
fn is_of_cargo_run(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "OUT_DIR"
        || ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// The root of the checkout.
pub fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the checkout")
}

/// The cargo that runs xtask.
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_gets_the_environment_of_the_shell() {
        let workspace = Workspace { root: Path::new("/"), target: PathBuf::new() };
        let command = workspace.command();
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        // Cargo sets these for tests as for `cargo run`.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR", "OUT_DIR"] {
            assert!(std::env::var_os(name).is_some(), "{name} is not set for tests");
            assert!(removed.contains(&OsStr::new(name)), "{name} reaches cargo");
        }
        for kept in ["CARGO_HOME", "CARGO_BUILD_JOBS", "RUSTFLAGS", "PATH"] {
            assert!(!is_of_cargo_run(OsStr::new(kept)), "{kept} does not reach cargo");
        }
    }
}

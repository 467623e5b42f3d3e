//! The workspace that xtask belongs to: where it is, and cargo run on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{capture, run, say};

/// One selection for `up`, `test` and all else of the dev profile: another one would give the crates
/// other features, and most of them would be compiled twice.
const BUILD: [&str; 4] = ["build", "--workspace", "--bins", "--tests"];

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

    /// The same of the release profile.
    pub fn release_program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// A place among what cargo builds.
    pub fn target(&self, path: &str) -> PathBuf {
        self.target.join(path)
    }

    /// The program of the unit tests of a library, as [`build`](Self::build) makes it.
    pub fn test_program(&self, library: &str) -> Result<PathBuf> {
        let mut cargo = self.command();
        cargo.args(BUILD).args(["--quiet", "--message-format=json-render-diagnostics"]);
        let messages = capture(&mut cargo)?;
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|it| it["target"]["name"] == library && it["profile"]["test"] == true)
            .find_map(|it| it["executable"].as_str().map(PathBuf::from))
            .with_context(|| format!("cargo built no tests of {library}"))
    }

    /// Builds all programs and tests.
    pub fn build(&self) -> Result<()> {
        self.cargo("building", &BUILD)?;
        keep_snapshot(&self.program("nano-host"))
    }

    /// Builds what is measured, as it is shipped.
    pub fn build_release(&self) -> Result<()> {
        let build = ["build", "--release", "-p", "nano-runtime-host", "-p", "nano-bench", "--bins"];
        self.cargo("building what is measured (minutes, the first time)", &build)?;
        keep_snapshot(&self.release_program("nano-host"))
    }

    /// Runs cargo on the workspace, with its progress on our terminal.
    pub fn cargo(&self, doing: &str, arguments: &[&str]) -> Result<()> {
        say(format!("{doing}: cargo {}", arguments.join(" ")));
        run(self.command().args(arguments))
    }

    /// Cargo, in the workspace, as if people called it themselves: `cargo run` describes xtask's
    /// package in the environment, and build scripts of some crates (`ring`, `v8`) run again
    /// whenever that differs, with all that needs these crates.
    pub fn command(&self) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(self.root);
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in names.filter(|name| describes_a_package(name)) {
            command.env_remove(name);
        }
        command
    }
}

/// Has the runtime host write the snapshot that its processes start from beside itself: that of an
/// older build would not be used.
fn keep_snapshot(program: &Path) -> Result<()> {
    run(Command::new(program).arg("snapshot"))
}

/// The root of the checkout.
pub fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the checkout")
}

/// The cargo that runs xtask.
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Whether cargo sets this variable for the program of a package that it runs.
fn describes_a_package(variable: &str) -> bool {
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    variable == "OUT_DIR" || prefixes.iter().any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_does_not_learn_of_the_package_that_runs_it() {
        // This test is run by cargo, so the variables are there.
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let command = Workspace { root: Path::new("."), target: PathBuf::new() }.command();
        let removed: Vec<_> = command.get_envs().filter(|(_, value)| value.is_none()).collect();
        let has = |wanted: &str| removed.iter().any(|(name, _)| *name == wanted);
        assert!(has("CARGO_PKG_NAME") && has("CARGO_MANIFEST_DIR"));
        // Set where the package has a build script, as xtask has.
        assert!(has("OUT_DIR"));
        assert!(!has("CARGO_HOME") && !has("PATH"));
    }
}

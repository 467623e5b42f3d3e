//! `cargo xtask up`: an example behind a real Envoy.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{say, shown};
use crate::workspace::Workspace;
use crate::{envoy, v8};

/// Start an example: a demo origin, the runtime host with the example's Worker, and Envoy.
#[derive(Debug, Args)]
pub struct Up {
    /// A directory of `examples/`.
    #[arg(default_value = "hello")]
    name: String,
    /// Send the example's own requests through Envoy, print what came back, and end:
    /// with status 0 when all of it is as the example's `check.toml` says, else 1.
    #[arg(long)]
    check: bool,
    /// Where Envoy listens for requests; any free port when this one is taken.
    #[arg(long, default_value_t = 10000)]
    port: u16,
}

impl Up {
    /// Provides what the example needs and builds it, then becomes the demo program:
    /// signals and the exit status are that program's own from there on.
    pub fn run(self) -> Result<()> {
        let workspace = Workspace::open()?;
        let example = find(&workspace.root().join("examples"), &self.name)?;
        v8::provide(workspace.root())?;
        let envoy = envoy::provide()?;
        workspace.build()?;

        let mut demo = Command::new(workspace.program("nano-demo"));
        demo.arg(&example).arg("--port").arg(self.port.to_string());
        if self.check {
            demo.arg("--check");
        }
        demo.env("ENVOY_BIN", envoy).env("NANO_HOST_BIN", workspace.program("nano-host"));
        say(format!("starting: {}", shown(&demo)));
        let failed = demo.exec();
        Err(failed).with_context(|| format!("cannot start `{}`", shown(&demo)))
    }
}

/// The directory of an example; for a wrong name, an error that lists the right ones.
fn find(examples: &Path, name: &str) -> Result<PathBuf> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(examples)
        .with_context(|| format!("cannot read {}", examples.display()))?
    {
        let entry = entry?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    if names.iter().any(|known| known == name) {
        return Ok(examples.join(name));
    }
    names.sort();
    bail!("there is no example {name:?}; there are: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_told_the_right_ones() {
        let examples = tempfile::tempdir().unwrap();
        for name in ["redirects", "hello"] {
            std::fs::create_dir(examples.path().join(name)).unwrap();
        }
        assert_eq!(find(examples.path(), "hello").unwrap(), examples.path().join("hello"));
        let error = find(examples.path(), "../etc").unwrap_err().to_string();
        assert_eq!(error, "there is no example \"../etc\"; there are: hello, redirects");
    }
}

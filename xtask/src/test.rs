//! `cargo xtask test`: everything that a change has to pass.

use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::process::{run, say, shown};
use crate::progress::clock;
use crate::workspace::Workspace;
use crate::{envoy, v8};

/// Run all tests, those through a real Envoy included, and the checks of style.
#[derive(Debug, Args)]
pub struct Test {
    /// Skip `cargo fmt --check` and clippy.
    #[arg(long)]
    fast: bool,
    /// Run only tests whose names contain one of these.
    filter: Vec<String>,
}

impl Test {
    /// Provides what the tests need, builds and runs them.
    pub fn run(self) -> Result<()> {
        let started = Instant::now();
        let workspace = Workspace::open()?;
        v8::provide(workspace.root())?;
        let envoy = envoy::provide()?;
        if !self.fast {
            workspace.cargo("checking the format", &["fmt", "--all", "--check"])?;
            let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            workspace.cargo("linting", &clippy)?;
        }
        workspace.build()?;
        let mut test = workspace.command();
        test.args(["test", "--workspace", "--no-fail-fast", "--"]).args(&self.filter);
        say(format!("testing: {}", shown(&test)));
        test.env("ENVOY_BIN", &envoy).env("NANO_HOST_BIN", workspace.program("nano-host"));
        run(&mut test)?;
        say(format!("all of it passed, in {}", clock(started.elapsed())));
        Ok(())
    }
}

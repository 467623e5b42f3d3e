//! `cargo xtask test`: everything that a change has to pass.

use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::process::{run, say, shown};
use crate::progress::clock;
use crate::workspace::Workspace;
use crate::{envoy, filter, instructions, manifests, programs, v8};

/// Run all tests, those through a real Envoy included, and the checks of style.
#[derive(Debug, Args)]
pub struct Test {
    /// Skip `cargo fmt --check`, clippy and the count of instructions.
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
        let filter = filter::provide(&workspace)?;
        let counts = !self.fast && self.filter.is_empty() && instructions::SUPPORTED;
        if counts {
            // Now, and not when all else is done.
            instructions::provide()?;
        }
        if !self.fast {
            workspace.cargo("checking the format", &["fmt", "--all", "--check"])?;
            let mut clippy = vec!["clippy", "--workspace", "--all-targets"];
            // Nothing else looks at the program of the micro benchmarks.
            clippy.extend(["--features", "nano-runtime-host/micro", "--", "-D", "warnings"]);
            workspace.cargo("linting", &clippy)?;
            manifests::check(&workspace)?;
            programs::check_types(&workspace)?;
        }
        let programs = programs::provide(&workspace)?;
        workspace.build()?;
        if !self.fast {
            manifests::check_generated(&workspace)?;
        }
        let mut test = workspace.command();
        test.args(["test", "--workspace", "--no-fail-fast", "--"]).args(&self.filter);
        say(format!("testing: {}", shown(&test)));
        test.env("ENVOY_BIN", &envoy).env("NANO_HOST_BIN", workspace.program("nano-host"));
        test.env("NANO_PROGRAMS", &programs);
        test.env("NANO_FILTER_WASM", &filter);
        run(&mut test)?;
        if counts {
            instructions::run(&workspace, &[], false)?;
        }
        say(format!("all of it passed, in {}", clock(started.elapsed())));
        Ok(())
    }
}

//! `cargo xtask hostile`: what hostile Workers and clients can do to a host, beside a good tenant.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::process::{say, shown};
use crate::workspace::Workspace;
use crate::{envoy, v8};

/// Attack: run the hostile corpus (tests/hostile) beside a good tenant whose requests must all
/// succeed. Status 1 when a case is not contained that should be, a request of the good tenant
/// failed, or the host kept something.
#[derive(Debug, Args)]
pub struct Hostile {
    /// Cases by name, or by a part of it; all of them when none is named.
    cases: Vec<String>,
    /// Go on for so long, in a random order, again and again; once when left out.
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// Write what happened into this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The order of another run; each run prints its own.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

impl Hostile {
    /// Provides what the corpus needs and builds it, then becomes the program that runs it:
    /// signals and the exit status are that program's own from there on.
    pub fn run(self) -> Result<()> {
        let workspace = Workspace::open()?;
        v8::provide(workspace.root())?;
        let envoy = envoy::provide()?;
        workspace.build()?;

        let mut hostile = Command::new(workspace.program("nano-hostile"));
        if let Some(minutes) = self.minutes {
            hostile.arg("--minutes").arg(minutes.to_string());
        }
        if let Some(json) = &self.json {
            hostile.arg("--json").arg(json);
        }
        if let Some(seed) = self.seed {
            hostile.arg("--seed").arg(seed.to_string());
        }
        hostile.args(&self.cases);
        hostile.env("ENVOY_BIN", envoy).env("NANO_HOST_BIN", workspace.program("nano-host"));
        say(format!("starting: {}", shown(&hostile)));
        let failed = hostile.exec();
        Err(failed).with_context(|| format!("cannot start `{}`", shown(&hostile)))
    }
}

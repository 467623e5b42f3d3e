//! `cargo xtask bench`: NANO side by side with what it has to stand comparison with.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{run, say, shown};
use crate::workspace::Workspace;
use crate::{envoy, filter, instructions, npm, v8, versions};

/// Measure: throughput, latency, CPU and memory beside other ways to do the same.
#[derive(Debug, Args)]
pub struct Bench {
    /// Scenarios by name (benches/README.md has the list); all of them when none is named. With
    /// `--micro` or `--instructions`: words in the names of cases.
    scenarios: Vec<String>,
    /// Fewer and shorter rounds: at most five minutes for all scenarios.
    #[arg(long)]
    quick: bool,
    /// Write the figures into this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Micro benchmarks instead: times of the path of a request without network and Envoy.
    #[arg(long, conflicts_with_all = ["quick", "json", "instructions"])]
    micro: bool,
    /// Count the instructions of the micro benchmarks, and fail when a case takes more of them
    /// than `benches/instructions.json` allows.
    #[arg(long, conflicts_with_all = ["quick", "json"])]
    instructions: bool,
    /// Make what was counted the new `benches/instructions.json`.
    #[arg(long, requires = "instructions")]
    update: bool,
}

impl Bench {
    /// Provides what the benchmark needs and builds it, then becomes the benchmark program:
    /// signals and the exit status are that program's own from there on.
    pub fn run(self) -> Result<()> {
        if self.instructions {
            return instructions::run(&Workspace::open()?, &self.scenarios, self.update);
        }
        if self.micro {
            return times(&self.scenarios);
        }
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            bail!("the benchmark runs on x86_64 Linux: npm has no workerd of that name elsewhere");
        }
        let workspace = Workspace::open()?;
        v8::provide(workspace.root())?;
        let envoy = envoy::provide()?;
        let filter = filter::provide(&workspace)?;
        let workerd = npm::provide("@cloudflare/workerd-linux-64", versions::WORKERD)?;
        let hono = npm::provide("hono", versions::HONO)?;
        let esbuild = npm::provide("@esbuild/linux-x64", versions::ESBUILD)?;
        workspace.build_release()?;

        let mut bench = Command::new(workspace.release_program("nano-bench"));
        bench.args(&self.scenarios);
        if self.quick {
            bench.arg("--quick");
        }
        if let Some(json) = &self.json {
            bench.arg("--json").arg(json);
        }
        bench
            .env("ENVOY_BIN", envoy)
            .env("NANO_HOST_BIN", workspace.release_program("nano-host"))
            .env("NANO_FILTER_WASM", filter)
            .env("WORKERD_BIN", workerd.join("bin/workerd"))
            .env("ESBUILD_BIN", esbuild.join("bin/esbuild"))
            .env("HONO_DIR", hono);
        say(format!("starting: {}", shown(&bench)));
        let failed = bench.exec();
        Err(failed).with_context(|| format!("cannot start `{}`", shown(&bench)))
    }
}

/// The micro benchmarks' times. The selection of packages is that of the other benchmark, so that
/// what both need is compiled once.
fn times(words: &[String]) -> Result<()> {
    let workspace = Workspace::open()?;
    v8::provide(workspace.root())?;
    let mut bench = workspace.command();
    bench.args(["bench", "-p", "nano-runtime-host", "-p", "nano-bench"]);
    bench.args(["--features", "nano-runtime-host/micro", "--bench", "micro", "--"]).args(words);
    say(format!("starting: {}", shown(&bench)));
    run(&mut bench)
}

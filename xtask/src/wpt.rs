//! `cargo xtask wpt`: the Web Platform Tests as Workers.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::process::{on_path, say, shown};
use crate::workspace::Workspace;
use crate::{debian, v8};

/// Run the Web Platform Tests that a Worker can run, and compare with `tests/wpt/expectations`:
/// status 1 when a subtest has another status than there, a better one included.
#[derive(Debug, Args)]
pub struct Wpt {
    /// A checkout of the suite (docs/commands.md tells where it comes from).
    #[arg(long, value_name = "DIR")]
    tree: PathBuf,
    /// Directories of the suite, such as `url,fetch/api`; all that Workers can run when left out.
    #[arg(long, value_name = "DIR", value_delimiter = ',')]
    dirs: Vec<String>,
    /// Only files whose path matches this regular expression.
    #[arg(long, value_name = "RE")]
    filter: Option<String>,
    /// Write the results into this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Make the results the expectations; reasons stay.
    #[arg(long)]
    update: bool,
    /// Print all that does not pass, with messages, not only what changed.
    #[arg(long)]
    show: bool,
    /// Files at a time: as many as there are CPUs when left out.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Let each test take N times as long as the suite does: for a machine that is busy.
    #[arg(long, value_name = "N", default_value_t = 1)]
    patience: u32,
    /// A port of a server of the suite that runs already.
    #[arg(long, value_name = "PORT")]
    server: Option<u16>,
}

impl Wpt {
    /// Provides what the run needs and builds it, then becomes the program that does it: signals
    /// and the exit status are that program's own from there on.
    pub fn run(self) -> Result<()> {
        let workspace = Workspace::open()?;
        v8::provide(workspace.root())?;
        if on_path("python3").is_none() {
            debian::require(&["python3"], "the server of the Web Platform Tests")?;
        }
        workspace.build()?;

        let mut wpt = Command::new(workspace.program("nano-wpt"));
        wpt.arg("--tree").arg(&self.tree);
        if !self.dirs.is_empty() {
            wpt.arg("--dirs").arg(self.dirs.join(","));
        }
        if let Some(filter) = &self.filter {
            wpt.arg("--filter").arg(filter);
        }
        if let Some(json) = &self.json {
            wpt.arg("--json").arg(json);
        }
        if self.update {
            wpt.arg("--update");
        }
        if self.show {
            wpt.arg("--show");
        }
        if let Some(jobs) = self.jobs {
            wpt.arg("--jobs").arg(jobs.to_string());
        }
        wpt.arg("--patience").arg(self.patience.to_string());
        if let Some(server) = self.server {
            wpt.arg("--server").arg(server.to_string());
        }
        wpt.env("NANO_HOST_BIN", workspace.program("nano-host"));
        say(format!("starting: {}", shown(&wpt)));
        let failed = wpt.exec();
        Err(failed).with_context(|| format!("cannot start `{}`", shown(&wpt)))
    }
}

//! The command line.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::bench::Bench;
use crate::hostile::Hostile;
use crate::test::Test;
use crate::up::Up;
use crate::workspace::Workspace;
use crate::wpt::Wpt;
use crate::{envoy, filter, manifests, v8, workspace};

/// The commands people run in this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(Up),
    Test(Test),
    Bench(Bench),
    Hostile(Hostile),
    Wpt(Wpt),
    V8(V8),
    /// Check the Kubernetes manifests in envoy/ against published schemas (`test` does this as well).
    Manifests,
    /// Provide Envoy, and print where it is (`up` and `test` do this by themselves).
    Envoy,
    /// Build the proxy-wasm filter, and print where it is (`test` and `bench` do this by themselves).
    Filter,
}

/// Provide V8's static library (`up` and `test` do this by themselves).
#[derive(Debug, Args)]
struct V8 {
    /// Build it from source even if there is another way: most of an hour on two cores.
    #[arg(long)]
    from_source: bool,
    /// Put the archive and its binding into this directory, to use with
    /// `RUSTY_V8_ARCHIVE`, rather than into the v8 crate's cache.
    #[arg(long, value_name = "DIR", requires = "from_source")]
    out: Option<PathBuf>,
}

impl Cli {
    /// Does what the command line says.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Up(up) => up.run(),
            Command::Test(test) => test.run(),
            Command::Bench(bench) => bench.run(),
            Command::Hostile(hostile) => hostile.run(),
            Command::Manifests => manifests::check(&Workspace::open()?),
            Command::Wpt(wpt) => wpt.run(),
            Command::Envoy => {
                println!("{}", envoy::provide()?.display());
                Ok(())
            }
            Command::Filter => {
                println!("{}", filter::provide(&Workspace::open()?)?.display());
                Ok(())
            }
            Command::V8(V8 { from_source: true, out }) => v8::from_source(out.as_deref()),
            Command::V8(V8 { from_source: false, .. }) => v8::provide(workspace::root()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}

//! `cargo xtask`: the commands people run in this repository, and what these need.

mod bench;
mod cache;
mod cli;
mod debian;
mod envoy;
mod filter;
mod hostile;
mod instructions;
mod manifests;
mod npm;
mod process;
mod programs;
mod progress;
mod python;
mod test;
mod up;
mod v8;
mod versions;
mod workspace;
mod wpt;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! `nano-bench [SCENARIO…]`: measures and reports. `cargo xtask bench` provides what it needs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use nano_bench::cpus::Cpus;
use nano_bench::ending;
use nano_bench::measure::Timing;
use nano_bench::report::{self, Report};
use nano_bench::scenarios::{self, Setting};
use nano_tests::Result;

/// Measures NANO side by side with what it has to stand comparison with.
#[derive(Debug, Parser)]
struct Options {
    /// Scenarios by name; all when none is named.
    scenarios: Vec<String>,
    /// Fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
    /// Where to write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nano-bench: error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    ending::listen()?;
    let selected = scenarios::select(&options.scenarios)?;
    let cpus = Cpus::find()?;
    cpus.take_measuring()?;
    let timing = if options.quick { Timing::QUICK } else { Timing::FULL };
    let setting = Setting { cpus, timing, quick: options.quick };
    let began = Instant::now();
    let mut outcomes = BTreeMap::new();
    for scenario in &selected {
        eprintln!("nano-bench: {:>4} s  {}", began.elapsed().as_secs(), scenario.name);
        outcomes.insert(scenario.name, scenario.run(&setting)?);
    }
    let report = Report::new(outcomes, options.quick)?;
    println!("{}", report.markdown());
    if let Some(file) = &options.json {
        report::put(file, &report.json()?)?;
    }
    let complete = options.scenarios.is_empty();
    let directory = report.write(complete)?;
    let (directory, seconds) = (directory.display(), began.elapsed().as_secs());
    eprintln!("nano-bench: {seconds} s; the figures are in {directory}");
    Ok(())
}

//! `nano-wpt --tree DIR …`: the Web Platform Tests as Workers, compared with what is on record.
//! `cargo xtask wpt` provides what it needs, builds it and becomes it.

use std::path::PathBuf;
use std::process::ExitCode;

use nano_tests::wpt::DIRECTORIES;
use nano_tests::wpt::campaign::{self, Plan};
use nano_tests::{Error, Result};
use regex_lite::Regex;

const USAGE: &str = "usage: nano-wpt --tree DIR [--dirs A,B…] [--filter RE] [--json FILE] \
    [--update] [--show] [--jobs N] [--patience N] [--server PORT]";

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(wpt) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("nano-wpt: error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line says.
struct Options {
    plan: Plan,
    json: Option<PathBuf>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let usage = || Error::new(USAGE);
        let mut plan = Plan {
            tree: PathBuf::new(),
            dirs: Vec::new(),
            filter: None,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            patience: 1,
            update: false,
            tell_all: false,
            server: None,
            folder: concat!(env!("CARGO_MANIFEST_DIR"), "/wpt").into(),
        };
        let mut json = None;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(usage);
            match argument.as_str() {
                "--tree" => plan.tree = value()?.into(),
                "--dirs" => plan.dirs.extend(value()?.split(',').map(str::to_owned)),
                "--filter" => {
                    let regex = Regex::new(&value()?).map_err(Error::during("--filter"))?;
                    plan.filter = Some(regex);
                }
                "--json" => json = Some(value()?.into()),
                "--update" => plan.update = true,
                "--show" => plan.tell_all = true,
                "--jobs" => {
                    plan.jobs = value()?.parse().ok().filter(|jobs| *jobs > 0).ok_or_else(usage)?;
                }
                "--patience" => plan.patience = value()?.parse().map_err(|_| usage())?,
                "--server" => plan.server = Some(value()?.parse().map_err(|_| usage())?),
                _ => return Err(usage()),
            }
        }
        if !plan.tree.join("resources/testharness.js").is_file() {
            let told =
                format!("--tree {} is no checkout of the suite\n{USAGE}", plan.tree.display());
            return Err(Error::new(told));
        }
        if plan.dirs.is_empty() {
            plan.dirs = DIRECTORIES.map(str::to_owned).into();
        }
        Ok(Self { plan, json })
    }
}

/// True when all is as expected, or the expectations were written.
fn wpt(options: Options) -> Result<bool> {
    let report = campaign::run(&options.plan, &|line| println!("{line}"))?;
    println!("\n{}", report.summary());
    if let Some(path) = options.json {
        std::fs::write(&path, format!("{:#}\n", report.json()))
            .map_err(Error::during(format!("can't write {}", path.display())))?;
    }
    Ok(options.plan.update || report.changes() == 0)
}

//! `base`: what there is before the first request.

use nano_tests::{Error, Result};
use tempfile::TempDir;

use super::Setting;
use super::many::{Many, small_script};
use crate::outcome::Outcome;
use crate::servers::nano::{Nano, Settings};
use crate::servers::origin::Origin;
use crate::servers::workerd::Workerd;
use crate::statistics::Figure;
use crate::usage;

/// Resident memory and start-up time with one Worker, in turn, several times.
pub fn base(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let many = Many::make("base", 1, &small_script())?;
    let cpus = &setting.cpus;
    let directory = || {
        let builder = tempfile::Builder::new().prefix("nano-bench-").tempdir();
        builder.map_err(Error::during("no temporary directory"))
    };
    let place: TempDir = directory()?;
    let origin = Origin::start(place.path(), cpus.measuring())?;
    let settings = Settings {
        workers: many.workers.clone(),
        reads_responses: false,
        started_by_request: false,
        on: cpus.measured().to_vec(),
    };
    let (mut memory, mut time) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..setting.timing.rounds + 2 {
        let own = directory()?;
        let nano = Nano::start(own.path(), &settings, origin.address)?;
        memory[0].push(usage::memory(nano.process.id())?.resident as f64 / 1e6);
        time[0].push(nano.start_up.as_secs_f64() * 1e3);
        drop(nano);
        let workerd = Workerd::start(own.path(), &many.workers, origin.address, cpus.measured())?;
        memory[1].push(usage::memory(workerd.process.id())?.resident as f64 / 1e6);
        time[1].push(workerd.start_up.as_secs_f64() * 1e3);
    }
    let mut outcome = Outcome::default();
    for (what, unit, [nano, workerd]) in [("memory", "mb", memory), ("start-up", "ms", time)] {
        let (nano, workerd) = (Figure::of(nano), Figure::of(workerd));
        for (variant, figure) in [("nano", &nano), ("workerd", &workerd)] {
            let what = what.replace('-', "_");
            outcome.figures.insert(format!("{name}/{variant}_{what}_{unit}"), figure.median);
        }
        outcome.ratios.insert(format!("{name}/workerd/{what}"), nano.over(&workerd));
    }
    Ok(outcome)
}

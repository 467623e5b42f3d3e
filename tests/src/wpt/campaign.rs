//! A whole run: every file, beside each other, then once more those that surprised.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use regex_lite::Regex;

use super::bundle::Bundler;
use super::expectations::{Change, Expectations, FileRecord, unknown};
use super::file::{self, TestFile};
use super::outcome::Outcome;
use super::reasons::Reasons;
use super::report::{FileResult, Report};
use super::run::Laboratory;
use super::server::Server;
use crate::{Error, Result};

/// What is to be run and what for.
#[derive(Debug)]
pub struct Plan {
    pub tree: PathBuf,
    pub dirs: Vec<String>,
    pub filter: Option<Regex>,
    /// Files at a time.
    pub jobs: usize,
    /// How many times as long as the suite has it a test may take.
    pub patience: u32,
    /// The results become the expectations.
    pub update: bool,
    /// Everything that fails is told, not only what changed.
    pub tell_all: bool,
    /// The port of a server that runs already.
    pub server: Option<u16>,
    /// `tests/wpt`: configuration, reasons, and expectations.
    pub folder: PathBuf,
}

/// With more files than this that are not as expected, nobody asks whether the time was to blame.
const AGAIN_MAX: usize = 60;
/// Files between two lines that tell how far it is.
const TELL_EVERY: usize = 100;

/// Runs the plan; `tell` gets lines for people.
pub fn run(plan: &Plan, tell: &(dyn Fn(&str) + Sync)) -> Result<Report> {
    let mut tests = file::find(&plan.tree, &plan.dirs, plan.filter.as_ref())?;
    for test in &mut tests {
        test.patience = plan.patience;
    }
    if tests.is_empty() {
        return Err(Error::new("no test matches"));
    }
    let names: Vec<String> = tests.iter().map(TestFile::name).collect();
    let folder = plan.folder.join("expectations");
    let reasons = Reasons::read(&plan.folder.join("reasons.toml"))?;
    let mut expectations = Expectations::read(&folder, names.iter().map(String::as_str))?;

    let dir = tempfile::tempdir().map_err(Error::during("no directory for bundles"))?;
    let server = match plan.server {
        Some(port) => Server::at(port),
        None => Server::start(&plan.tree, dir.path())?,
    };
    let config = plan.folder.join("nano.toml");
    let laboratory = Laboratory::new(Bundler::new(server), &config, dir.path())?;
    tell(&format!("{} files, {} at a time", tests.len(), plan.jobs));

    let began = Instant::now();
    let judge = |name: &str, outcome: Outcome| {
        let changes = compare(&expectations, name, &outcome);
        FileResult { name: name.to_owned(), outcome, changes, wavered: false }
    };
    let mut rows = together(plan, &laboratory, &tests, &judge, tell)?;
    again(&laboratory, &tests, &expectations, &mut rows, tell)?;

    for row in rows.iter().filter(|row| !plan.tell_all && !row.changes.is_empty()) {
        tell(&row.changes_text());
    }
    if plan.update {
        for row in &mut rows {
            let before = expectations.files.get(&row.name);
            let record = FileRecord::of(&row.name, &row.outcome, before, &reasons);
            expectations.files.insert(row.name.clone(), record);
        }
    }
    let gone = gone(plan, &expectations, &names);
    for name in &gone {
        tell(&format!("{name} is in the expectations and not in the tree"));
        expectations.files.remove(name);
    }
    if plan.update {
        expectations.write(&folder, names.iter().map(String::as_str))?;
    }
    let mut report = Report::new(rows, began.elapsed(), reasons);
    for name in &names {
        if let Some(record) = expectations.files.get(name) {
            report.count(record);
        }
    }
    report.gone = gone.len();
    Ok(report)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(Error::during("cannot start"))
}

fn compare(expectations: &Expectations, name: &str, outcome: &Outcome) -> Vec<Change> {
    match expectations.files.get(name) {
        Some(record) => record.compare(outcome),
        None => vec![unknown(outcome)],
    }
}

type Judge<'a> = &'a (dyn Fn(&str, Outcome) -> FileResult + Sync);

/// Runs all files, as many at a time as the plan says.
fn together(
    plan: &Plan,
    laboratory: &Laboratory,
    tests: &[TestFile],
    judge: Judge<'_>,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Vec<FileResult>> {
    let next = AtomicUsize::new(0);
    let rows: Mutex<Vec<(usize, FileResult)>> = Mutex::default();
    let work = |place: usize| -> Result<()> {
        let runtime = runtime()?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(test) = tests.get(index) else { return Ok(()) };
            let outcome = runtime.block_on(laboratory.run(test, place));
            let row = judge(&test.name(), outcome);
            if plan.tell_all {
                tell(&row.failures_text());
            }
            let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            rows.push((index, row));
            if rows.len().is_multiple_of(TELL_EVERY) {
                tell(&format!("{} of {}", rows.len(), tests.len()));
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.jobs)
            .map(|place| {
                let work = &work;
                scope.spawn(move || work(place))
            })
            .collect();
        let failed = || Err(Error::new("a thread of the run panicked"));
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| failed()))
    })?;
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(index, _)| *index);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Runs once more, alone, what is not as expected: what then is was a matter of time.
fn again(
    laboratory: &Laboratory,
    tests: &[TestFile],
    expectations: &Expectations,
    rows: &mut [FileResult],
    tell: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    let surprises =
        |row: &FileResult| !row.changes.is_empty() && expectations.files.contains_key(&row.name);
    let surprising = rows.iter().filter(|row| surprises(row)).count();
    if surprising == 0 || surprising > AGAIN_MAX {
        return Ok(());
    }
    tell(&format!("{surprising} files are not as expected: once more, one at a time"));
    let runtime = runtime()?;
    for (test, row) in tests.iter().zip(rows.iter_mut()) {
        if surprises(row) {
            let outcome = runtime.block_on(laboratory.run(test, 0));
            let changes = compare(expectations, &row.name, &outcome);
            *row = FileResult {
                wavered: changes.is_empty(),
                outcome,
                changes,
                name: row.name.clone(),
            };
        }
    }
    Ok(())
}

/// Files on record that the tree does not have, when all of their directory was to be run.
fn gone(plan: &Plan, expectations: &Expectations, names: &[String]) -> Vec<String> {
    if plan.filter.is_some() {
        return Vec::new();
    }
    let is_asked_for = |name: &String| {
        plan.dirs.iter().any(|dir| name.starts_with(&format!("{}/", dir.trim_matches('/'))))
    };
    let known = expectations.files.keys();
    known.filter(|name| is_asked_for(name) && !names.contains(name)).cloned().collect()
}

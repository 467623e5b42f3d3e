//! The guard against regressions: instructions per operation of the micro benchmarks, compared with
//! those in `benches/instructions.json`. Times differ by a tenth from run to run, instructions by
//! next to nothing.
//!
//! The cases run in the unit tests' program of the dev profile under valgrind's callgrind, so that
//! the guard builds and links nothing of its own. What V8 does is the same in every profile. The
//! host's own code takes more instructions than in a release, and as it grows so do they.

mod baseline;
mod callgrind;
mod environment;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::process::{capture, on_path, say};
use crate::progress::clock;
use crate::workspace::Workspace;
use crate::{debian, v8};
use baseline::Baseline;
use environment::Environment;

/// The test that runs the cases, and the variable that names one to it.
const TEST: [&str; 4] = ["micro::tests::counted", "--exact", "--ignored", "--nocapture"];
const VARIABLE: &str = "NANO_MICRO_CASE";

/// Whether there is a guard for this kind of machine.
pub const SUPPORTED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Provides what counts.
pub fn provide() -> Result<()> {
    if on_path("valgrind").is_some() {
        return Ok(());
    }
    debian::require(&["valgrind"], "counting instructions")
}

/// Counts the cases whose names contain one of `words`, all when there are none, and compares them
/// with the baseline or makes them its new figures.
///
/// # Errors
/// A case takes more instructions than the baseline allows.
pub fn run(workspace: &Workspace, words: &[String], update: bool) -> Result<()> {
    if !SUPPORTED {
        bail!("instructions are counted on x86_64 Linux: the baseline is from there");
    }
    provide()?;
    v8::provide(workspace.root())?;
    workspace.build()?;
    let program = workspace.test_program("nano_host")?;
    let cases: Vec<Case> =
        list(&program)?.into_iter().filter(|case| named(&case.name, words)).collect();
    if cases.is_empty() {
        bail!("no case is named so; these are: {}", names(&list(&program)?));
    }
    let profiles = workspace.target("instructions");
    std::fs::create_dir_all(&profiles)
        .with_context(|| format!("cannot create {}", profiles.display()))?;

    let started = Instant::now();
    say(format!("counting the instructions of {} micro benchmarks", cases.len()));
    let counted = count_all(&program, &cases, &profiles)?;
    say(format!(
        "counted in {}; profiles for callgrind_annotate: {}",
        clock(started.elapsed()),
        profiles.display()
    ));

    let here = Environment::of_this_machine(workspace)?;
    let file = workspace.root().join("benches/instructions.json");
    let old = Baseline::read(&file)?;
    let report = old.compare(&counted, &here, words.is_empty());
    println!("{report}");
    if update {
        old.updated(counted, here, words.is_empty())?.write(&file)?;
        say(format!("written: {}", file.display()));
        return Ok(());
    }
    report.verdict()
}

/// A case as the program lists it.
#[derive(Debug, PartialEq, Eq)]
struct Case {
    name: String,
    /// What is counted together.
    operations: u64,
}

fn list(program: &Path) -> Result<Vec<Case>> {
    let text = capture(Command::new(program).args(TEST).env_remove(VARIABLE))?;
    let cases: Vec<Case> = text.lines().filter_map(case_of).collect();
    if cases.is_empty() {
        bail!("`{}` lists no case", TEST[0]);
    }
    Ok(cases)
}

/// `case NAME OPERATIONS UNIT`; the test's own output may stand before it.
fn case_of(line: &str) -> Option<Case> {
    let (_, case) = line.split_once("case ")?;
    let mut words = case.split(' ');
    Some(Case { name: words.next()?.to_owned(), operations: words.next()?.parse().ok()? })
}

fn named(name: &str, words: &[String]) -> bool {
    words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
}

fn names(cases: &[Case]) -> String {
    cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Instructions per operation, by case: as many at a time as there are CPUs, since other work on
/// the machine does not change them.
fn count_all(program: &Path, cases: &[Case], profiles: &Path) -> Result<BTreeMap<String, u64>> {
    let waiting = Mutex::new(cases.iter());
    let counted = Mutex::new(Vec::new());
    let next = || waiting.lock().ok().and_then(|mut waiting| waiting.next());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let result = count(program, case, profiles);
                    if let Ok(mut counted) = counted.lock() {
                        counted.push(result);
                    }
                }
            });
        }
    });
    let counted = counted.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    counted.into_iter().collect()
}

fn count(program: &Path, case: &Case, profiles: &Path) -> Result<(String, u64)> {
    let profile = profiles.join(format!("{}.callgrind", case.name));
    let mut valgrind = callgrind::command(&profile);
    valgrind.arg(program).args(TEST).arg("--test-threads=1").env(VARIABLE, &case.name);
    // Backtraces of a failure would have their symbols looked up under valgrind: a minute.
    valgrind.env("RUST_BACKTRACE", "0");
    capture(&mut valgrind).with_context(|| format!("cannot count {}", case.name))?;
    let instructions = callgrind::total(&profile)?;
    Ok((case.name.clone(), instructions / case.operations.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_among_the_output_of_the_test() {
        let line = "test micro::tests::counted ... case json-2k 300 exchange";
        assert_eq!(case_of(line), Some(Case { name: "json-2k".into(), operations: 300 }));
        let digest = Case { name: "sha256-digest".into(), operations: 1440 };
        assert_eq!(case_of("case sha256-digest 1440 KB"), Some(digest));
        assert_eq!(case_of("running 1 test"), None);
        assert_eq!(case_of("case of trouble"), None);
    }

    #[test]
    fn words_choose_cases() {
        let words = ["json".to_owned(), "stream".to_owned()];
        assert!(named("json-2k", &words) && named("stream-upper", &words));
        assert!(!named("isolate", &words) && named("isolate", &[]));
    }
}

//! What is on record: `tests/wpt/expectations/DIRECTORY.json` has, for each file, how many subtests it
//! reports and which of them do not pass, with status and reason. The others pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::file::directory;
use super::outcome::{OK, Outcome, PASS};
use super::reasons::{Reasons, TRIAGE};
use crate::{Error, Result};

/// A status that stands for any: of subtests that depend on the time.
pub const FLAKY: &str = "FLAKY";
/// What a subtest is that did not report.
const ABSENT: &str = "absent";

/// A status that is not the good one, and why.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Failure(pub String, pub String);

/// A file with one of its variants.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Subtests that it reports.
    pub total: usize,
    /// Of the file as a whole, when it is not OK.
    pub harness: Option<Failure>,
    #[serde(default)]
    pub failures: BTreeMap<String, Failure>,
}

/// A status that is not what is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `None`: of the file as a whole.
    pub subtest: Option<String>,
    pub was: String,
    pub is: String,
    pub message: Option<String>,
}

impl FileRecord {
    /// The record of an outcome, with the reasons of an older one.
    pub fn of(file: &str, outcome: &Outcome, before: Option<&Self>, reasons: &Reasons) -> Self {
        let mut record = Self { total: outcome.subtests.len(), ..Self::default() };
        let failure = |name: Option<&str>, status: &str, old: Option<&Failure>| match old {
            Some(old) if old.0 == FLAKY => old.clone(),
            Some(old) if old.1 != TRIAGE => Failure(status.to_owned(), old.1.clone()),
            _ => Failure(status.to_owned(), reasons.of(file, name).to_owned()),
        };
        let old = before.and_then(|before| before.harness.as_ref());
        if outcome.harness != OK || old.is_some_and(|old| old.0 == FLAKY) {
            record.harness = Some(failure(None, outcome.harness, old));
        }
        for subtest in &outcome.subtests {
            let old = before.and_then(|before| before.failures.get(&subtest.name));
            if subtest.status != PASS || old.is_some_and(|old| old.0 == FLAKY) {
                let failure = failure(Some(&subtest.name), subtest.status, old);
                record.failures.insert(subtest.name.clone(), failure);
            }
        }
        record
    }

    /// Where an outcome differs from the record, for better or worse.
    pub fn compare(&self, outcome: &Outcome) -> Vec<Change> {
        let mut changes = Vec::new();
        let harness = self.harness.as_ref().map_or(OK, |failure| &failure.0);
        if harness != outcome.harness && harness != FLAKY {
            changes.push(Change {
                subtest: None,
                was: harness.to_owned(),
                is: outcome.harness.to_owned(),
                message: outcome.message.clone(),
            });
        }
        let mut reported = BTreeSet::new();
        for subtest in &outcome.subtests {
            reported.insert(&subtest.name);
            let was = self.failures.get(&subtest.name).map_or(PASS, |failure| &failure.0);
            if was != subtest.status && was != FLAKY {
                changes.push(Change {
                    subtest: Some(subtest.name.clone()),
                    was: was.to_owned(),
                    is: subtest.status.to_owned(),
                    message: subtest.message.clone(),
                });
            }
        }
        for (name, failure) in &self.failures {
            if !reported.contains(name) && failure.0 != FLAKY {
                changes.push(Change {
                    subtest: Some(name.clone()),
                    was: failure.0.clone(),
                    is: ABSENT.to_owned(),
                    message: None,
                });
            }
        }
        // A subtest that is not on record by name because it passed.
        if self.total != outcome.subtests.len() && harness != FLAKY {
            changes.push(Change {
                subtest: None,
                was: format!("{} subtests", self.total),
                is: format!("{} subtests", outcome.subtests.len()),
                message: outcome.message.clone(),
            });
        }
        changes
    }
}

/// The change of a file that is not on record.
pub fn unknown(outcome: &Outcome) -> Change {
    Change {
        subtest: None,
        was: "not in the expectations".to_owned(),
        is: format!("{}, {} of {}", outcome.harness, outcome.passed(), outcome.subtests.len()),
        message: outcome.message.clone(),
    }
}

/// The record of all files.
#[derive(Debug, Default)]
pub struct Expectations {
    pub files: BTreeMap<String, FileRecord>,
}

impl Expectations {
    /// Reads those of the directories that these files belong to.
    pub fn read<'a>(folder: &Path, names: impl Iterator<Item = &'a str>) -> Result<Self> {
        let mut all = Self::default();
        for dir in directories(names) {
            let place = place(folder, dir);
            if place.exists() {
                let text = std::fs::read_to_string(&place)
                    .map_err(Error::during(format!("can't read {}", place.display())))?;
                let files: BTreeMap<String, FileRecord> = serde_json::from_str(&text)
                    .map_err(Error::during(format!("bad expectations in {}", place.display())))?;
                all.files.extend(files);
            }
        }
        Ok(all)
    }

    /// Writes the files of the same directories anew.
    pub fn write<'a>(&self, folder: &Path, names: impl Iterator<Item = &'a str>) -> Result<()> {
        for dir in directories(names) {
            let files = self.files.iter().filter(|(name, _)| directory(name) == dir);
            let place = place(folder, dir);
            let cannot =
                || Error::during::<std::io::Error>(format!("can't write {}", place.display()));
            if let Some(parent) = place.parent() {
                std::fs::create_dir_all(parent).map_err(cannot())?;
            }
            std::fs::write(&place, text(files)).map_err(cannot())?;
        }
        Ok(())
    }
}

fn directories<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.map(directory).collect()
}

/// Where the expectations of a directory are.
fn place(folder: &Path, dir: &str) -> PathBuf {
    folder.join(format!("{dir}.json"))
}

/// JSON with a line for each file and each failure, so that a change is a line of a diff.
fn text<'a>(files: impl Iterator<Item = (&'a String, &'a FileRecord)>) -> String {
    let mut lines = Vec::new();
    for (name, record) in files {
        let mut text = format!("{}: {{ \"total\": {}", json!(name), record.total);
        if let Some(harness) = &record.harness {
            let _ = write!(text, ", \"harness\": {}", json!(harness));
        }
        if !record.failures.is_empty() {
            let failures: Vec<_> = record
                .failures
                .iter()
                .map(|(name, failure)| format!("  {}: {}", json!(name), json!(failure)))
                .collect();
            let _ = write!(text, ", \"failures\": {{\n{}\n}}", failures.join(",\n"));
        }
        lines.push(text + " }");
    }
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Subtest;
    use super::*;

    fn outcome(harness: &'static str, subtests: &[(&str, &'static str)]) -> Outcome {
        let subtests = subtests
            .iter()
            .map(|&(name, status)| Subtest { name: name.to_owned(), status, message: None })
            .collect();
        Outcome { harness, subtests, ..Outcome::crash("") }
    }

    fn changes(record: &FileRecord, outcome: &Outcome) -> Vec<String> {
        let line = |change: Change| {
            format!("{}: {} -> {}", change.subtest.unwrap_or_default(), change.was, change.is)
        };
        record.compare(outcome).into_iter().map(line).collect()
    }

    #[test]
    fn what_is_as_recorded_is_no_change() {
        let was = outcome("TIMEOUT", &[("a", "PASS"), ("b", "FAIL"), ("c", "NOTRUN")]);
        let record = FileRecord::of("x", &was, None, &Reasons::default());
        assert_eq!(record.total, 3);
        assert_eq!(record.failures["b"], Failure("FAIL".to_owned(), TRIAGE.to_owned()));
        assert!(record.compare(&was).is_empty());
    }

    #[test]
    fn every_difference_is_a_change() {
        let was = outcome("OK", &[("a", "PASS"), ("b", "FAIL"), ("c", "FAIL"), ("d", "PASS")]);
        let record = FileRecord::of("x", &was, None, &Reasons::default());
        let is = outcome("ERROR", &[("a", "FAIL"), ("b", "PASS"), ("e", "FAIL")]);
        assert_eq!(
            changes(&record, &is),
            [
                ": OK -> ERROR",
                "a: PASS -> FAIL",
                "b: FAIL -> PASS",
                "e: PASS -> FAIL",
                "c: FAIL -> absent",
                ": 4 subtests -> 3 subtests",
            ]
        );
    }

    #[test]
    fn reasons_and_what_is_flaky_outlive_an_update() {
        let failure = |status: &str, reason: &str| Failure(status.to_owned(), reason.to_owned());
        let before = FileRecord {
            total: 3,
            harness: None,
            failures: [
                ("a".to_owned(), failure("FAIL", "needs DOM")),
                ("b".to_owned(), failure(FLAKY, "timing")),
                ("c".to_owned(), failure("FAIL", "cors")),
            ]
            .into(),
        };
        let is = outcome("OK", &[("a", "TIMEOUT"), ("b", "PASS"), ("c", "PASS"), ("d", "FAIL")]);
        assert_eq!(
            changes(&before, &is),
            [
                "a: FAIL -> TIMEOUT",
                "c: FAIL -> PASS",
                "d: PASS -> FAIL",
                ": 3 subtests -> 4 subtests"
            ]
        );
        let record = FileRecord::of("x", &is, Some(&before), &Reasons::default());
        assert_eq!(record.failures["a"], failure("TIMEOUT", "needs DOM"));
        assert_eq!(record.failures["b"], failure(FLAKY, "timing"));
        assert_eq!(record.failures["d"], failure("FAIL", TRIAGE));
        assert!(!record.failures.contains_key("c"));
        assert!(record.compare(&is).is_empty());
    }

    #[test]
    fn a_record_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let was = outcome("TIMEOUT", &[("a \"quoted\"\n", "FAIL"), ("b", "PASS")]);
        let name = "fetch/api/a.any.js?x";
        let record = FileRecord::of(name, &was, None, &Reasons::default());
        let all = Expectations { files: [(name.to_owned(), record)].into() };
        all.write(folder.path(), [name].into_iter()).unwrap();
        assert!(folder.path().join("fetch/api.json").exists());
        let again = Expectations::read(folder.path(), [name, "url/b.any.js"].into_iter()).unwrap();
        assert_eq!(again.files, all.files);
    }
}

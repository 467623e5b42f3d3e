//! The committed figures, and what a run is beside them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::environment::Environment;

/// A case may take this much more, in percent. Counts of the same code differ by 0.2 % at most; the
/// rest is for what moves with any change, such as the order of a table.
const TOLERANCE: u64 = 2;

/// The same where something differs that changes counts.
const TOLERANCE_ELSEWHERE: u64 = 20;

/// Instructions per operation by case, and where they were counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    environment: Environment,
    instructions: BTreeMap<String, u64>,
}

impl Baseline {
    /// The file's; an empty one when there is no file.
    pub fn read(file: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error).with_context(|| format!("{}", file.display())),
        };
        Self::parse(&text).with_context(|| format!("{} is no baseline", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        let figures = value["instructions"].as_object().context("no `instructions`")?;
        let figure = |(name, figure): (&String, &Value)| {
            let figure = figure.as_u64().with_context(|| format!("{name} is not a count"))?;
            Ok((name.clone(), figure))
        };
        let instructions = figures.iter().map(figure).collect::<Result<_>>()?;
        Ok(Self { environment: Environment::from_json(&value["environment"]), instructions })
    }

    pub fn write(&self, file: &Path) -> Result<()> {
        let figures: Map<String, Value> =
            self.instructions.iter().map(|(name, figure)| (name.clone(), json!(figure))).collect();
        let value = json!({ "environment": self.environment.to_json(), "instructions": figures });
        let text = serde_json::to_string_pretty(&value)? + "\n";
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// The baseline after a run: of `all` cases, or of some and those of before.
    ///
    /// # Errors
    /// Those of before were counted elsewhere: figures of two kinds would stand in one file.
    pub fn updated(
        mut self,
        counted: BTreeMap<String, u64>,
        environment: Environment,
        all: bool,
    ) -> Result<Self> {
        if all {
            self.instructions.clear();
        } else if let Some(difference) = self.environment.difference(&environment) {
            bail!("update all cases together: the baseline is from elsewhere ({difference})");
        }
        self.instructions.extend(counted);
        Ok(Self { environment, instructions: self.instructions })
    }

    /// What a run is beside the baseline; `all` when it was of all cases.
    pub fn compare(
        &self,
        counted: &BTreeMap<String, u64>,
        here: &Environment,
        all: bool,
    ) -> Report {
        let elsewhere = self.environment.difference(here);
        let tolerance = if elsewhere.is_some() { TOLERANCE_ELSEWHERE } else { TOLERANCE };
        let line = |(name, now): (&String, &u64)| Line {
            name: name.clone(),
            now: *now,
            before: self.instructions.get(name).copied(),
        };
        let gone = self.instructions.keys().filter(|name| all && !counted.contains_key(*name));
        Report {
            lines: counted.iter().map(line).collect(),
            gone: gone.cloned().collect(),
            elsewhere,
            tolerance,
        }
    }
}

/// One case.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    name: String,
    now: u64,
    before: Option<u64>,
}

impl Line {
    /// How much more than before, in percent.
    fn change(&self) -> Option<f64> {
        let before = self.before.filter(|before| *before > 0)?;
        Some((self.now as f64 / before as f64 - 1.0) * 100.0)
    }
}

/// A run beside the baseline.
#[derive(Debug)]
pub struct Report {
    lines: Vec<Line>,
    /// Cases of the baseline that there are no more.
    gone: Vec<String>,
    /// How the machine differs from the baseline's.
    elsewhere: Option<String>,
    /// In percent.
    tolerance: u64,
}

const UPDATE: &str = "cargo xtask bench --instructions --update";

impl Report {
    fn those(&self, wanted: impl Fn(&Line) -> bool) -> String {
        let names = self.lines.iter().filter(|line| wanted(line)).map(|line| line.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    fn more(&self) -> String {
        self.those(|line| {
            line.before.is_some_and(|before| line.now * 100 > before * (100 + self.tolerance))
        })
    }

    /// An error when the baseline has to change, or the code.
    pub fn verdict(&self) -> Result<()> {
        let more = self.more();
        if !more.is_empty() {
            let elsewhere = self.elsewhere.as_ref().map_or(String::new(), |difference| {
                format!(" The baseline is from elsewhere ({difference}), which may be the reason.")
            });
            bail!(
                "more instructions than the {} % above the baseline that are allowed: {more}.\
                 {elsewhere} If that is the price of a change that is wanted, say so in its \
                 commit and run `{UPDATE}`",
                self.tolerance
            );
        }
        let new = self.those(|line| line.before.is_none());
        if !new.is_empty() || !self.gone.is_empty() {
            let gone = self.gone.join(", ");
            bail!(
                "the baseline does not have the same cases (new: {new}; gone: {gone}): `{UPDATE}`"
            );
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24} {:>14} {:>14} {:>9}", "case", "instructions", "baseline", "change")?;
        for line in &self.lines {
            let before = line.before.map_or("none".into(), |before| before.to_string());
            let change = line.change().map_or(String::new(), |change| format!("{change:+.2} %"));
            writeln!(f, "{:<24} {:>14} {before:>14} {change:>9}", line.name, line.now)?;
        }
        if let Some(difference) = &self.elsewhere {
            writeln!(
                f,
                "The baseline is from elsewhere, so {} % more are allowed: {difference}.",
                self.tolerance
            )?;
        }
        let less = self.those(|line| {
            line.before.is_some_and(|before| line.now * 100 < before * (100 - self.tolerance))
        });
        if !less.is_empty() && self.elsewhere.is_none() {
            writeln!(f, "Clearly less, keep it by `{UPDATE}`: {less}.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "environment": { "rustc": "1.95.0" },
        "instructions": { "a": 1000, "b": 2000 }
    }"#;

    fn here(rustc: &str) -> Environment {
        Environment::from_json(&json!({ "rustc": rustc }))
    }

    fn compared(a: u64, b: u64, rustc: &str) -> Report {
        let counted = BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        Baseline::parse(FILE).unwrap().compare(&counted, &here(rustc), true)
    }

    #[test]
    fn a_case_may_take_as_much_more_as_counts_differ_anyway() {
        assert!(compared(1020, 2000, "1.95.0").verdict().is_ok());
        let error = compared(1021, 2000, "1.95.0").verdict().unwrap_err().to_string();
        assert!(error.contains("allowed: a.") && error.contains("--update"), "{error}");
        // Nor does one that got better make up for it.
        assert!(compared(1021, 1000, "1.95.0").verdict().is_err());
    }

    #[test]
    fn elsewhere_only_what_can_be_nothing_else_fails() {
        let report = compared(1190, 2000, "1.96.0");
        assert!(report.verdict().is_ok());
        assert!(report.to_string().contains("rustc was 1.95.0, here is 1.96.0"), "{report}");
        let error = compared(1210, 2000, "1.96.0").verdict().unwrap_err().to_string();
        assert!(error.contains("rustc was 1.95.0"), "{error}");
    }

    #[test]
    fn clearly_less_is_said() {
        assert!(compared(900, 2000, "1.95.0").to_string().contains("--update`: a."));
        assert!(!compared(981, 2000, "1.95.0").to_string().contains("--update"));
    }

    #[test]
    fn a_case_that_only_one_side_has_is_an_error() {
        let baseline = Baseline::parse(FILE).unwrap();
        let some = BTreeMap::from([("a".to_owned(), 1000)]);
        assert!(baseline.compare(&some, &here("1.95.0"), true).verdict().is_err());
        // Unless it was not asked for.
        assert!(baseline.compare(&some, &here("1.95.0"), false).verdict().is_ok());
        let more = BTreeMap::from([("a".to_owned(), 1000), ("c".to_owned(), 1)]);
        assert!(baseline.compare(&more, &here("1.95.0"), false).verdict().is_err());
    }

    #[test]
    fn an_update_of_some_cases_leaves_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("instructions.json");
        assert_eq!(Baseline::read(&file).unwrap(), Baseline::default());
        let some = BTreeMap::from([("a".to_owned(), 7)]);
        let updated = |rustc: &str, all: bool| {
            Baseline::parse(FILE).unwrap().updated(some.clone(), here(rustc), all)
        };
        for (rustc, all, left) in [("1.95.0", false, Some(2000)), ("1.96.0", true, None)] {
            updated(rustc, all).unwrap().write(&file).unwrap();
            let new = Baseline::read(&file).unwrap();
            assert_eq!(new.instructions.get("a"), Some(&7));
            assert_eq!(new.instructions.get("b").copied(), left);
            assert_eq!(new.environment, here(rustc));
        }
        assert!(updated("1.96.0", false).is_err());
        std::fs::write(&file, "{}").unwrap();
        assert!(Baseline::read(&file).is_err());
    }
}

//! What a run leaves behind: JSON for scripts, Markdown for people, plots.

mod machine;
mod markdown;
mod plots;
mod svg;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nano_tests::{Error, Result};
use serde::Serialize;

use crate::aims::{self, Verdict};
use crate::outcome::Outcome;
use machine::Machine;

/// All that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The medians of all ratios by key: what scripts compare.
    ratios: BTreeMap<String, f64>,
    aims: Vec<Verdict>,
    machine: Machine,
    date: String,
    quick: bool,
    scenarios: BTreeMap<&'static str, Outcome>,
}

impl Report {
    pub fn new(outcomes: BTreeMap<&'static str, Outcome>, quick: bool) -> Result<Self> {
        let ratios = outcomes.values().flat_map(|outcome| &outcome.ratios);
        Ok(Self {
            ratios: ratios.map(|(key, figure)| (key.clone(), figure.median)).collect(),
            aims: aims::judge(&outcomes),
            machine: Machine::this()?,
            date: machine::today()?,
            quick,
            scenarios: outcomes,
        })
    }

    pub fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(Error::during("can't write JSON"))
    }

    pub fn markdown(&self) -> String {
        markdown::document(self)
    }

    /// Writes all files into a directory of `benches/results/` and returns it. What is not a whole
    /// measurement has another directory, which git ignores, so that it never replaces one.
    pub fn write(&self, complete: bool) -> Result<PathBuf> {
        let mut name = format!("{}-{}", self.date, self.machine.class());
        name += match (complete, self.quick) {
            (true, false) => "",
            (true, true) => "-quick",
            (false, _) => "-partial",
        };
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join(name);
        // Plots of an earlier run are not this one's.
        if directory.exists() {
            std::fs::remove_dir_all(&directory)
                .map_err(Error::during(format!("can't replace {}", directory.display())))?;
        }
        std::fs::create_dir_all(&directory)
            .map_err(Error::during(format!("can't create {}", directory.display())))?;
        put(&directory.join("results.json"), &self.json()?)?;
        put(&directory.join("results.md"), &self.markdown())?;
        for (name, plot) in plots::all(self) {
            put(&directory.join(name), &plot)?;
        }
        Ok(directory)
    }
}

/// Writes a file.
pub fn put(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(Error::during(format!("can't write {}", path.display())))
}

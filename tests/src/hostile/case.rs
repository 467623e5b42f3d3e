//! `case.toml`: one attack and what must become of it. `tests/hostile/README.md` explains each key
//! to who writes one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::generate::Generate;
use super::grpc::GrpcAttack;
use super::http::HttpAttack;
use super::raw::RawAttack;
use crate::{Error, Result};

/// A folder of the corpus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The folder's name, which is the Worker's name as well.
    #[serde(skip)]
    pub name: String,
    #[serde(skip)]
    pub directory: PathBuf,
    /// The attack, in a sentence.
    pub what: String,
    /// What the host lacks to contain it; such a case is run and reported, but fails nothing.
    pub waiting_for: Option<String>,
    /// Not beside other cases: it needs the machine or the memory for itself.
    #[serde(default)]
    pub alone: bool,
    /// V8 ends the engine's process, which must be replaced within moments. What ran in it is lost,
    /// so such a case runs after all others.
    #[serde(default)]
    pub crashes: bool,
    /// `[worker.NAME]` of nano.toml.
    #[serde(default)]
    pub settings: toml::Table,
    /// Files that are too large, too many or too odd to be committed.
    #[serde(default)]
    pub generate: Vec<Generate>,
    /// The Worker must be refused when it is loaded, with a text that has all of these.
    pub refused: Option<Vec<String>>,
    /// What must have become of the isolate in the end.
    #[serde(default)]
    pub isolate: Isolate,
    /// The most that the Worker's lines may add to the log, in KiB.
    pub log_max_kb: Option<u64>,
    /// The longest that the attack may take, in seconds.
    #[serde(default = "within_s")]
    pub within_s: u64,
    #[serde(default, rename = "request")]
    pub requests: Vec<HttpAttack>,
    #[serde(default, rename = "raw")]
    pub raws: Vec<RawAttack>,
    #[serde(default, rename = "stream")]
    pub streams: Vec<GrpcAttack>,
}

/// What the Worker's isolate is after the attack. A Worker answers `/well` with how often its
/// isolate was asked that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolate {
    /// The Worker answers; by which isolate makes no difference.
    #[default]
    Any,
    /// The same isolate goes on.
    Kept,
    /// Another one has taken its place.
    Fresh,
    /// Nobody asks: the Worker has no `/well`.
    Unasked,
}

fn within_s() -> u64 {
    60
}

impl Case {
    /// Reads `case.toml` of a folder.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join("case.toml");
        let text = std::fs::read_to_string(&path)
            .map_err(Error::during(format!("can't read {}", path.display())))?;
        let mut case: Self = toml::from_str(&text).map_err(Error::during(path.display()))?;
        case.name =
            directory.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        directory.clone_into(&mut case.directory);
        let attacks = case.requests.len() + case.raws.len() + case.streams.len();
        if attacks == 0 && case.refused.is_none() {
            return Err(Error::new(format!("{} asks for nothing", path.display())));
        }
        Ok(case)
    }

    /// Whether it brings a Worker, and is not only a client.
    pub fn has_worker(&self) -> bool {
        let is_wrangler = |name: &str| name.starts_with("wrangler.");
        let committed = std::fs::read_dir(&self.directory).is_ok_and(|entries| {
            entries.flatten().any(|entry| is_wrangler(&entry.file_name().to_string_lossy()))
        });
        committed || self.generate.iter().any(|made| is_wrangler(made.path()))
    }

    pub fn within(&self) -> Duration {
        Duration::from_secs(self.within_s)
    }

    /// The Worker that its requests are for: its own, or the good tenant's.
    pub fn target(&self) -> &str {
        if self.has_worker() { &self.name } else { super::tenant::NAME }
    }
}

/// All cases below `tests/hostile`, by name; with `wanted`, those whose names contain one of the
/// words.
pub fn corpus(wanted: &[String]) -> Result<Vec<Case>> {
    let root = crate::stack::root().join("tests/hostile");
    let failed = || Error::during(format!("can't read {}", root.display()));
    let mut folders = BTreeMap::new();
    for entry in std::fs::read_dir(&root).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.join("case.toml").is_file() {
            folders.insert(name, path);
        }
    }
    let fits = |name: &String| wanted.is_empty() || wanted.iter().any(|word| name.contains(word));
    let cases: Result<Vec<_>> =
        folders.iter().filter(|(name, _)| fits(name)).map(|(_, path)| Case::read(path)).collect();
    match cases {
        Ok(cases) if cases.is_empty() => {
            Err(Error::new(format!("no case is called like that: {}", wanted.join(", "))))
        }
        other => other,
    }
}

//! The programs of a measurement: each on its CPUs, with its output in a file, ended when dropped.

pub mod envoy;
pub mod floor;
pub mod nano;
pub mod origin;
pub mod workerd;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nano_tests::process::Process;
use nano_tests::{Error, Result};

use crate::ending;

/// How often a starting program is looked at: its start-up time is measured.
const LOOK: Duration = Duration::from_millis(1);
/// For programs that start nothing of their own.
const SOON: Duration = Duration::from_secs(30);
/// Thousands of Workers take their time.
const START_LIMIT: Duration = Duration::from_mins(5);

/// A Worker's directory and what it is given beyond its own wrangler file.
#[derive(Clone, Debug)]
pub struct Worker {
    pub name: String,
    /// Holds `wrangler.toml` and the modules.
    pub directory: PathBuf,
    pub vars: Vec<(String, String)>,
}

impl Worker {
    /// One of `benches/workers/`.
    pub fn of_benches(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("workers").join(name);
        Self { name: name.to_owned(), directory, vars: Vec::new() }
    }

    /// Its wrangler file, for runtimes that do not read one.
    pub fn wrangler(&self) -> Result<toml::Table> {
        let path = self.directory.join("wrangler.toml");
        let text = read(&path)?;
        text.parse().map_err(Error::during(format!("{} is not TOML", path.display())))
    }
}

/// Waits until a starting program is ready; gives up when a signal ends the run.
fn wait(process: &Process, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
    process.wait_every(LOOK, limit, || ending::check().is_err() || ready())?;
    ending::check()
}

/// A program beside this one.
fn sibling(name: &str) -> Result<PathBuf> {
    let mut path = std::env::current_exe().map_err(Error::during("can't find this program"))?;
    path.set_file_name(name);
    if path.is_file() { Ok(path) } else { Err(Error::new(format!("no {}", path.display()))) }
}

/// A program that `cargo xtask bench` names in the environment.
pub fn provided(variable: &str) -> Result<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| Error::new(format!("{variable} is not set: run `cargo xtask bench`")))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(Error::during(format!("can't read {}", path.display())))
}

pub fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(Error::during(format!("can't write {}", path.display())))
}

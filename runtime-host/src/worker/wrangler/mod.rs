//! wrangler's configuration files: `wrangler.json`, `wrangler.jsonc`, `wrangler.toml`.

mod keys;
mod read;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub use read::read;

use super::rules::Rule;

/// In the order in which wrangler looks for them.
const FILES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// What the host takes from a wrangler file. Paths are as the file has them.
#[derive(Clone, Debug, Default)]
pub struct Wrangler {
    /// `None` when the file does not say it: the directory's name counts.
    pub name: Option<String>,
    pub main: String,
    /// Bytes of the file that hold the value of `main`.
    pub main_span: (usize, usize),
    pub compatibility_date: Option<String>,
    pub compatibility_flags: Vec<String>,
    pub vars: Map<String, Value>,
    /// Bytes of the file that hold each variable's name, in the order of the file.
    pub var_spans: Vec<(String, (usize, usize))>,
    /// Valid patterns; those of custom domains end in `/*`.
    pub routes: Vec<String>,
    /// The user's rules only.
    pub rules: Vec<Rule>,
    pub find_additional_modules: bool,
    /// `None`: the directory of `main`.
    pub base_dir: Option<String>,
    pub cpu_ms: Option<u64>,
    pub subrequests: Option<u32>,
}

/// The wrangler files of a directory, in the order of precedence.
pub fn files_in(directory: &Path) -> Vec<PathBuf> {
    FILES.iter().map(|file| directory.join(file)).filter(|file| file.is_file()).collect()
}

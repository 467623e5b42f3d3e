//! What a process that runs Workers gives up, so that a hole in V8 is not one in the machine.
//!
//! Three layers, none of which can be taken back: no privileges (no capabilities, and a set-user-ID
//! program would run as nobody special), Landlock (files: reading what the host needs, writing nothing
//! but the cache; no TCP port of its own; no signals to others), seccomp (only the system calls that the
//! host makes). All are inherited by threads that are started afterwards, so [`enter`] comes before the
//! first.
//!
//! It does not keep an attacker who runs machine code in an engine from that engine's memory, from
//! connecting to what the machine can reach, or from what may be read: see docs/operations.md.

mod files;
mod privileges;
mod system_calls;

use std::path::PathBuf;

use crate::config::{Config, Sandbox};

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What could not be had, for the log.
    pub missing: Vec<String>,
    /// What may be read, as the configuration names it; `None` without Landlock.
    readable: Option<Vec<PathBuf>>,
}

impl Report {
    /// Directories of Workers of a changed configuration that this process may not read.
    pub fn outside(&self, config: &Config) -> Vec<PathBuf> {
        let Some(readable) = &self.readable else { return Vec::new() };
        let may = |path: &PathBuf| readable.iter().any(|root| path.starts_with(root));
        files::of(config).into_iter().filter(|path| !may(path)).collect()
    }

    /// Whether files are restricted at all.
    pub fn restricts_files(&self) -> bool {
        self.readable.is_some()
    }
}

/// Gives up what running `config` does not need, for the calling thread and those it will start.
/// `own` are files of the program's own that it reads later.
///
/// # Errors
/// The configuration insists on it, and the kernel can't. Text for the operator.
pub fn enter(config: &Config, own: &[PathBuf]) -> Result<Report, String> {
    let mut report = Report::default();
    if config.server.sandbox == Sandbox::Off {
        return Ok(report);
    }
    let readable = files::of(config);
    let cache = config.cache.directory.as_deref();
    if let Some(directory) = cache {
        // What is not there can't be allowed. Who opens the cache says what is wrong with it.
        let _ = std::fs::create_dir_all(directory);
    }
    match files::restrict(readable.iter().chain(own), cache) {
        Ok(left_out) => {
            report.readable = Some(readable);
            report.missing.extend(left_out);
        }
        Err(error) => report.missing.push(format!("Landlock: {error}")),
    }
    // Before the system calls for it are gone.
    if let Err(error) = privileges::give_up() {
        report.missing.push(format!("capabilities: {error}"));
    }
    if let Err(error) = system_calls::restrict(cache.is_some()) {
        report.missing.push(format!("seccomp: {error}"));
    }
    if config.server.sandbox == Sandbox::Require && !report.missing.is_empty() {
        return Err(format!(
            "server.sandbox is \"require\", and this kernel does not give all of it: {}",
            report.missing.join("; ")
        ));
    }
    Ok(report)
}

#[cfg(test)]
mod tests;

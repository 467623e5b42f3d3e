//! Packages from PyPI, in a virtual environment of our own: Debian's Python does
//! not let pip write into the system.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{run, say, succeeds};
use crate::{cache, debian};

/// The virtual environment's directory of programs, made on first use.
pub fn bin() -> Result<PathBuf> {
    let venv = cache::dir()?.join("python");
    let bin = venv.join("bin");
    if succeeds(Command::new(bin.join("python3")).args(["-m", "pip", "--version"])) {
        return Ok(bin);
    }
    say(format!("making a Python environment in {}", venv.display()));
    if !succeeds(&mut new_venv(&venv)) {
        debian::require(&["python3", "python3-venv"], "packages from PyPI")?;
        run(&mut new_venv(&venv)).context("cannot make a Python environment")?;
    }
    Ok(bin)
}

/// Installs a package of exactly this version, with none of its dependencies.
pub fn install(package: &str, version: &str) -> Result<()> {
    let bin = bin()?;
    let pinned = format!("{package}=={version}");
    if succeeds(Command::new(bin.join("python3")).args(["-c", &has(package, version)])) {
        return Ok(());
    }
    say(format!("installing {pinned} from PyPI into {}", bin.display()));
    let pip = ["-m", "pip", "install", "--quiet", "--no-deps", &pinned];
    run(Command::new(bin.join("python3")).args(pip)).with_context(|| format!("cannot get {pinned}"))
}

/// Downloads a package's wheel of exactly this version into `dir`.
pub fn download(package: &str, version: &str, dir: &Path) -> Result<()> {
    let pinned = format!("{package}=={version}");
    let pip = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest"];
    run(Command::new(bin()?.join("python3")).args(pip).arg(dir).arg(&pinned))
        .with_context(|| format!("cannot get {pinned} from PyPI"))
}

fn new_venv(venv: &Path) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "venv", "--clear"]).arg(venv);
    command
}

fn has(package: &str, version: &str) -> String {
    format!("import importlib.metadata as m; assert m.version({package:?}) == {version:?}")
}

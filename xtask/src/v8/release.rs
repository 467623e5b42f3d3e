//! The `v8` crate's own release of its library.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::artifact::release_url;
use crate::cache;
use crate::process::{on_path, run, say, succeeds};

/// Seconds after which a host that does not answer counts as out of reach.
const PATIENCE: &str = "10";

/// Downloads the archive to where the crate looks for it first; false where that is
/// not possible. The crate would download it as well, but for each target directory
/// anew, without a sign of progress, and without giving up on a silent network.
pub fn download(cached: &Path) -> bool {
    let downloaded = fetch(&release_url(), cached);
    if let Err(reason) = &downloaded {
        say(format!("V8: the v8 crate's release cannot be downloaded here ({reason:#})"));
    }
    downloaded.is_ok()
}

fn fetch(url: &str, cached: &Path) -> Result<()> {
    cache::put(cached, |scratch| {
        reach(url)?;
        say(format!("V8: downloading {url}"));
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--location", "--show-error", "--progress-bar"]);
        // Slower than 1 kB/s for half a minute is a network that has gone away.
        curl.args(["--connect-timeout", PATIENCE, "--speed-limit", "1000", "--speed-time", "30"]);
        run(curl.arg("--output").arg(scratch).arg(url))?;
        run(Command::new("gzip").arg("--test").stdin(std::fs::File::open(scratch)?))
    })
}

/// Asks for the archive's headers only, to find out soon and quietly.
fn reach(url: &str) -> Result<()> {
    if on_path("curl").is_none() {
        bail!("curl is not installed");
    }
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--location", "--silent", "--head"]);
    curl.args(["--connect-timeout", PATIENCE, "--max-time", "20"]);
    if !succeeds(curl.arg(url)) {
        bail!("its host is out of reach");
    }
    Ok(())
}

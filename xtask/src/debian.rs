//! Programs from Debian's packages, installed only when a command needs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{on_path, run, say, succeeds};

/// Sees to it that these packages are installed, and says so when it installs any.
///
/// `why` completes the sentence "installing … for".
pub fn require(packages: &[&str], why: &str) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if on_path("apt-get").is_none() {
        bail!("{why} needs what Debian packages as: {list}. Install these and run this again");
    }
    say(format!("installing for {why}, with apt-get from Debian: {list}"));
    // An old list of packages names versions that the mirror no longer has, a new
    // machine has no list at all: both are mended by an update before the retry.
    if install(&missing).is_err() {
        run(apt_get()?.args(["update", "--quiet"])).context("cannot update the package lists")?;
        install(&missing).with_context(|| {
            format!("cannot install {list}; {why} needs Debian 12 with its security updates")
        })?;
    }
    Ok(())
}

/// Unpacks these packages below `into` without installing them: no root is needed, and nothing of the
/// machine changes. `why` as for [`require`].
pub fn unpack(packages: &[&str], into: &Path, why: &str) -> Result<()> {
    if on_path("apt-get").is_none() || on_path("dpkg-deb").is_none() {
        bail!("{why} needs what Debian packages as: {}", packages.join(" "));
    }
    let mut scratch = into.as_os_str().to_owned();
    scratch.push(".debs");
    let scratch = PathBuf::from(scratch);
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    std::fs::create_dir_all(&scratch)
        .with_context(|| format!("cannot create {}", scratch.display()))?;
    let download = || {
        let mut command = Command::new("apt-get");
        // Root would have another user fetch, who can't write here.
        command.args(["download", "-qq", "--option=APT::Sandbox::User=root"]).args(packages);
        run(command.current_dir(&scratch).stdout(Stdio::null()))
    };
    // As for an installation.
    if download().is_err() {
        run(apt_get()?.args(["update", "--quiet"])).context("cannot update the package lists")?;
        download().with_context(|| format!("{why} needs Debian 12 with its security updates"))?;
    }
    for entry in std::fs::read_dir(&scratch)? {
        let package = entry?.path();
        run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(into))?;
    }
    std::fs::remove_dir_all(&scratch)
        .with_context(|| format!("cannot remove {}", scratch.display()))
}

fn install(packages: &[&str]) -> Result<()> {
    let mut command = apt_get()?;
    // Twice quiet, without a terminal: errors only, not a line for each unpacked file.
    command.args(["install", "--yes", "-qq", "--option=Dpkg::Use-Pty=0"]);
    command.arg("--no-install-recommends").args(packages).stdout(Stdio::null());
    run(command.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn installed(package: &str) -> bool {
    let query = ["--show", "--showformat=${db:Status-Status}", package];
    let output = Command::new("dpkg-query").args(query).output();
    output.is_ok_and(|output| output.status.success() && output.stdout == b"installed")
}

/// `apt-get` as root, by way of `sudo` for anybody else.
fn apt_get() -> Result<Command> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if root {
        return Ok(Command::new("apt-get"));
    }
    if on_path("sudo").is_none() || !succeeds(Command::new("sudo").arg("--validate")) {
        bail!("installing packages needs root: run this as root, or install them yourself");
    }
    let mut command = Command::new("sudo");
    command.arg("apt-get");
    Ok(command)
}

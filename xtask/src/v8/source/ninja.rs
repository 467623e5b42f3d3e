//! Ninja, with a line of progress instead of thousands of lines of output.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::work::Work;
use crate::process::capture;
use crate::progress::Progress;

/// Builds `targets`. What ninja has built before, in this run or an earlier one that
/// was interrupted, it does not build again.
pub fn build(work: &Work, what: &str, targets: &[&str]) -> Result<()> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut ninja = Command::new("ninja");
    ninja.arg("-C").arg(work.out()).arg(format!("-j{jobs}")).args(targets);
    ninja.env("NINJA_STATUS", "[%f/%t] ").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut log = File::options().create(true).append(true).open(work.log())?;
    let mut child = ninja.spawn().context("cannot start ninja")?;
    let output = child.stdout.take().context("ninja's output is a pipe")?;

    let mut progress = Progress::new(what);
    // What was printed since the last step that ended well: if ninja fails, the reason.
    let mut recent = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        writeln!(log, "{line}")?;
        if let Some((done, total)) = parse_status(&line) {
            progress.update(done, total);
            recent.clear();
        } else {
            recent.push(line);
        }
    }
    progress.finish();
    let status = child.wait()?;
    if !status.success() {
        let log = work.log();
        bail!("{what} failed; all output is in {}\n{}", log.display(), recent.join("\n"));
    }
    Ok(())
}

/// The command line that makes `object`.
pub fn command_of(work: &Work, object: &str) -> Result<String> {
    let mut ninja = Command::new("ninja");
    ninja.arg("-C").arg(work.out()).args(["-t", "commands", "-s", object]);
    let commands = capture(&mut ninja)?;
    let compile = commands.lines().find(|line| line.ends_with(object));
    compile.map(ToOwned::to_owned).with_context(|| format!("ninja does not know {object}"))
}

/// The `[done/total]` at the start of a step's line.
fn parse_status(line: &str) -> Option<(u32, u32)> {
    let (status, _step) = line.strip_prefix('[')?.split_once("] ")?;
    let (done, total) = status.split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_status;

    #[test]
    fn reads_ninjas_status_and_nothing_else() {
        assert_eq!(parse_status("[12/2230] CXX obj/a.o"), Some((12, 2230)));
        assert_eq!(parse_status("FAILED: obj/a.o"), None);
        assert_eq!(parse_status("[-Wshadow] of [1/2] "), None);
    }
}

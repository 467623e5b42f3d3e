//! Valgrind's callgrind: how it is called, and the one number that matters of what it writes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// The function of the program that is counted, with all it calls.
const COUNTED: &str = "*counted_rounds*";

/// Glibc's memory functions without AVX and `rep movsb`: the same on every CPU, and callgrind would
/// count an instruction for each byte that the latter copies.
const TUNABLES: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-ERMS");

/// Callgrind; the program and its arguments are to be added.
pub fn command(profile: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]).env(TUNABLES.0, TUNABLES.1);
    // V8 writes code all the time: what is not of a file has to be looked at again.
    command.arg("--smc-check=all-non-file");
    // Counting begins and ends with the function, for the thread that runs it.
    command.arg(format!("--toggle-collect={COUNTED}"));
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    command
}

/// The instructions in a profile.
pub fn total(profile: &Path) -> Result<u64> {
    let text = std::fs::read(profile)
        .with_context(|| format!("valgrind wrote no {}", profile.display()))?;
    total_of(&String::from_utf8_lossy(&text)).with_context(|| {
        format!("{}: nothing was counted: {COUNTED} was not called", profile.display())
    })
}

/// The format's `totals:` line ("Callgrind Format Specification").
fn total_of(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("totals:"))?;
    line.trim().parse().ok().filter(|total| *total > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_and_nothing_is_no_total() {
        let profile =
            "# callgrind format\nevents: Ir\nsummary: 12\n\nfn=(1) f\n1 12\n\ntotals: 12\n";
        assert_eq!(total_of(profile), Some(12));
        assert_eq!(total_of("events: Ir\ntotals: 0\n"), None);
        assert_eq!(total_of("events: Ir\n"), None);
    }
}

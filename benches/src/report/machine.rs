//! What is said of the machine: its class, never its name.

use std::process::Command;

use nano_tests::{Error, Result};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Machine {
    pub cpus: usize,
    pub memory_gb: u64,
    pub processor: String,
    pub kernel: String,
}

impl Machine {
    pub fn this() -> Result<Self> {
        let read = |path: &str| {
            std::fs::read_to_string(path).map_err(Error::during(format!("can't read {path}")))
        };
        let memory = read("/proc/meminfo")?;
        let total: Option<u64> = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"))
            .and_then(|kib| kib.trim().parse().ok());
        let total = total.ok_or_else(|| Error::new("no MemTotal in /proc/meminfo"))?;
        let processors = read("/proc/cpuinfo")?;
        let mut names = processors.lines().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == "model name").then(|| value.trim().to_owned())
        });
        let processor = names.next().unwrap_or_else(|| "unknown".to_owned());
        let cpus = 1 + names.count();
        let kernel = read("/proc/sys/kernel/osrelease")?;
        let kernel = kernel.split('-').next().unwrap_or_default().trim().to_owned();
        // The kernel keeps some for itself: the next whole number is what was bought.
        Ok(Self { cpus, memory_gb: total.div_ceil(1 << 20), processor, kernel })
    }

    /// As in the names of result directories: processors differ by more than most changes do.
    pub fn class(&self) -> String {
        format!("{}cpu-{}g-{}", self.cpus, self.memory_gb, family(&self.processor))
    }
}

/// Maker and family of a processor, as part of a name.
fn family(processor: &str) -> String {
    let plain = processor.to_lowercase().replace("(r)", " ").replace("(tm)", " ");
    let words: Vec<_> = plain.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).take(2).collect();
    words.join("-")
}

/// The date in UTC, `YYYY-MM-DD`.
pub fn today() -> Result<String> {
    let date = Command::new("date").args(["--utc", "+%F"]).output();
    let date = date.map_err(Error::during("can't run date"))?;
    Ok(String::from_utf8_lossy(&date.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_named_by_maker_and_family() {
        assert_eq!(family("AMD EPYC"), "amd-epyc");
        assert_eq!(family("AMD EPYC 7B13 64-Core Processor"), "amd-epyc");
        assert_eq!(family("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"), "intel-xeon");
        assert_eq!(family("unknown"), "unknown");
    }
}

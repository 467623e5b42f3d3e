//! What a program uses, as the kernel counts it: a process and those that it has started.

use std::fs;
use std::time::Duration;

use nano_tests::process::family;
use nano_tests::{Error, Result};

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub resident: u64,
    /// Without pages of files: what cannot be shared or read again.
    pub anonymous: u64,
    /// The most that was resident since [`reset_peak`].
    pub peak: u64,
}

/// Time on a CPU of all threads. Nanoseconds by the scheduler's own account, not ticks.
/// With the processes that it started, but for this one, which started all.
pub fn cpu(process: u32) -> Result<Duration> {
    if process == std::process::id() {
        return cpu_of_one(process);
    }
    family(process).into_iter().map(cpu_of_one).sum()
}

fn cpu_of_one(process: u32) -> Result<Duration> {
    let tasks = format!("/proc/{process}/task");
    let failed = || Error::during(format!("can't read {tasks}"));
    let mut total = 0;
    for task in fs::read_dir(&tasks).map_err(failed())? {
        let path = task.map_err(failed())?.path().join("schedstat");
        // A thread may end while we look.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let time: Option<u64> = text.split(' ').next().and_then(|first| first.parse().ok());
        total += time.ok_or_else(|| Error::new(format!("can't read {}", path.display())))?;
    }
    Ok(Duration::from_nanos(total))
}

/// The sum of all, in which pages of files count once: processes of one program have the same.
pub fn memory(process: u32) -> Result<Memory> {
    let mut all = Vec::new();
    for process in family(process) {
        all.push(memory_of_one(process)?);
    }
    let largest = (0..all.len()).max_by_key(|at| all[*at].resident).unwrap_or(0);
    let mut sum = all.swap_remove(largest);
    for other in all {
        sum.resident += other.anonymous;
        sum.anonymous += other.anonymous;
        sum.peak += other.anonymous;
    }
    Ok(sum)
}

fn memory_of_one(process: u32) -> Result<Memory> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).map_err(Error::during(format!("can't read {path}")))?;
    let field =
        |name: &str| kib(&status, name).ok_or_else(|| Error::new(format!("no {name} in {path}")));
    Ok(Memory { resident: field("VmRSS")?, anonymous: field("RssAnon")?, peak: field("VmHWM")? })
}

/// A line `NAME: N kB`, in bytes.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Makes the present resident memory the peak.
pub fn reset_peak(process: u32) -> Result<()> {
    for process in family(process) {
        let path = format!("/proc/{process}/clear_refs");
        fs::write(&path, "5").map_err(Error::during(format!("can't write {path}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_of_this_process_are_seen() {
        let me = std::process::id();
        let before = cpu(me).unwrap();
        reset_peak(me).unwrap();
        let anonymous = memory(me).unwrap().anonymous;
        let block = vec![1_u8; 64 << 20];
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        assert_eq!(sum, 64 << 20);
        let now = memory(me).unwrap();
        assert!(now.anonymous > anonymous + (60 << 20), "{anonymous} {now:?}");
        drop(block);
        assert!(memory(me).unwrap().peak >= now.anonymous);
        assert!(cpu(me).unwrap() > before);
    }

    #[test]
    fn what_a_program_starts_belongs_to_it() {
        let mut shell =
            std::process::Command::new("sh").args(["-c", "sleep 20 & wait"]).spawn().unwrap();
        while family(shell.id()).len() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let (both, one) = (memory(shell.id()).unwrap(), memory_of_one(shell.id()).unwrap());
        let child = family(shell.id())[1];
        nano_tests::process::signal(child, "KILL").unwrap();
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert!(both.anonymous > one.anonymous, "{both:?} {one:?}");
    }
}

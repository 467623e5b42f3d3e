//! Which CPUs run what.

use std::ffi::OsStr;
use std::process::Command;

use nano_tests::{Error, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What is measured (Envoy and the server behind it) shares one CPU, so that what they do together
/// is what a request costs; what measures (load generator and origin) has another, and is idle for
/// a good part of it. Every variant gets the same share, and nobody competes with the generator.
#[derive(Clone, Debug)]
pub struct Cpus {
    all: Vec<usize>,
}

impl Cpus {
    pub fn find() -> Result<Self> {
        let mine = sched_getaffinity(None).map_err(Error::during("can't read the CPU affinity"))?;
        let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| mine.is_set(*cpu)).collect();
        if all.len() < 2 {
            return Err(Error::new("the benchmark needs two CPUs: one for what it measures"));
        }
        Ok(Self { all })
    }

    /// For what is measured.
    pub fn measured(&self) -> &[usize] {
        &self.all[..1]
    }

    /// For what measures.
    pub fn measuring(&self) -> &[usize] {
        &self.all[1..2]
    }

    /// Both.
    pub fn both(&self) -> &[usize] {
        &self.all[..2]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Puts the calling thread, and threads it starts from now on, on the measuring CPU.
    pub fn take_measuring(&self) -> Result<()> {
        let mut set = CpuSet::new();
        self.measuring().iter().for_each(|cpu| set.set(*cpu));
        sched_setaffinity(None, &set).map_err(Error::during("can't set the CPU affinity"))
    }
}

/// A command for that program on those CPUs. `taskset` becomes the program: the process id is its.
pub fn command(program: impl AsRef<OsStr>, cpus: &[usize]) -> Command {
    let list: Vec<String> = cpus.iter().map(ToString::to_string).collect();
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &list.join(",")]).arg(program);
    command
}

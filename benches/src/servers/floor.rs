//! The no-op `ext_proc` server.

use std::path::Path;

use clap::ValueEnum as _;
use nano_tests::Result;
use nano_tests::listeners::HostAddress;
use nano_tests::process::{Output, Process, accepts, free_port};

use crate::cpus;
use crate::floor::Answer;

#[derive(Debug)]
pub struct Floor {
    pub process: Process,
    pub address: HostAddress,
}

impl Floor {
    /// `name` is its socket's and log's.
    pub fn start(
        directory: &Path,
        name: &str,
        answer: Answer,
        tcp: bool,
        on: &[usize],
    ) -> Result<Self> {
        let address = if tcp {
            HostAddress::Tcp(([127, 0, 0, 1], free_port()?).into())
        } else {
            HostAddress::Unix(directory.join(format!("{name}.sock")))
        };
        let listen = match &address {
            HostAddress::Tcp(address) => address.to_string(),
            HostAddress::Unix(path) => format!("unix:{}", path.display()),
        };
        let mut command = cpus::command(super::sibling("bench-floor")?, on);
        command.args(["--listen", &listen, "--answer"]);
        command.arg(answer.to_possible_value().as_ref().map_or("", |value| value.get_name()));
        let output = Output::File(directory.join(format!("{name}.log")));
        let process = Process::start("bench-floor", command, &output)?;
        super::wait(&process, super::SOON, || match &address {
            HostAddress::Tcp(address) => accepts(*address),
            HostAddress::Unix(path) => path.exists(),
        })?;
        Ok(Self { process, address })
    }
}

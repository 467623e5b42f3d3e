//! The upstream.

use std::net::SocketAddr;
use std::path::Path;

use nano_tests::Result;
use nano_tests::process::{Output, Process, accepts, free_port};

use crate::cpus;

#[derive(Debug)]
pub struct Origin {
    pub process: Process,
    pub address: SocketAddr,
}

impl Origin {
    pub fn start(directory: &Path, on: &[usize]) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = cpus::command(super::sibling("bench-origin")?, on);
        command.args(["--listen", &address.to_string()]);
        let output = Output::File(directory.join("origin.log"));
        let process = Process::start("bench-origin", command, &output)?;
        super::wait(&process, super::SOON, || accepts(address))?;
        Ok(Self { process, address })
    }
}

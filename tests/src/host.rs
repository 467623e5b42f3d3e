//! The runtime host as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::metrics::Metrics;
use crate::process::{self, Output, Process};
use crate::{Error, Result, client};

/// Counter of body bytes that the runtime host saw, by `worker` and `side`.
pub const BODY_BYTES: &str = "nano_body_bytes_total";
/// Gauge of exchanges that are open.
pub const STREAMS_OPEN: &str = "nano_ext_proc_streams";

/// Counter of messages to isolates, by `worker` and where they `ran` (`inline`, `queued`).
pub const ISOLATE_MESSAGES: &str = "nano_isolate_messages_total";

/// A running `nano-host`; ended when dropped.
#[derive(Debug)]
pub struct Host {
    process: Process,
    admin: SocketAddr,
    start_up: Duration,
}

/// Where the binary is: `NANO_HOST_BIN`, else `nano-host` beside this program's own target
/// directory.
pub fn find() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("NANO_HOST_BIN") {
        return Ok(path.into());
    }
    // target/debug/deps/e2e-… or target/debug/xtask
    let here = std::env::current_exe().map_err(Error::during("can't find this program"))?;
    here.ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join("nano-host"))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            Error::new(
                "no nano-host: run `cargo build -p nano-runtime-host` first, or set NANO_HOST_BIN",
            )
        })
}

impl Host {
    /// Starts `nano-host serve` and waits until it is ready.
    pub fn start(config: &Path, admin: SocketAddr, output: &Output) -> Result<Self> {
        let mut command = Command::new(find()?);
        command.args(["serve", "--config"]).arg(config);
        let began = Instant::now();
        let process = Process::start("nano-host", command, output)?;
        process.wait_until(Duration::from_secs(30), || {
            client::blocking_status(&format!("http://{admin}/readyz")) == Some(200)
        })?;
        Ok(Self { process, admin, start_up: began.elapsed() })
    }

    /// From its start until it was ready: tells how busy the machine is.
    pub fn start_up(&self) -> Duration {
        self.start_up
    }

    /// An error when it has ended already.
    pub fn check_running(&mut self) -> Result<()> {
        self.process.check_running()
    }

    pub fn process(&self) -> &Process {
        &self.process
    }

    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    pub async fn metrics(&self) -> Result<Metrics> {
        let url = format!("http://{}/metrics", self.admin);
        Ok(Metrics::parse(&client::get(&url).await?.text()))
    }

    /// The status of an admin page, `None` when it does not answer.
    pub async fn admin_status(&self, path: &str) -> Option<u16> {
        Some(client::get(&format!("http://{}{path}", self.admin)).await.ok()?.status)
    }

    /// Log lines so far. A line that is not a JSON object is an error of the host.
    pub fn logs(&self) -> Vec<Value> {
        self.process.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until a log line is as wanted and returns it.
    pub async fn wait_for_log(
        &self,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let began = Instant::now();
        loop {
            if let Some(line) = self.logs().into_iter().find(|line| wanted(line)) {
                return Ok(line);
            }
            if began.elapsed() > limit {
                return Err(Error::new(format!(
                    "no such log line in {limit:?}; the last ones were\n{}",
                    self.process.log_tail(15)
                )));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The processes that run Workers: the supervisor's children, or the only one that there is.
    pub fn engines(&self) -> Vec<u32> {
        let engines = process::children(self.process.id());
        if engines.is_empty() { vec![self.process.id()] } else { engines }
    }

    /// Resident memory of the engines in bytes, as the kernel counts it.
    pub fn resident_bytes(&self) -> Result<u64> {
        let resident = |engine: &u32| {
            let path = format!("/proc/{engine}/status");
            let status = std::fs::read_to_string(&path).map_err(Error::during(path))?;
            status
                .lines()
                .find_map(|line| {
                    line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok()
                })
                .map(|kib: u64| kib * 1024)
                .ok_or_else(|| Error::new("no VmRSS line"))
        };
        self.engines().iter().map(resident).sum()
    }

    /// Asks it to drain and end.
    pub fn terminate(&self) -> Result<()> {
        self.process.terminate()
    }

    /// Waits until it has ended.
    pub fn wait_for_exit(&self, limit: Duration) -> Result<ExitStatus> {
        self.process.wait(limit)
    }
}

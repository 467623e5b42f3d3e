//! A real Envoy.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::metrics::Metrics;
use crate::process::{Output, Process, accepts};
use crate::{Error, Result, client};

/// The version that this project pins and knows.
pub const VERSION: &str = "1.40.0";

/// Counter of messages that a listener's `ext_proc` filter sent, by
/// `envoy_http_conn_manager_prefix`.
pub const MESSAGES_SENT: &str = "envoy_http_ext_proc_stream_msgs_sent";

/// A running Envoy; ended when dropped.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: SocketAddr,
}

/// Where the Envoy binary is: `ENVOY_BIN`, else our cache directory (filled by `cargo xtask`),
/// else `envoy` on the PATH.
pub fn find() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ENVOY_BIN").map(PathBuf::from) {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::new(format!("ENVOY_BIN names {}, which is no file", path.display())))
        };
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    if let Some(path) = cache.map(|c| c.join(format!("nano-envoy/envoy-{VERSION}/envoy")))
        && path.is_file()
    {
        return Ok(path);
    }
    std::env::var_os("PATH")
        .and_then(|path| {
            std::env::split_paths(&path).map(|dir| dir.join("envoy")).find(|file| file.is_file())
        })
        .ok_or_else(|| {
            Error::new("no Envoy: run `cargo xtask up` once (it provides one), or set ENVOY_BIN")
        })
}

impl Envoy {
    /// Starts Envoy with the configuration file and waits until all `listeners` accept.
    pub fn start(
        config: &Path,
        admin: SocketAddr,
        listeners: &[SocketAddr],
        output: &Output,
    ) -> Result<Self> {
        let mut command = Command::new(find()?);
        command
            .arg("--config-path")
            .arg(config)
            // Two Envoys on one machine clash without this.
            .arg("--disable-hot-restart")
            // One per core is plenty beside the other parts of the stack.
            .args(["--concurrency", "2", "--log-level", "warning"])
            .args(["--drain-time-s", "1"]);
        let process = Process::start("Envoy", command, output)?;
        // `/ready` may answer before the listeners accept.
        process.wait_until(Duration::from_secs(20), || {
            listeners.iter().all(|address| accepts(*address))
        })?;
        Ok(Self { process, admin })
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

    /// Envoy's counters and gauges.
    pub async fn stats(&self) -> Result<Metrics> {
        let url = format!("http://{}/stats/prometheus", self.admin);
        Ok(Metrics::parse(&client::get(&url).await?.text()))
    }
}

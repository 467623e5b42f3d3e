//! The suite's own server (`wpt serve`), on free loopback ports.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::process::{self, Output, Process};
use crate::{Error, Result, client};

/// Its parts are some Python processes that start one after the other.
const START_LIMIT: Duration = Duration::from_mins(2);
/// For its end, after which its processes are killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Starts the server without the `wpt` program, which would make a virtual environment in the tree
/// where the tree asks for one: all that the server imports is in the tree. It ends when its parent
/// does, and leaves no compiled files.
const LAUNCH: &str = r"
import multiprocessing, os, signal, sys, threading, time
tree = sys.argv.pop(1)
sys.path.insert(0, tree)
multiprocessing.set_start_method('spawn')
def watch(parent=os.getppid()):
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
from tools import localpaths
from tools.serve import serve
serve.main()
";

/// A server, ours or another's.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    process: Option<Process>,
}

impl Server {
    /// Starts one for the tree; its configuration and its log go into `dir`.
    pub fn start(tree: &Path, dir: &Path) -> Result<Self> {
        let absolute = std::path::absolute(tree)
            .map_err(Error::during(format!("no path {}", tree.display())))?;
        let mut ports = Vec::new();
        for _ in 0..11 {
            ports.push(process::free_port()?);
        }
        let config = json!({
            "browser_host": "localhost", "server_host": "127.0.0.1",
            "alternate_hosts": { "alt": "127.0.0.2" },
            "doc_root": absolute, "check_subdomains": false, "bind_address": true,
            "ports": {
                "http": [ports[0], ports[1]], "http-public": [ports[2]], "http-local": [ports[3]],
                "https": [ports[4], ports[5]], "https-public": [ports[6]], "https-local": [ports[7]],
                "ws": [ports[8]], "wss": [ports[9]], "h2": [ports[10]],
            },
        });
        let file = dir.join("server.json");
        std::fs::write(&file, config.to_string())
            .map_err(Error::during(format!("can't write {}", file.display())))?;
        let mut command = Command::new("python3");
        command.args(["-B", "-c", LAUNCH]).arg(&absolute).arg("--config").arg(&file);
        command.current_dir(&absolute);
        let log = Output::File(dir.join("server.log"));
        let process = Process::start("wpt serve", command, &log)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports[0]));
        let url = format!("http://{address}/resources/testharness.js");
        process.wait_until(START_LIMIT, || client::blocking_status(&url) == Some(200))?;
        let ws = SocketAddr::from((Ipv4Addr::LOCALHOST, ports[8]));
        process.wait_until(START_LIMIT, || process::accepts(ws))?;
        Ok(Self { address, process: Some(process) })
    }

    /// One that runs already, at a port of the loopback address.
    pub fn at(port: u16) -> Self {
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), process: None }
    }

    /// `http://localhost:PORT`.
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// A file as the server gives it out, with its placeholders filled in.
    pub async fn get(&self, path: &str) -> Result<String> {
        let url = format!("http://{}{path}", self.address);
        let host = format!("localhost:{}", self.address.port());
        let request = client::Request::new(client::Proto::H1, "GET", &url).host(&host);
        let reply = request.send().await?;
        if reply.status != 200 {
            return Err(Error::new(format!("{path}: status {}", reply.status)));
        }
        Ok(reply.text())
    }
}

/// Ends a server of ours with all of its processes.
impl Drop for Server {
    fn drop(&mut self) {
        let Some(process) = self.process.take() else { return };
        let parts = process::children(process.id());
        // It may be gone already; then there is nothing to wait for.
        if process.terminate().is_ok() {
            drop(process.wait(STOP_LIMIT));
        }
        process.kill();
        for part in parts.into_iter().filter(|part| process::lives(*part)) {
            drop(process::signal(part, "KILL"));
        }
    }
}

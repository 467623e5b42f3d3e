//! A file in a fresh `nano-host dev`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::bundle::Bundler;
use super::file::TestFile;
use super::outcome::Outcome;
use crate::process::{Output, Process};
use crate::{Error, Result, client, host};

/// For the start of the host, on a machine that is busy with others of them.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Beyond the time that the test itself may take.
const GRACE: Duration = Duration::from_secs(10);

/// What each run needs.
#[derive(Debug)]
pub struct Laboratory {
    program: PathBuf,
    config: PathBuf,
    bundler: Bundler,
    dir: PathBuf,
}

impl Laboratory {
    /// `dir` is for bundles and logs; `config` is the `nano.toml` of the hosts.
    pub fn new(bundler: Bundler, config: &Path, dir: &Path) -> Result<Self> {
        let (config, dir) = (config.to_owned(), dir.to_owned());
        Ok(Self { program: host::find()?, config, bundler, dir })
    }

    /// Runs a file. No two runs at a time have the same `place`.
    pub async fn run(&self, test: &TestFile, place: usize) -> Outcome {
        let began = Instant::now();
        let outcome = self.try_run(test, place).await;
        let outcome = outcome.unwrap_or_else(|error| Outcome::crash(error.to_string()));
        Outcome { took: began.elapsed(), ..outcome }
    }

    async fn try_run(&self, test: &TestFile, place: usize) -> Result<Outcome> {
        let bundle = self.bundler.bundle(test).await?;
        let worker = self.dir.join(format!("worker-{place}"));
        let written = std::fs::create_dir_all(&worker)
            .and_then(|()| std::fs::write(worker.join("bundle.js"), bundle))
            .and_then(|()| std::fs::write(worker.join("wrangler.toml"), WRANGLER));
        written.map_err(Error::during(format!("can't write {}", worker.display())))?;

        let mut command = Command::new(&self.program);
        command.arg("dev").arg(&worker).args(["--listen", "127.0.0.1:0"]);
        command.arg("--config").arg(&self.config).args(test.allowances());
        let log = Output::File(self.dir.join(format!("host-{place}.log")));
        let process = Process::start("nano-host", command, &log)?;
        let mut address = None;
        process.wait_every(Duration::from_millis(5), START_LIMIT, || {
            address = address_in(&process.log());
            address.is_some()
        })?;
        let url = format!("http://{}/", address.unwrap_or_default());
        let request = client::Request::new(client::Proto::H1, "GET", &url).send();
        let told = |what: String| {
            Error::new(format!("{what}; the host's last lines: {}", process.log_tail(5)))
        };
        let reply = tokio::time::timeout(test.time() + GRACE, request)
            .await
            .map_err(|_| told("no answer".to_owned()))?
            .map_err(|error| told(error.to_string()))?;
        Outcome::parse(&reply.text())
            .map_err(|_| told(format!("status {}: {}", reply.status, reply.short_text())))
    }
}

const WRANGLER: &str = r#"name = "wpt"
main = "bundle.js"
compatibility_date = "2026-11-01"
"#;

/// The address in the line that a host writes when it is ready.
fn address_in(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("serving http://")?;
    let (address, _) = rest.split_once(' ')?;
    Some(address.to_owned())
}

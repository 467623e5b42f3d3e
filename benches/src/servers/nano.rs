//! The runtime host.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nano_tests::metrics::Metrics;
use nano_tests::process::{Output, Process, free_port};
use nano_tests::{Error, Result, client, host};
use toml::{Table, Value};

use super::Worker;
use crate::cpus;

/// How it is configured.
#[derive(Clone, Debug)]
pub struct Settings {
    pub workers: Vec<Worker>,
    pub reads_responses: bool,
    pub started_by_request: bool,
    pub on: Vec<usize>,
}

#[derive(Debug)]
pub struct Nano {
    pub process: Process,
    pub socket: PathBuf,
    /// From the program's start until it is ready to answer.
    pub start_up: Duration,
    admin: SocketAddr,
}

impl Nano {
    pub fn start(directory: &Path, settings: &Settings, origin: SocketAddr) -> Result<Self> {
        let socket = directory.join("nano.sock");
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let config = directory.join("nano.toml");
        super::write(&config, &document(settings, &socket, admin, origin)?)?;
        let mut command = cpus::command(host::find()?, &settings.on);
        command.args(["serve", "--config"]).arg(&config);
        let output = Output::File(directory.join("nano.log"));
        let began = Instant::now();
        let process = Process::start("nano-host", command, &output)?;
        let ready = format!("http://{admin}/readyz");
        super::wait(&process, super::START_LIMIT, || client::blocking_status(&ready) == Some(200))?;
        Ok(Self { process, socket, start_up: began.elapsed(), admin })
    }

    /// Body bytes that it has seen.
    pub fn body_bytes(&self) -> Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::during("cannot ask for metrics"))?;
        let url = format!("http://{}/metrics", self.admin);
        let metrics = Metrics::parse(&runtime.block_on(client::get(&url))?.text());
        Ok(metrics.sum(host::BODY_BYTES, &[]).unwrap_or(0.0))
    }
}

/// nano.toml: what the documentation recommends, and no line per request, as the others have none.
fn document(
    settings: &Settings,
    socket: &Path,
    admin: SocketAddr,
    origin: SocketAddr,
) -> Result<String> {
    let text = |text: &str| Value::from(text);
    let mut server = Table::new();
    server.insert("listen".into(), vec![text(&format!("unix:{}", socket.display()))].into());
    server.insert("admin".into(), text(&admin.to_string()));
    let mut workers = Table::new();
    let mut worker = Table::new();
    let mut directories = Vec::new();
    let first = settings.workers.first();
    let named: &[Worker] = if settings.started_by_request {
        // A file that names ten thousand of them would be too large.
        let parent = first.and_then(|each| each.directory.parent());
        directories.extend(parent.map(|parent| text(&parent.join("*").to_string_lossy())));
        workers.insert("start".into(), text("request"));
        &[]
    } else {
        &settings.workers
    };
    for each in named {
        directories.push(text(&each.directory.to_string_lossy()));
        let mut own = Table::new();
        own.insert("origin".into(), text(&format!("http://{origin}")));
        own.insert("reads_responses".into(), settings.reads_responses.into());
        let vars: Table =
            each.vars.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        own.insert("vars".into(), vars.into());
        worker.insert(each.name.clone(), own.into());
    }
    workers.insert("directories".into(), directories.into());
    workers.insert("reload".into(), false.into());
    if let Some(first) = first {
        workers.insert("default".into(), text(&first.name));
    }
    let mut log = Table::new();
    log.insert("level".into(), text("warn"));
    let document: Table = [
        ("server".to_owned(), server.into()),
        ("workers".to_owned(), workers.into()),
        ("worker".to_owned(), worker.into()),
        ("log".to_owned(), log.into()),
    ]
    .into_iter()
    .collect();
    toml::to_string(&document).map_err(Error::during("can't write nano.toml"))
}

//! workerd, with the same scripts: Envoy → workerd → origin.

use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nano_tests::process::{Output, Process};
use nano_tests::{Error, Result};

use super::Worker;
use crate::cpus;
use crate::text::add;

#[derive(Debug)]
pub struct Workerd {
    pub process: Process,
    /// One for each Worker, in their order.
    pub sockets: Vec<PathBuf>,
    /// From the program's start until it accepts connections.
    pub start_up: Duration,
}

impl Workerd {
    pub fn start(
        directory: &Path,
        workers: &[Worker],
        origin: SocketAddr,
        on: &[usize],
    ) -> Result<Self> {
        let sockets: Vec<PathBuf> =
            (0..workers.len()).map(|at| directory.join(format!("w{at}.sock"))).collect();
        let config = directory.join("workerd.capnp");
        super::write(&config, &document(directory, workers, &sockets, origin)?)?;
        let mut command = cpus::command(super::provided("WORKERD_BIN")?, on);
        command.arg("serve").arg(&config);
        let output = Output::File(directory.join("workerd.log"));
        let began = Instant::now();
        let process = Process::start("workerd", command, &output)?;
        // It listens when all Workers are there.
        super::wait(&process, super::START_LIMIT, || {
            sockets.iter().all(|socket| UnixStream::connect(socket).is_ok())
        })?;
        Ok(Self { process, sockets, start_up: began.elapsed() })
    }
}

/// The configuration, in Cap'n Proto's text.
fn document(
    directory: &Path,
    workers: &[Worker],
    sockets: &[PathBuf],
    origin: SocketAddr,
) -> Result<String> {
    let (mut services, mut listeners, mut constants) =
        (String::new(), String::new(), String::new());
    for (at, (worker, socket)) in workers.iter().zip(sockets).enumerate() {
        let wrangler = worker.wrangler()?;
        let text = |key: &str| wrangler.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        // The file is embedded by a path relative to the configuration.
        let module = format!("w{at}.js");
        let script = worker.directory.join(text("main"));
        std::fs::copy(&script, directory.join(&module))
            .map_err(Error::during(format!("can't copy {}", script.display())))?;
        let mut bindings = String::new();
        let own = wrangler.get("vars").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let own = own.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        let given = worker.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(given) {
            add(&mut bindings, format_args!("(name = {name:?}, text = {value:?}),"));
        }
        add(&mut services, format_args!("(name = \"w{at}\", worker = .w{at}),\n"));
        let socket = socket.display();
        add(
            &mut listeners,
            format_args!(
                "(name = \"s{at}\", address = \"unix:{socket}\", http = (), service = \"w{at}\"),\n"
            ),
        );
        let date = text("compatibility_date");
        add(
            &mut constants,
            format_args!(
                "const w{at} :Workerd.Worker = (\n\
                 modules = [(name = \"worker.js\", esModule = embed \"{module}\")],\n\
                 compatibilityDate = \"{date}\", globalOutbound = \"origin\",\n\
                 bindings = [{bindings}]);\n"
            ),
        );
    }
    Ok(format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\nservices = [\n{services}\
         (name = \"origin\", external = (address = \"{origin}\", http = ())),\n],\n\
         sockets = [\n{listeners}]);\n{constants}"
    ))
}

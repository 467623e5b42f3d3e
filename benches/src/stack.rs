//! Everything that one scenario needs, running.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use nano_tests::listeners::HostAddress;
use nano_tests::process::{Process, free_port};
use nano_tests::{Error, Result, filter};
use serde_json::Value;
use tempfile::TempDir;

use crate::cpus::Cpus;
use crate::floor::Answer;
use crate::servers::envoy::{self, Cluster, Filter, Listener};
use crate::servers::floor::Floor;
use crate::servers::nano::{Nano, Settings};
use crate::servers::origin::Origin;
use crate::servers::workerd::Workerd;
use crate::servers::{self, Worker};
use crate::text::add;
use crate::variant::Variant;

/// What to start.
#[derive(Clone, Debug)]
pub struct Plan {
    pub variants: Vec<Variant>,
    /// The first is the default. With several, requests for `NAME.test` are theirs.
    pub workers: Vec<Worker>,
    /// What the floor answers, and whether it wants the response's phase.
    pub floor: (Answer, bool),
    pub reads_responses: bool,
    /// Whether NANO starts a Worker with its first request. All of them are in one directory then,
    /// and get no variables.
    pub started_by_request: bool,
    /// Where Envoy runs, and where NANO; the measured CPU when nothing else is said.
    pub placement: Option<(Vec<usize>, Vec<usize>)>,
}

impl Plan {
    pub fn new(variants: &[Variant], worker: Worker) -> Self {
        Self {
            variants: variants.to_vec(),
            workers: vec![worker],
            floor: (Answer::Headers, true),
            reads_responses: false,
            started_by_request: false,
            placement: None,
        }
    }

    /// What the floor answers, and whether Envoy asks it in the response's phase.
    #[must_use]
    pub fn floor(mut self, answer: Answer, response: bool) -> Self {
        self.floor = (answer, response);
        self
    }
}

/// Running programs; all are ended when it is dropped.
#[derive(Debug)]
pub struct Stack {
    // Dropped in this order: no part loses its peer before it ends.
    envoy: Process,
    floors: Vec<(Variant, Floor)>,
    nano: Option<Nano>,
    workerd: Option<Workerd>,
    origin: Origin,
    listeners: Vec<(Variant, SocketAddr)>,
    /// Logs and configurations; kept when the run fails.
    directory: TempDir,
}

impl Stack {
    /// `origin` in a Worker's variables becomes the origin's URL.
    pub fn start(plan: &Plan, cpus: &Cpus) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("nano-bench-")
            .tempdir()
            .map_err(Error::during("no temporary directory"))?;
        let path = directory.path();
        let measured = || (cpus.measured().to_vec(), cpus.measured().to_vec());
        let (envoy_on, nano_on) = plan.placement.clone().unwrap_or_else(measured);
        let origin = Origin::start(path, cpus.measuring())?;
        let mut scripts = plan.workers.clone();
        for (_, value) in scripts.iter_mut().flat_map(|worker| &mut worker.vars) {
            *value = value.replace("{origin}", &format!("http://{}", origin.address));
        }
        let has = |wanted: &[Variant]| plan.variants.iter().any(|each| wanted.contains(each));

        let mut floors = Vec::new();
        for variant in plan.variants.iter().filter(|variant| variant.is_floor()) {
            let answer = variant.floor_answer(plan.floor.0);
            let tcp = *variant == Variant::FloorTcp;
            let floor = Floor::start(path, variant.name(), answer, tcp, cpus.measured())?;
            floors.push((*variant, floor));
        }
        let nano = if has(&[Variant::Nano, Variant::NanoFull]) {
            let settings = Settings {
                workers: scripts.clone(),
                reads_responses: plan.reads_responses,
                started_by_request: plan.started_by_request,
                on: nano_on,
            };
            Some(Nano::start(path, &settings, origin.address)?)
        } else {
            None
        };
        let workerd = if has(&[Variant::Workerd]) {
            Some(Workerd::start(path, &scripts, origin.address, cpus.measured())?)
        } else {
            None
        };

        let mut clusters = vec![Cluster {
            name: "origin".into(),
            address: HostAddress::Tcp(origin.address),
            grpc: false,
        }];
        for (variant, floor) in &floors {
            let (name, address) = (variant.name().into(), floor.address.clone());
            clusters.push(Cluster { name, address, grpc: true });
        }
        if let Some(nano) = &nano {
            let address = HostAddress::Unix(nano.socket.clone());
            clusters.push(Cluster { name: "nano".into(), address, grpc: true });
        }
        for (at, socket) in workerd.iter().flat_map(|workerd| &workerd.sockets).enumerate() {
            let address = HostAddress::Unix(socket.clone());
            clusters.push(Cluster { name: format!("workerd-{at}"), address, grpc: false });
        }
        let given = if has(&[Variant::Filter]) {
            let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
            let address = HostAddress::Tcp(nowhere);
            clusters.push(Cluster { name: "nano_host".into(), address, grpc: true });
            filters(path, &scripts)?
        } else {
            Vec::new()
        };
        let mut listeners = Vec::new();
        for variant in &plan.variants {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            listeners.push(listener(*variant, address, plan, &scripts, &given));
        }
        let envoy = envoy::start(path, &listeners, &clusters, &envoy_on)?;
        let addresses = listeners.iter().map(|listener| listener.address);
        let listeners = plan.variants.iter().copied().zip(addresses).collect();
        Ok(Self { envoy, floors, nano, workerd, origin, listeners, directory })
    }

    /// Where a variant is.
    pub fn address(&self, variant: Variant) -> Result<SocketAddr> {
        let found = self.listeners.iter().find(|(each, _)| *each == variant);
        let missing = || Error::new(format!("{} was not started", variant.name()));
        found.map(|(_, address)| *address).ok_or_else(missing)
    }

    /// The programs that a variant's requests go through, with the name of each.
    pub fn processes(&self, variant: Variant) -> Vec<(&'static str, u32)> {
        let mut all = vec![
            ("envoy", self.envoy.id()),
            ("origin", self.origin.process.id()),
            ("load", std::process::id()),
        ];
        if let Some(server) = self.server(variant) {
            all.push(("server", server.id()));
        }
        all
    }

    /// The program behind Envoy.
    pub fn server(&self, variant: Variant) -> Option<&Process> {
        match variant {
            Variant::Nano | Variant::NanoFull => self.nano.as_ref().map(|nano| &nano.process),
            Variant::Workerd => self.workerd.as_ref().map(|workerd| &workerd.process),
            _ => {
                let floor = self.floors.iter().find(|(each, _)| *each == variant);
                floor.map(|(_, floor)| &floor.process)
            }
        }
    }

    pub fn nano(&self) -> Result<&Nano> {
        self.nano.as_ref().ok_or_else(|| Error::new("NANO was not started"))
    }

    /// From a program's start until it is ready.
    pub fn start_up(&self, variant: Variant) -> Option<Duration> {
        match variant {
            Variant::Nano => self.nano.as_ref().map(|nano| nano.start_up),
            Variant::Workerd => self.workerd.as_ref().map(|workerd| workerd.start_up),
            _ => None,
        }
    }

    /// Keeps logs and configurations for somebody who looks for the reason of a failure.
    pub fn keep(mut self) -> std::path::PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }
}

/// Routes that the filter of a benchmark has; none of them is for its requests.
const FILTER_ROUTES: usize = 100;

/// The filter and its `ext_proc`, as `nano-host envoy-config` prints them for these Workers.
fn filters(directory: &Path, workers: &[Worker]) -> Result<Vec<Value>> {
    let module = filter::module(false)?;
    let directories: Vec<_> = workers.iter().map(|worker| &worker.directory).collect();
    let mut text = format!("[workers]\ndirectories = {directories:?}\n");
    for (route, worker) in (0..FILTER_ROUTES).zip(workers.iter().cycle()) {
        let name = &worker.name;
        add(
            &mut text,
            format_args!("[[filter.routes]]\npattern = \"t{route}.test/*\"\nworker = \"{name}\"\n"),
        );
    }
    let config = directory.join("filter.toml");
    servers::write(&config, &text)?;
    let module = module.display().to_string();
    let arguments = ["--format", "http-filters", "--json", "--wasm", &module];
    let printed = filter::envoy_config(&config, &arguments.map(ToOwned::to_owned))?;
    serde_json::from_str(&printed).map_err(Error::during("nano-host envoy-config printed no JSON"))
}

fn listener(
    variant: Variant,
    address: SocketAddr,
    plan: &Plan,
    workers: &[Worker],
    given: &[Value],
) -> Listener {
    let filter = match variant {
        Variant::Direct | Variant::Workerd => Filter::None,
        Variant::Filter => Filter::Given(given.to_vec()),
        Variant::Lua => Filter::Lua(include_str!("header-rewrite.lua")),
        Variant::Nano | Variant::NanoFull => Filter::ExtProc {
            server: "nano".into(),
            response: true,
            attributes: variant == Variant::NanoFull,
        },
        Variant::Floor | Variant::FloorTcp | Variant::FloorSkip | Variant::FloorBody => {
            Filter::ExtProc {
                server: variant.name().into(),
                response: plan.floor.1 || variant == Variant::FloorSkip,
                attributes: false,
            }
        }
    };
    let routes = if variant == Variant::Workerd {
        let own = |(at, worker): (usize, &Worker)| {
            (format!("{}.test", worker.name), format!("workerd-{at}"))
        };
        let all = ("*".to_owned(), "workerd-0".to_owned());
        std::iter::once(all).chain(workers.iter().enumerate().map(own)).collect()
    } else {
        vec![("*".to_owned(), "origin".to_owned())]
    };
    Listener { name: variant.name().into(), address, filter, routes }
}

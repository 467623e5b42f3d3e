//! Origin, runtime host and Envoy in one value.
//!
//! ```no_run
//! # fn main() -> nano_tests::Result<()> {
//! use nano_tests::stack::{Stack, StackOptions};
//! let stack = Stack::start(&StackOptions::example("examples/hello".as_ref())?)?;
//! println!("{}", stack.url());
//! # Ok(())
//! # }
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use toml::{Table, Value};

use crate::checks::Checks;
use crate::envoy::Envoy;
use crate::filter::{self, Filtered};
use crate::host::Host;
use crate::listeners::{self, HostAddress, Mode};
use crate::origin::Origin;
use crate::process::{Output, free_port};
use crate::{Error, Result};

/// Which Envoy configuration a stack has.
#[derive(Clone, Debug)]
pub enum Setup {
    /// `envoy/envoy.yaml`, as users have it, with other ports.
    Shipped,
    /// Another file of `envoy/`, and texts to replace in it beside the addresses.
    Variant(&'static str, Vec<(String, String)>),
    /// A configuration with the addresses that those of `envoy/` have.
    Given(String),
    /// A listener for each of these modes.
    Modes(Vec<Mode>),
    /// The proxy-wasm filter before `ext_proc`.
    Filtered(Filtered),
}

/// What to start.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// Directories of Workers.
    pub workers: Vec<PathBuf>,
    /// The Worker for requests that no other rule gives one.
    pub default: Option<String>,
    pub setup: Setup,
    /// For [`Setup::Shipped`]: where clients connect; `None` is any free port.
    pub port: Option<u16>,
    /// The same for the origin.
    pub origin_port: Option<u16>,
    /// Whether the runtime host listens on a Unix socket.
    pub unix_socket: bool,
    /// Whether the runtime host reloads Workers that change.
    pub reload: bool,
    /// More of nano.toml, merged over what is generated. `{origin}` in its strings is the
    /// origin's URL.
    pub settings: Table,
    /// Runtime host's and Envoy's logs to standard error instead of files.
    pub inherit_logs: bool,
}

impl StackOptions {
    pub fn new(setup: Setup, workers: Vec<PathBuf>) -> Self {
        Self {
            workers,
            default: None,
            setup,
            port: None,
            origin_port: None,
            unix_socket: false,
            reload: false,
            settings: Table::new(),
            inherit_logs: false,
        }
    }

    /// One example behind the shipped Envoy configuration, reloaded when it changes, with the
    /// settings that its `check.toml` has for the demo.
    pub fn example(directory: &Path) -> Result<Self> {
        let name = directory.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Self {
            default: name,
            reload: true,
            settings: Checks::read(directory)?.settings,
            ..Self::new(Setup::Shipped, vec![directory.to_owned()])
        })
    }
}

/// A running stack; everything in it is ended when it is dropped.
#[derive(Debug)]
pub struct Stack {
    // Dropped in this order: no part loses its peer before it ends.
    envoy: Envoy,
    host: Host,
    origin: Origin,
    listeners: Vec<(Mode, SocketAddr)>,
    host_address: HostAddress,
    directory: TempDir,
}

impl Stack {
    /// Starts origin, runtime host and Envoy, in this order, and waits until each is ready.
    pub fn start(options: &StackOptions) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("nano-stack-")
            .tempdir()
            .map_err(Error::during("no temporary directory"))?;
        let origin = Origin::start(options.origin_port.unwrap_or(0))?;
        let output = |name: &str| {
            if options.inherit_logs {
                Output::Inherit
            } else {
                Output::File(directory.path().join(name))
            }
        };

        let host_admin = loopback(None)?;
        // A second engine has the next port.
        loopback(None)?;
        let host_address = if options.unix_socket {
            HostAddress::Unix(directory.path().join("nano.sock"))
        } else {
            HostAddress::Tcp(loopback(None)?)
        };
        let config = host_config(options, &origin, &host_address, host_admin)?;
        // Apart from the logs: the host watches this directory, and a log is never quiet.
        let host_config = directory.path().join("config/nano.toml");
        std::fs::create_dir(directory.path().join("config"))
            .map_err(Error::during("no directory for nano.toml"))?;
        write(&host_config, &config)?;
        let host = Host::start(&host_config, host_admin, &output("host.log"))?;
        let places = (&*host_config, &host_address, origin.address());

        let envoy_admin = loopback(None)?;
        let modes = match &options.setup {
            Setup::Shipped | Setup::Variant(..) | Setup::Given(_) | Setup::Filtered(_) => {
                &[Mode::Lazy][..]
            }
            Setup::Modes(modes) => modes,
        };
        let mut listeners = Vec::new();
        for mode in modes {
            listeners.push((*mode, loopback(options.port)?));
        }
        let with_addresses = |text: &str| {
            addressed(text, envoy_admin, listeners[0].1, &host_address, origin.address())
        };
        let (file, text) = match &options.setup {
            Setup::Shipped => ("envoy.yaml", with_addresses(&shipped("envoy.yaml")?)?),
            Setup::Variant(file, replaced) => {
                ("envoy.yaml", with_addresses(&replace(shipped(file)?, replaced)?)?)
            }
            Setup::Given(text) => ("envoy.yaml", with_addresses(text)?),
            Setup::Modes(_) => (
                "envoy.json",
                listeners::config(envoy_admin, &listeners, &host_address, origin.address())
                    .to_string(),
            ),
            Setup::Filtered(filtered) => {
                filtered_config(filtered, envoy_admin, listeners[0].1, places, directory.path())?
            }
        };
        let envoy_config = directory.path().join(file);
        write(&envoy_config, &text)?;
        let addresses: Vec<_> = listeners.iter().map(|(_, address)| *address).collect();
        let envoy = Envoy::start(&envoy_config, envoy_admin, &addresses, &output("envoy.log"))?;
        Ok(Self { envoy, host, origin, listeners, host_address, directory })
    }

    /// Where clients reach the first listener, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.listeners[0].1)
    }

    /// The URL of a path through the listener of a mode.
    ///
    /// # Panics
    /// When this stack has no such listener: a mistake in the test.
    pub fn at(&self, mode: Mode, path: &str) -> String {
        format!("http://{}{path}", self.address_of(mode))
    }

    /// Where the listener of a mode is.
    ///
    /// # Panics
    /// As [`Stack::at`].
    pub fn address_of(&self, mode: Mode) -> SocketAddr {
        let listener = self.listeners.iter().find(|(m, _)| *m == mode);
        listener.expect("the stack was started without this mode").1
    }

    /// Where the runtime host takes gRPC.
    ///
    /// # Panics
    /// When it listens on a Unix socket: a mistake in the test.
    pub fn grpc(&self) -> SocketAddr {
        match &self.host_address {
            HostAddress::Tcp(address) => *address,
            HostAddress::Unix(path) => panic!("the host listens on {}", path.display()),
        }
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// An error, with the last lines of its log, when a part has ended by itself.
    pub fn check_running(&mut self) -> Result<()> {
        self.host.check_running()?;
        self.envoy.check_running()
    }

    /// Logs and generated configuration are here until the stack is dropped.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The last lines of both logs.
    pub fn log_tails(&self, lines: usize) -> String {
        format!(
            "--- nano-host\n{}\n--- Envoy\n{}",
            self.host.process().log_tail(lines),
            self.envoy.process().log_tail(lines)
        )
    }

    /// Copies logs and configuration into a directory that outlives the stack.
    pub fn keep_logs(&self, name: &str) -> Result<PathBuf> {
        let kept = std::env::temp_dir().join("nano-e2e-logs").join(name);
        let failed = |path: &Path| format!("can't copy to {}", path.display());
        std::fs::create_dir_all(&kept).map_err(Error::during(failed(&kept)))?;
        for file in ["host.log", "envoy.log", "config/nano.toml", "envoy.json", "envoy.yaml"] {
            let from = self.directory().join(file);
            if let (true, Some(name)) = (from.is_file(), from.file_name()) {
                std::fs::copy(&from, kept.join(name)).map_err(Error::during(failed(&kept)))?;
            }
        }
        Ok(kept)
    }
}

/// The root of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

fn loopback(port: Option<u16>) -> Result<SocketAddr> {
    let port = match port {
        Some(port) => port,
        None => free_port()?,
    };
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(Error::during(format!("can't write {}", path.display())))
}

/// nano.toml for a stack.
fn host_config(
    options: &StackOptions,
    origin: &Origin,
    listen: &HostAddress,
    admin: SocketAddr,
) -> Result<String> {
    let listen = match listen {
        HostAddress::Tcp(address) => address.to_string(),
        HostAddress::Unix(path) => format!("unix:{}", path.display()),
    };
    let mut server = Table::new();
    server.insert("listen".into(), Value::Array(vec![listen.into()]));
    server.insert("admin".into(), admin.to_string().into());

    let mut workers = Table::new();
    let mut worker = Table::new();
    let mut directories = Vec::new();
    for directory in &options.workers {
        let path = std::path::absolute(directory)
            .map_err(Error::during(format!("bad path {}", directory.display())))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut settings = Table::new();
        settings.insert("origin".into(), origin.url().into());
        worker.insert(name, settings.into());
        directories.push(Value::from(path.to_string_lossy().into_owned()));
    }
    workers.insert("directories".into(), directories.into());
    workers.insert("reload".into(), options.reload.into());
    if let Some(default) = &options.default {
        workers.insert("default".into(), default.clone().into());
    }

    let mut config = Table::new();
    config.insert("server".into(), server.into());
    config.insert("workers".into(), workers.into());
    config.insert("worker".into(), worker.into());
    merge(&mut config, &options.settings, &origin.url());
    toml::to_string(&config).map_err(Error::during("can't write nano.toml"))
}

/// Puts `from` over `into`, table by table.
fn merge(into: &mut Table, from: &Table, origin: &str) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from, origin),
            (_, Value::Table(from)) => {
                let mut table = Table::new();
                merge(&mut table, from, origin);
                into.insert(key.clone(), table.into());
            }
            (_, Value::String(text)) => {
                into.insert(key.clone(), text.replace("{origin}", origin).into());
            }
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The configuration with the filter, and the file's name for it.
fn filtered_config(
    filtered: &Filtered,
    admin: SocketAddr,
    listener: SocketAddr,
    (config, host, origin): (&Path, &HostAddress, SocketAddr),
    directory: &Path,
) -> Result<(&'static str, String)> {
    let module = filter::module(filtered.faulty)?;
    let mut arguments = filter::places(&module, admin, listener, origin, host);
    let format = if filtered.shipped { "http-filters" } else { "bootstrap" };
    arguments.extend(["--json", "--format", format].map(ToOwned::to_owned));
    let printed = filter::envoy_config(config, &arguments)?;
    let mut printed = serde_json::from_str(&printed)
        .map_err(Error::during("nano-host envoy-config did not print JSON"))?;
    (filtered.change)(&mut printed);
    if filtered.shipped {
        let text = filter::into_shipped(
            &addressed(&shipped("envoy.yaml")?, admin, listener, host, origin)?,
            &printed,
        )?;
        return Ok(("envoy.yaml", text));
    }
    let (bootstrap, listener) = filter::separate(printed, &directory.join(filter::LISTENER_FILE));
    filter::publish(directory, &listener)?;
    Ok(("envoy.json", bootstrap.to_string()))
}

/// A file of `envoy/`, which users copy.
pub fn shipped(file: &str) -> Result<String> {
    let path = root().join("envoy").join(file);
    std::fs::read_to_string(&path).map_err(Error::during(format!("can't read {}", path.display())))
}

/// The configuration with this stack's addresses in the place of its own.
fn addressed(
    text: &str,
    admin: SocketAddr,
    listener: SocketAddr,
    host: &HostAddress,
    origin: SocketAddr,
) -> Result<String> {
    let socket = |port| format!("socket_address: {{ address: 127.0.0.1, port_value: {port} }}");
    let with = |address: SocketAddr| socket(address.port());
    let pipe = |path: &Path| format!("pipe: {{ path: {} }}", path.display());
    let host = match host {
        HostAddress::Tcp(address) => with(*address),
        HostAddress::Unix(path) => pipe(path),
    };
    let own_pipe = pipe(Path::new("/run/nano/nano.sock"));
    let own_host = if text.contains(&socket(9000)) { socket(9000) } else { own_pipe };
    let addresses = [
        (socket(9901), with(admin)),
        (socket(10000), with(listener)),
        (own_host, host),
        (socket(8080), with(origin)),
    ];
    replace(text.to_owned(), &addresses)
}

/// Replaces texts that must be there.
fn replace(mut text: String, pairs: &[(String, String)]) -> Result<String> {
    for (from, to) in pairs {
        if !text.contains(from.as_str()) {
            return Err(Error::new(format!("there is no `{from}` any more")));
        }
        text = text.replace(from.as_str(), to);
    }
    Ok(text)
}

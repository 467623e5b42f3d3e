//! `nano.toml`: what an operator configures. docs/configuration.md is the user's page.

pub mod document;
mod egress;
mod load;
pub mod reader;
#[cfg(test)]
mod tests;

pub use load::parse_origin;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::egress::Section as Egress;
use crate::exchange::FailureMode;
use crate::limits::{
    CACHE_TOTAL_DEFAULT_MB, ISOLATE_IDLE_DEFAULT_MS, ISOLATES_DEFAULT, LimitOverrides, Limits,
};

/// The configuration with every default in its place.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The file it was read from; `None` for built-in defaults.
    pub file: Option<PathBuf>,
    pub server: Server,
    pub workers: Workers,
    /// For every Worker that does not override them.
    pub limits: Limits,
    /// What Workers may connect to.
    pub egress: Egress,
    /// `[worker.NAME]`, by name.
    pub overrides: BTreeMap<String, WorkerOverrides>,
    pub cache: Cache,
    pub ext_proc: ExtProc,
    /// `[filter]`: what the operator adds to the proxy-wasm filter's rules, as it is written. It is
    /// checked together with what the Workers add (`nano_routing::filter`).
    pub filter: Option<document::Node>,
    pub log: Log,
}

/// Where the Cache API keeps responses, and how many.
#[derive(Clone, Debug)]
pub struct Cache {
    /// `None`: in memory.
    pub directory: Option<PathBuf>,
    /// MiB of all Workers together; 0: no bound.
    pub total_mb: u64,
}

#[derive(Clone, Debug)]
pub struct Server {
    /// Where Envoy connects to; never empty.
    pub listen: Vec<Listen>,
    /// Health, readiness and metrics over plain HTTP.
    pub admin: Option<SocketAddr>,
    /// For the TCP addresses of `listen`.
    pub tls: Option<Tls>,
    /// How long running exchanges may go on after SIGTERM.
    pub drain_timeout: Duration,
    /// Threads that run Workers, of each engine process; at least 1.
    pub threads: usize,
    /// Isolates that may exist at once; at least 1.
    pub isolates_max: usize,
    /// MiB of heap and buffers of all isolates together; 0: no bound, `None`: what the system's
    /// bound for the process suggests.
    pub isolates_memory_mb: Option<u64>,
    /// An isolate without a request for this long is disposed of; zero: never.
    pub isolate_idle: Duration,
    /// Engine processes under a supervisor. 0: no supervisor, the one process does all.
    pub processes: usize,
    pub sandbox: Sandbox,
    /// What JavaScript reads as the time stands still while it runs.
    pub frozen_clocks: bool,
}

/// PEM files. Absolute, or relative to the process when the configuration file was named so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub client_ca: Option<PathBuf>,
}

/// Whether the processes that run Workers give up what they do not need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// As far as the kernel can; what it can't is a warning.
    #[default]
    On,
    Off,
    /// What the kernel can't do is an error.
    Require,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Workers {
    /// Absolute, or relative to the process when the configuration file was named so. One that
    /// ends in `*` stands for every sub-directory with a wrangler file.
    pub directories: Vec<PathBuf>,
    /// The Worker of requests that no route claims.
    pub default: Option<String>,
    /// Which `[env.NAME]` of the wrangler files counts.
    pub environment: Option<String>,
    pub start: StartAt,
    /// Files are watched, and Workers reloaded when they change.
    pub reload: bool,
    pub failure_mode: FailureMode,
    /// Error pages carry the stack.
    pub debug_errors: bool,
    /// Isolates that one Worker may have at once, when it has more to do than one can; 0: as many as
    /// threads run Workers.
    pub isolates: u32,
}

/// When a version of a Worker is started first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// When it is loaded: one that does not start is refused.
    #[default]
    Load,
    /// By its first request.
    Request,
}

/// What `[worker.NAME]` sets for one Worker, in place of the general setting.
#[derive(Clone, Debug, Default)]
pub struct WorkerOverrides {
    pub origin: Option<url::Url>,
    pub environment: Option<String>,
    pub failure_mode: Option<FailureMode>,
    pub debug_errors: Option<bool>,
    /// Its handlers read large response bodies before they answer; unset: the host finds out.
    pub reads_responses: Option<bool>,
    pub isolates: Option<u32>,
    /// Added to the wrangler file's; the same name replaces.
    pub vars: Map<String, Value>,
    pub limits: LimitOverrides,
    /// Comes before the general rules.
    pub egress: Egress,
}

#[derive(Clone, Debug)]
pub struct ExtProc {
    /// Envoy takes mode overrides before it sent a body (1.40 and later).
    pub mode_override: bool,
    /// The largest response that Envoy buffers for a Worker: its listener's
    /// `per_connection_buffer_limit_bytes`.
    pub response_buffer_bytes: u64,
    /// Worker, version, outcome and CPU time of each exchange become dynamic metadata.
    pub report: bool,
    /// The largest gRPC message; one holds a whole body in mode BUFFERED.
    pub max_message_bytes: u64,
}

#[derive(Clone, Debug)]
pub struct Log {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 9000)))],
            admin: None,
            tls: None,
            drain_timeout: Duration::from_secs(30),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            isolates_max: usize::try_from(ISOLATES_DEFAULT).unwrap_or(usize::MAX),
            isolates_memory_mb: None,
            isolate_idle: Duration::from_millis(ISOLATE_IDLE_DEFAULT_MS),
            processes: 1,
            sandbox: Sandbox::default(),
            frozen_clocks: true,
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { directory: None, total_mb: CACHE_TOTAL_DEFAULT_MB }
    }
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            directories: Vec::new(),
            default: None,
            environment: None,
            start: StartAt::default(),
            reload: true,
            failure_mode: FailureMode::Closed,
            debug_errors: false,
            isolates: 0,
        }
    }
}

impl Default for ExtProc {
    fn default() -> Self {
        Self {
            mode_override: true,
            report: false,
            response_buffer_bytes: 1024 * 1024,
            max_message_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into() }
    }
}

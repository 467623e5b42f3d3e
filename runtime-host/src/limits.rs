//! Every limit of the host: its unit, its default, the reason for it, and what it does not cover.
//!
//! [`Limits`] are those an operator sets, for all Workers in `[limits]` of `nano.toml` and for one
//! in `[worker.NAME.limits]`. The constants below them are fixed.

use std::time::Duration;

/// What one Worker may use. Zero means "none" only where a field says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Milliseconds of JavaScript execution per request: 30 s, as Workers authors know it. Counts
    /// the time a thread spends inside the isolate for the request, `waitUntil` included; not the
    /// time the request waits for I/O, nor the host's own work outside of JavaScript.
    pub cpu_ms: u64,
    /// Milliseconds between a request's head and the end of its response; 0: none, which is the
    /// default because streams and long polls are legitimate. Does not cover `waitUntil`.
    pub wall_ms: u64,
    /// MiB of JavaScript heap, `ArrayBuffer`s and WebAssembly memory of one isolate: 128, as
    /// Workers authors know it. Does not cover the compiled code, nor bodies that JavaScript has
    /// not touched.
    pub memory_mb: u64,
    /// Milliseconds for the evaluation of a Worker's modules before its first request: 1 s, so
    /// that a cold start stays unnoticed. Does not cover reading and parsing the files.
    pub startup_ms: u64,
    /// MiB of all modules of a Worker together, as they are given to the isolate (TypeScript
    /// without its types): 10. Does not cover source maps.
    pub bundle_mb: u64,
    /// Calls of `fetch()` per request that leave the exchange: 100. The continuation of the
    /// exchange itself does not count; each redirect that is followed does.
    pub subrequests: u32,
    /// Milliseconds that `waitUntil` work may go on after the response: 30 s, as Workers authors
    /// know it.
    pub wait_until_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_ms: 30_000,
            wall_ms: 0,
            memory_mb: 128,
            startup_ms: 1_000,
            bundle_mb: 10,
            subrequests: 100,
            wait_until_ms: 30_000,
        }
    }
}

impl Limits {
    pub fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms)
    }

    /// `None` when there is no limit.
    pub fn wall(&self) -> Option<Duration> {
        (self.wall_ms > 0).then(|| Duration::from_millis(self.wall_ms))
    }

    pub fn memory_bytes(&self) -> usize {
        mib(self.memory_mb)
    }

    pub fn startup(&self) -> Duration {
        Duration::from_millis(self.startup_ms)
    }

    pub fn bundle_bytes(&self) -> usize {
        mib(self.bundle_mb)
    }

    pub fn wait_until(&self) -> Duration {
        Duration::from_millis(self.wait_until_ms)
    }
}

fn mib(count: u64) -> usize {
    usize::try_from(count.saturating_mul(1024 * 1024)).unwrap_or(usize::MAX)
}

/// Limits of one request or one Worker that a wrangler file or `[worker.NAME.limits]` sets; the
/// rest is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitOverrides {
    pub cpu_ms: Option<u64>,
    pub wall_ms: Option<u64>,
    pub memory_mb: Option<u64>,
    pub startup_ms: Option<u64>,
    pub bundle_mb: Option<u64>,
    pub subrequests: Option<u32>,
    pub wait_until_ms: Option<u64>,
}

impl LimitOverrides {
    /// `base` with what is set here in its place.
    pub fn over(&self, base: &Limits) -> Limits {
        Limits {
            cpu_ms: self.cpu_ms.unwrap_or(base.cpu_ms),
            wall_ms: self.wall_ms.unwrap_or(base.wall_ms),
            memory_mb: self.memory_mb.unwrap_or(base.memory_mb),
            startup_ms: self.startup_ms.unwrap_or(base.startup_ms),
            bundle_mb: self.bundle_mb.unwrap_or(base.bundle_mb),
            subrequests: self.subrequests.unwrap_or(base.subrequests),
            wait_until_ms: self.wait_until_ms.unwrap_or(base.wait_until_ms),
        }
    }
}

/// Modules of one Worker. A graph of more files is a `node_modules` tree that was not bundled;
/// the limit keeps its loading from taking minutes.
pub const MODULES_MAX: usize = 10_000;

/// Bytes of a configuration file (`nano.toml`, wrangler's): far above any written by hand, low
/// enough to read without a thought. Modules have [`Limits::bundle_mb`].
pub const CONFIG_FILE_MAX_BYTES: u64 = 1024 * 1024;

/// Timers of one invocation that may be pending at once: above what programs use, and a bound on
/// what a loop of `setTimeout` costs the host.
pub const TIMERS_MAX: usize = 10_000;

/// UTF-16 code units of one text of a Worker's in the log, such as a console line: what is longer
/// is cut off.
pub const LOG_TEXT_MAX: usize = 16 * 1024;

/// Bytes of log lines that may wait for the log's reader: enough for a burst of some ten thousand
/// requests. Lines beyond it are dropped and counted.
pub const LOG_QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// How long the process's end waits for the log's reader.
pub const LOG_FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The same for an end that V8 brings about: others wait for a process that takes this one's place.
pub const LOG_LAST_WORDS_LIMIT: Duration = Duration::from_millis(200);

/// Bytes of JSON that one invocation may give to `ctx.setMetadata()` in all: the proxy keeps it for
/// each request.
pub const METADATA_MAX_BYTES: usize = 64 * 1024;

/// Milliseconds that any CPU limit may be set to: 5 minutes, the most that Workers authors know.
pub const CPU_MAX_MS: u64 = 300_000;

/// Milliseconds that any wall-clock limit may be set to: a day. Longer is the same as none.
pub const TIME_MAX_MS: u64 = 86_400_000;

/// MiB that a memory limit may be set to: V8's heap addresses 4 GiB with compressed pointers, and
/// no more is useful without.
pub const MEMORY_MAX_MB: u64 = 4096;

/// Threads that run Workers: more than any machine has cores to use.
pub const THREADS_MAX: u64 = 1024;

/// Engine processes: more than one for a core or two helps nobody.
pub const PROCESSES_MAX: u64 = 64;

/// Milliseconds that draining may be set to: an hour, longer than any supervisor waits.
pub const DRAIN_TIMEOUT_MAX_MS: u64 = 3_600_000;

/// Levels of directories that are searched for additional modules and watched for changes.
pub const DIRECTORY_DEPTH_MAX: usize = 32;

/// Bytes of a source map that a bundler left beside a module; a larger one is not used. Decoded it
/// takes up to five times as much.
pub const SOURCE_MAP_MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Directories that are watched for changes, of all Workers together: half of what Linux allows a
/// user by default on small machines.
pub const DIRECTORIES_WATCHED_MAX: usize = 4_096;

/// Connections of one invocation that wait for a response's head at the same time; further
/// subrequests are queued. Workers' own number.
pub const CONNECTIONS_MAX: usize = 6;

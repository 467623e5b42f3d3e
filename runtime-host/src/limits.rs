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

/// Isolates that may exist at once, by default: 2.6 GB with small Workers. Each takes 13 of the 65,530
/// mappings that Linux lets a process have.
pub const ISOLATES_DEFAULT: u64 = 1000;

/// What that number may be set to: more than fit in any machine.
pub const ISOLATES_MAX: u64 = 1_000_000;

/// MiB that the memory of all isolates together may be bounded by: 16 TiB, more than machines have.
pub const ISOLATES_MEMORY_MAX_MB: u64 = 16 * 1024 * 1024;

/// Milliseconds without a request after which an isolate is disposed of, by default: ten minutes. A
/// Worker that is in use keeps what it has in memory; one that is not costs nothing, and takes some
/// milliseconds for its next request.
pub const ISOLATE_IDLE_DEFAULT_MS: u64 = 600_000;

/// An isolate that nobody used for this long collects all its garbage and gives the memory back: longer
/// than a pause between two clicks, and short beside the time until it is disposed of.
pub const ISOLATE_RESTS_AFTER: Duration = Duration::from_secs(10);

/// How often isolates are looked at, to dispose of idle ones: four times in the time that one may be
/// idle, within these bounds.
pub const TEND_EVERY_SHORTEST: Duration = Duration::from_millis(20);
pub const TEND_EVERY_LONGEST: Duration = Duration::from_secs(1);

/// For how long a version that did not start is not tried again: a second, doubled with each failure,
/// up to a minute. Requests fail at once meanwhile.
pub const START_RETRY_FIRST: Duration = Duration::from_secs(1);
pub const START_RETRY_LONGEST: Duration = Duration::from_mins(1);

/// Threads that run Workers: more than any machine has cores to use.
pub const THREADS_MAX: u64 = 1024;

/// Turns past their slice that may wait until others are through, each with a thread: half of the
/// threads that tokio's blocking pool has. More are ended ([`Outcome::LoadShed`]).
///
/// [`Outcome::LoadShed`]: crate::telemetry::Outcome::LoadShed
pub const LONG_TURNS_WAITING_MAX: usize = 256;
/// Engine processes: more than one for a core or two helps nobody.
pub const PROCESSES_MAX: u64 = 64;

/// Milliseconds that draining may be set to: an hour, longer than any supervisor waits.
pub const DRAIN_TIMEOUT_MAX_MS: u64 = 3_600_000;

/// Levels of directories that are searched for additional modules and watched for changes.
pub const DIRECTORY_DEPTH_MAX: usize = 32;

/// Bytes of a source map that a bundler left beside a module; a larger one is not used. Decoded it
/// takes up to five times as much.
pub const SOURCE_MAP_MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Directories that may be watched for changes, of all Workers together, where the system lets its
/// user watch fewer than twice as many, or does not say how many: half of what Linux allowed by
/// default before it went by the size of the memory. With a higher limit it is half of that.
pub const DIRECTORIES_WATCHED_MIN: usize = 4_096;

/// Connections of one invocation that wait for a response's head at the same time; further
/// subrequests are queued. Workers' own number.
pub const CONNECTIONS_MAX: usize = 6;

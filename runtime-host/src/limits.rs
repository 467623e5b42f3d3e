//! Every limit of the host: its unit, its default, the reason for it, and what it does not cover.
//!
//! [`Limits`] are those an operator sets, for all Workers in `[limits]` of `nano.toml` and for one
//! in `[worker.NAME.limits]`. The constants below them are fixed.

use std::time::Duration;

/// The one list of what an operator sets: for each key its reason, type, default, least and largest
/// value.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr, $min:expr => $max:expr;)*) => {
        /// What one Worker may use. Zero means "none" only where a field says so.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $key: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        /// Limits of one Worker that `[limits]` or `[worker.NAME.limits]` sets; the rest is
        /// inherited.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct LimitOverrides {
            $(pub $key: Option<$type>,)*
        }

        impl LimitOverrides {
            /// Asks for each key, with its least and largest value.
            pub fn read(mut integer: impl FnMut(&'static str, u64, u64) -> Option<u64>) -> Self {
                Self {
                    $($key: integer(stringify!($key), $min, $max)
                        .and_then(|value| <$type>::try_from(value).ok()),)*
                }
            }

            /// `base` with what is set here in its place.
            pub fn over(&self, base: &Limits) -> Limits {
                Limits { $($key: self.$key.unwrap_or(base.$key),)* }
            }
        }
    };
}

limits! {
    /// Milliseconds of JavaScript execution per request: 30 s, as Workers authors know it. Counts
    /// the time a thread spends inside the isolate for the request, `waitUntil` included; not the
    /// time the request waits for I/O, nor the host's own work outside of JavaScript.
    cpu_ms: u64 = 30_000, 1 => CPU_MAX_MS;
    /// Milliseconds between a request's head and the end of its response; 0: none, which is the
    /// default because streams and long polls are legitimate. Does not cover `waitUntil`, nor the
    /// time in the queue.
    wall_ms: u64 = 0, 0 => TIME_MAX_MS;
    /// MiB of JavaScript heap, `ArrayBuffer`s and WebAssembly memory of one isolate: 128, as
    /// Workers authors know it. Does not cover the compiled code, nor bodies that JavaScript has
    /// not touched.
    memory_mb: u64 = 128, 8 => MEMORY_MAX_MB;
    /// Milliseconds for the evaluation of a Worker's modules before its first request: 1 s, so
    /// that a cold start stays unnoticed. Does not cover reading and parsing the files.
    startup_ms: u64 = 1_000, 1 => CPU_MAX_MS;
    /// MiB of all modules of a Worker together, as they are given to the isolate (TypeScript
    /// without its types), WebAssembly included: 10. Does not cover source maps.
    bundle_mb: u64 = 10, 1 => MEMORY_MAX_MB;
    /// Calls of `fetch()` per request that leave the exchange: 100. The continuation of the
    /// exchange itself does not count; each redirect that is followed does.
    subrequests: u32 = 100, 0 => MAX_32;
    /// Connections of one invocation that wait for a response's head at the same time; further
    /// subrequests are queued. Workers' own number. Does not cover bodies that are still coming.
    connections: u32 = 6, 1 => 1_000;
    /// Milliseconds that `waitUntil` work may go on after the response: 30 s, as Workers authors
    /// know it.
    wait_until_ms: u64 = 30_000, 0 => TIME_MAX_MS;
    /// Timers of one invocation that may be pending at once: above what programs use, and a bound
    /// on what a loop of `setTimeout` costs the host.
    timers: u32 = 10_000, 1 => 1_000_000;
    /// Exchanges of one Worker that are under way at once; 0: as many as come, which is the default
    /// because an exchange that waits costs little. Does not cover `waitUntil` work.
    concurrent_requests: u32 = 0, 0 => 1_000_000;
    /// Requests that may wait while `concurrent_requests` are under way: enough for a burst, few
    /// enough that what is answered late is not answered in vain.
    queued_requests: u32 = 100, 0 => 100_000;
    /// Milliseconds that a request may wait so: 1 s, about what a person notices.
    queue_ms: u64 = 1_000, 1 => TIME_MAX_MS;
    /// Requests of one Worker per second, on average; 0: as many as come. Refused requests do not
    /// count. Each host counts by itself.
    requests_per_second: u32 = 0, 0 => 1_000_000;
    /// Requests that may come at once before the average counts; 0: as many as come in a second.
    request_burst: u32 = 0, 0 => 1_000_000;
    /// KiB of a request's URL, as the client sent it, and of one that is given to `fetch()`: 16, as
    /// Workers authors know it. Does not cover redirects.
    url_kb: u32 = 16, 1 => 1_024;
    /// KiB of the headers of one message, names and values: 128, as Workers authors know it. Counts
    /// requests as they come, a Worker's responses and what it gives to `fetch()`; not responses
    /// that come from elsewhere. A proxy before the host may allow less (Envoy: 60).
    headers_kb: u32 = 128, 1 => 1_024;
    /// Variables of a Worker (`vars`): 128, as Workers authors know it.
    variables: u32 = 128, 0 => 100_000;
    /// KiB of one variable, in UTF-8, as JSON when it is not a string: 5, as Workers authors know
    /// it. Does not cover its name.
    variable_kb: u32 = 5, 1 => 1_024;
    /// MiB that the responses of one Worker may take which it stores with the Cache API, in memory or,
    /// with `cache.directory`, on disk: 32, so that a thousand Workers' fit into a machine. 0: nothing is
    /// stored. Each engine process counts by itself.
    cache_mb: u64 = 32, 0 => CACHE_MAX_MB;
    /// Calls of the Cache API per request: 1000, as Workers authors know it. Each finds, stores or deletes
    /// in the host; none is sent anywhere, so they are no subrequests.
    cache_calls: u32 = 1_000, 0 => MAX_32;
    /// MiB of one message that comes over a WebSocket: 32, as Workers authors know it. A larger one closes
    /// the connection (1009).
    websocket_message_mb: u32 = 32, 1 => 1_024;
    /// KiB of console lines of one invocation, and of uncaught exceptions: 256, as Workers authors
    /// know it; what comes after is dropped. Does not cover the line about the request itself.
    log_kb: u32 = 256, 0 => 1_048_576;
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

    pub fn queue(&self) -> Duration {
        Duration::from_millis(self.queue_ms)
    }

    pub fn url_bytes(&self) -> usize {
        kib(self.url_kb)
    }

    pub fn headers_bytes(&self) -> usize {
        kib(self.headers_kb)
    }

    pub fn variable_bytes(&self) -> usize {
        kib(self.variable_kb)
    }

    pub fn cache_bytes(&self) -> usize {
        mib(self.cache_mb)
    }

    pub fn websocket_message_bytes(&self) -> usize {
        mib(u64::from(self.websocket_message_mb))
    }

    pub fn log_bytes(&self) -> usize {
        kib(self.log_kb)
    }

    /// Why the variable can't be one, as the end of a sentence that begins with its name.
    pub fn refuse_variable(&self, value: &serde_json::Value) -> Option<String> {
        let bytes = match value {
            serde_json::Value::String(text) => text.len(),
            other => other.to_string().len(),
        };
        let most = self.variable_bytes();
        (bytes > most).then(|| {
            format!("takes {bytes} bytes: a variable may have {most} (limits.variable_kb)")
        })
    }
}

fn mib(count: u64) -> usize {
    usize::try_from(count.saturating_mul(1024 * 1024)).unwrap_or(usize::MAX)
}

fn kib(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(1024)
}

/// A limit that a request, or a version that is loaded, can reach, by the name that log and metrics give it: its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    Cpu,
    Wall,
    Memory,
    Startup,
    Subrequests,
    Connections,
    WaitUntil,
    Timers,
    QueuedRequests,
    Queue,
    RequestsPerSecond,
    Url,
    Headers,
    Log,
    /// [`LONG_TURNS_WAITING_MAX`].
    LongTurns,
    Bundle,
    Variables,
    Variable,
    CacheCalls,
}

impl Limit {
    pub const ALL: [Self; 19] = [
        Self::Cpu,
        Self::Wall,
        Self::Memory,
        Self::Startup,
        Self::Subrequests,
        Self::Connections,
        Self::WaitUntil,
        Self::Timers,
        Self::QueuedRequests,
        Self::Queue,
        Self::RequestsPerSecond,
        Self::Url,
        Self::Headers,
        Self::Log,
        Self::LongTurns,
        Self::Bundle,
        Self::Variables,
        Self::Variable,
        Self::CacheCalls,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu_ms",
            Self::Wall => "wall_ms",
            Self::Memory => "memory_mb",
            Self::Startup => "startup_ms",
            Self::Subrequests => "subrequests",
            Self::Connections => "connections",
            Self::WaitUntil => "wait_until_ms",
            Self::Timers => "timers",
            Self::QueuedRequests => "queued_requests",
            Self::Queue => "queue_ms",
            Self::RequestsPerSecond => "requests_per_second",
            Self::Url => "url_kb",
            Self::Headers => "headers_kb",
            Self::Log => "log_kb",
            Self::LongTurns => "long_turns",
            Self::Bundle => "bundle_mb",
            Self::Variables => "variables",
            Self::Variable => "variable_kb",
            Self::CacheCalls => "cache_calls",
        }
    }
}

/// Limits that one request reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitSet(u32);

impl LimitSet {
    /// True when it is new.
    pub fn insert(&mut self, limit: Limit) -> bool {
        let bit = 1 << limit as u32;
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }

    pub fn iter(self) -> impl Iterator<Item = Limit> {
        Limit::ALL.into_iter().filter(move |limit| self.0 & (1 << *limit as u32) != 0)
    }

    /// For the log: the names with commas between them, `None` when it is empty.
    pub fn names(self) -> Option<String> {
        let names: Vec<_> = self.iter().map(Limit::as_str).collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

impl From<Limit> for LimitSet {
    fn from(limit: Limit) -> Self {
        Self(1 << limit as u32)
    }
}

/// Modules of one Worker. A graph of more files is a `node_modules` tree that was not bundled;
/// the limit keeps its loading from taking minutes.
pub const MODULES_MAX: usize = 10_000;

/// Literal imports of one Worker's modules together. Each costs looks at the file system.
pub const IMPORTS_MAX: usize = 100_000;

/// Messages about one file or Worker. A file can have an error in every second byte, nobody reads that
/// many, and finding the place of each takes a look at all that is before it.
pub const DIAGNOSTICS_MAX: usize = 100;

/// Bytes of a configuration file (`nano.toml`, wrangler's): far above any written by hand, low
/// enough to read without a thought. Modules have [`Limits::bundle_mb`].
pub const CONFIG_FILE_MAX_BYTES: u64 = 1024 * 1024;

/// UTF-16 code units of one text of a Worker's in the log, such as a console line: what is longer
/// is cut off.
pub const LOG_TEXT_MAX: usize = 16 * 1024;

/// Bytes of log lines that may wait for the log's reader: enough for a burst of some ten thousand
/// requests. Lines beyond it are dropped and counted.
pub const LOG_QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// UTF-16 code units of a text that is parsed as a URL; a longer one is none. Parsing needs several
/// times as much memory, which no limit of the Worker's covers. Two million is what browsers take.
pub const URL_TEXT_MAX: usize = 2 * 1024 * 1024;

/// UTF-16 code units of a URL pattern, its base URL included. Work and memory grow faster than the
/// pattern does.
pub const URL_PATTERN_TEXT_MAX: usize = 16 * 1024;

/// Bytes that the parser of one HTML rewriter may hold: a tag or comment that is not complete yet, and
/// what it knows of the open elements. Does not cover what handlers insert, which is charged as it is.
pub const HTML_PARSER_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Bytes by which the open elements of all rewriters of an isolate may exceed its memory limit. Their
/// number is only known to be at most that of the tags so far; charging for all of these would refuse
/// what fits.
pub const HTML_ELEMENTS_ALLOWANCE_BYTES: usize = 64 * 1024 * 1024;

/// UTF-16 code units of all selectors of one HTML rewriter. Each element of a page is compared with all
/// of them, without a look at the clock.
pub const HTML_SELECTORS_TEXT_MAX: usize = 16 * 1024;

/// Combinators of one selector, or brackets within brackets: it is read and compiled recursively.
pub const HTML_SELECTOR_DEPTH_MAX: usize = 128;

/// HTML rewriters that may be under way in one isolate, and in the process. Each has a stack of its own,
/// which takes two of the 65,530 mappings that Linux lets a process have.
pub const HTML_REWRITERS_MAX: usize = 512;
pub const HTML_REWRITERS_PROCESS_MAX: usize = 8 * 1024;

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

/// Counts that have no other bound.
const MAX_32: u64 = u32::MAX as u64;

/// MiB that a memory limit may be set to: V8's heap addresses 4 GiB with compressed pointers, and
/// no more is useful without.
pub const MEMORY_MAX_MB: u64 = 4096;

/// MiB that the caches of all Workers may take together, by default, in each engine process.
pub const CACHE_TOTAL_DEFAULT_MB: u64 = 512;

/// MiB that a cache may be bounded by: 16 TiB, more than disks have.
pub const CACHE_MAX_MB: u64 = 16 * 1024 * 1024;

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

/// Of several isolates of one Worker, those that nobody used for this long are disposed of: the rush is
/// over, and the others do.
pub const HELPER_IDLE: Duration = Duration::from_secs(30);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_name_what_is_in_them() {
        let mut set = LimitSet::default();
        assert_eq!(set.names(), None);
        assert!(set.insert(Limit::Timers) && !set.insert(Limit::Timers));
        assert!(set.insert(Limit::LongTurns) && set.insert(Limit::Cpu));
        assert_eq!(set.names().as_deref(), Some("cpu_ms,timers,long_turns"));
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, index, "{}", limit.as_str());
        }
    }

    #[test]
    fn every_key_is_read_and_the_rest_is_inherited() {
        let mut keys = Vec::new();
        let set = LimitOverrides::read(|key, min, max| {
            keys.push(key);
            assert!(min < max, "{key}");
            (key == "timers").then_some(7)
        });
        let limits = set.over(&Limits::default());
        assert_eq!(limits, Limits { timers: 7, ..Limits::default() });
        // Every limit is one of them, but the host's own.
        for limit in Limit::ALL {
            assert!(limit == Limit::LongTurns || keys.contains(&limit.as_str()), "{limit:?}");
        }
    }

    #[test]
    fn variables_are_measured_as_they_are_written() {
        let limits = Limits { variable_kb: 1, ..Limits::default() };
        assert_eq!(limits.refuse_variable(&"x".repeat(1024).into()), None);
        let text = "takes 1025 bytes: a variable may have 1024 (limits.variable_kb)";
        assert_eq!(limits.refuse_variable(&"x".repeat(1025).into()).as_deref(), Some(text));
        assert!(limits.refuse_variable(&serde_json::json!({ "a": "x".repeat(1017) })).is_some());
    }
}

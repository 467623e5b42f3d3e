//! Prometheus metrics. Labels are resolved once per Worker ([`Metrics::worker`]); what a request
//! does is then an atomic addition, without lock or allocation.

use std::collections::HashSet;
use std::fmt;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::Outcome;
use super::histogram::DurationHistogram;
use super::survival::{Collector, Survival};
use crate::diagnostic::Diagnostic;
use crate::exchange::Side;
use crate::limits::{Limit, LimitSet};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkerLabel {
    worker: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    worker: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SideLabels {
    worker: String,
    side: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RanLabels {
    worker: String,
    ran: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StartLabels {
    worker: String,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EvictionLabels {
    worker: String,
    reason: &'static str,
}

/// What an isolate is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartCause {
    /// A version was loaded.
    Load,
    /// A request came for a Worker without one.
    Request,
    /// Those that the Worker had were crowded.
    Busy,
}

impl StartCause {
    const ALL: [Self; 3] = [Self::Load, Self::Request, Self::Busy];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Request => "request",
            Self::Busy => "busy",
        }
    }
}

/// Why an isolate that works was disposed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// Nobody used it for long.
    Idle,
    /// There were too many.
    Count,
    /// All together took too much memory.
    Memory,
}

impl Eviction {
    const ALL: [Self; 3] = [Self::Idle, Self::Count, Self::Memory];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Count => "count",
            Self::Memory => "memory",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    worker: String,
    limit: &'static str,
}

/// Where the JavaScript that a message leads to runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// On the thread where the message arrived.
    Inline,
    /// On the thread that runs the isolate already.
    Queued,
    /// On a thread without other work, because the Worker's turns can't be interrupted.
    Apart,
}

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    requests: Family<OutcomeLabels, Counter>,
    wall: Family<WorkerLabel, DurationHistogram>,
    cpu: Family<WorkerLabel, DurationHistogram>,
    running: Family<WorkerLabel, Gauge>,
    isolates: Family<WorkerLabel, Gauge>,
    isolate_memory: Family<WorkerLabel, Gauge>,
    starts: Family<StartLabels, Counter>,
    evictions: Family<EvictionLabels, Counter>,
    body_bytes: Family<SideLabels, Counter>,
    subrequests: Family<WorkerLabel, Counter>,
    egress_denied: Family<WorkerLabel, Counter>,
    messages: Family<RanLabels, Counter>,
    limits: Family<LimitLabels, Counter>,
    queued: Family<WorkerLabel, Gauge>,
    /// `ext_proc` streams that are open now.
    pub ext_proc_streams: Gauge,
    /// Log lines that nobody read in time.
    pub log_lines_dropped: Counter,
}

/// The metrics of one Worker, labels resolved. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct WorkerMetrics {
    requests: [Counter; Outcome::ALL.len()],
    body_bytes: [Counter; 2],
    messages: [Counter; 3],
    starts: [Counter; 3],
    evictions: [Counter; 3],
    limits: [Counter; Limit::ALL.len()],
    /// From a request's head to the end of its response.
    pub wall: DurationHistogram,
    /// JavaScript execution of a request.
    pub cpu: DurationHistogram,
    /// Invocations that are running, `waitUntil` work included.
    pub running: Gauge,
    /// Isolates that exist.
    pub isolates: Gauge,
    /// Bytes of JavaScript heap and buffers, all isolates of the Worker together.
    pub isolate_memory_bytes: Gauge,
    pub subrequests: Counter,
    /// Requests that wait until others are over.
    pub queued: Gauge,
    /// Connections that the operator's rules refused.
    pub egress_denied: Counter,
}

impl WorkerMetrics {
    /// The counter of finished requests with this outcome.
    pub fn requests(&self, outcome: Outcome) -> &Counter {
        &self.requests[outcome as usize]
    }

    /// Counts body bytes that the host saw, as they arrived or left.
    pub fn body_bytes(&self, side: Side) -> &Counter {
        &self.body_bytes[side as usize]
    }

    /// Counts a limit that something reached.
    pub fn reached(&self, limit: Limit) {
        self.limits[limit as usize].inc();
    }

    /// Counts the limits that a request reached.
    pub fn reached_all(&self, limits: LimitSet) {
        if limits != LimitSet::default() {
            limits.iter().for_each(|limit| self.reached(limit));
        }
    }

    /// Counts messages to the Worker's isolates: requests, responses, timers, body chunks.
    pub fn messages(&self, ran: Ran) -> &Counter {
        &self.messages[ran as usize]
    }

    /// Counts isolates that started.
    pub fn starts(&self, cause: StartCause) -> &Counter {
        &self.starts[cause as usize]
    }

    /// Counts isolates that were disposed of although they worked.
    pub fn evictions(&self, why: Eviction) -> &Counter {
        &self.evictions[why as usize]
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("nano"),
            requests: Family::default(),
            wall: Family::default(),
            cpu: Family::default(),
            running: Family::default(),
            isolates: Family::default(),
            isolate_memory: Family::default(),
            starts: Family::default(),
            evictions: Family::default(),
            body_bytes: Family::default(),
            subrequests: Family::default(),
            egress_denied: Family::default(),
            messages: Family::default(),
            limits: Family::default(),
            queued: Family::default(),
            ext_proc_streams: Gauge::default(),
            log_lines_dropped: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        r.register("build", "The program that runs", version);
        r.register("requests", "Finished requests", self.requests.clone());
        r.register_with_unit(
            "request_wall",
            "Time from a request's head to the end of its response",
            Unit::Seconds,
            self.wall.clone(),
        );
        r.register_with_unit(
            "request_cpu",
            "JavaScript execution time of a request",
            Unit::Seconds,
            self.cpu.clone(),
        );
        let help = "Invocations that are running, waitUntil work included";
        r.register("running_invocations", help, self.running.clone());
        r.register("isolates", "V8 isolates that exist", self.isolates.clone());
        let help = "JavaScript heap and buffers of the Worker's isolates";
        r.register_with_unit("isolate_memory", help, Unit::Bytes, self.isolate_memory.clone());
        let help = "Isolates that started: when a version was loaded, or for a request";
        r.register("isolate_starts", help, self.starts.clone());
        let help = "Isolates that were disposed of: idle for long, too many, too much memory";
        r.register("isolate_evictions", help, self.evictions.clone());
        let help = "Body bytes that the host saw; untouched bodies stay with the proxy";
        r.register_with_unit("body", help, Unit::Bytes, self.body_bytes.clone());
        r.register("subrequests", "Requests that Workers sent", self.subrequests.clone());
        let help = "Connections of Workers that the operator's rules refused";
        r.register("egress_denied", help, self.egress_denied.clone());
        let help = "Messages to isolates: run inline, where they arrived, or queued for the thread \
                    that ran the isolate already";
        r.register("isolate_messages", help, self.messages.clone());
        let help = "Requests that reached a limit, refused ones included; for connections \
                    subrequests that waited, for startup_ms and memory_mb versions refused too, \
                    for bundle_mb, variables and variable_kb these alone";
        r.register("limits_reached", help, self.limits.clone());
        let help = "Requests that wait because limits.concurrent_requests are under way";
        r.register("queued_requests", help, self.queued.clone());
        r.register("ext_proc_streams", "Open ext_proc streams", self.ext_proc_streams.clone());
        let help = "Log lines that were dropped because their reader was too slow";
        r.register("log_lines_dropped", help, self.log_lines_dropped.clone());
    }

    /// Shows what a supervisor knows, as it is whenever somebody asks.
    pub fn report_survival(&mut self, now: impl Fn() -> Survival + Send + Sync + 'static) {
        self.registry.register_collector(Box::new(Collector::new(now)));
    }

    /// Counts the limits that refused versions before these had an isolate: each once for a version.
    pub fn refused(&self, diagnostics: &[Diagnostic]) {
        let limits = diagnostics.iter().filter_map(|one| Some((one.worker.as_ref()?, one.limit?)));
        for (worker, limit) in limits.collect::<HashSet<_>>() {
            let labels = LimitLabels { worker: worker.clone(), limit: limit.as_str() };
            self.limits.get_or_create_owned(&labels).inc();
        }
    }

    /// The metrics of a Worker, which appear at zero from now on. Call it when the Worker's first
    /// isolate is wanted and keep the result.
    pub fn worker(&self, name: &str) -> WorkerMetrics {
        let worker = || name.to_owned();
        let label = WorkerLabel { worker: worker() };
        let requests = Outcome::ALL.map(|outcome| {
            let labels = OutcomeLabels { worker: worker(), outcome: outcome.as_str() };
            self.requests.get_or_create_owned(&labels)
        });
        let body_bytes = ["request", "response"].map(|side| {
            self.body_bytes.get_or_create_owned(&SideLabels { worker: worker(), side })
        });
        let messages = ["inline", "queued", "apart"]
            .map(|ran| self.messages.get_or_create_owned(&RanLabels { worker: worker(), ran }));
        let starts = StartCause::ALL.map(|cause| {
            let labels = StartLabels { worker: worker(), cause: cause.as_str() };
            self.starts.get_or_create_owned(&labels)
        });
        let evictions = Eviction::ALL.map(|why| {
            let labels = EvictionLabels { worker: worker(), reason: why.as_str() };
            self.evictions.get_or_create_owned(&labels)
        });
        let limits = Limit::ALL.map(|limit| {
            let labels = LimitLabels { worker: worker(), limit: limit.as_str() };
            self.limits.get_or_create_owned(&labels)
        });
        WorkerMetrics {
            starts,
            evictions,
            requests,
            body_bytes,
            messages,
            limits,
            wall: self.wall.get_or_create_owned(&label),
            cpu: self.cpu.get_or_create_owned(&label),
            running: self.running.get_or_create_owned(&label),
            isolates: self.isolates.get_or_create_owned(&label),
            isolate_memory_bytes: self.isolate_memory.get_or_create_owned(&label),
            subrequests: self.subrequests.get_or_create_owned(&label),
            queued: self.queued.get_or_create_owned(&label),
            egress_denied: self.egress_denied.get_or_create_owned(&label),
        }
    }

    /// The exposition (text format of `OpenMetrics`).
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counts_by_worker_outcome_and_side() {
        let metrics = Metrics::new();
        let hello = metrics.worker("hello \"quoted\"\n");
        hello.requests(Outcome::Ok).inc();
        hello.requests(Outcome::ResponseStreamDisconnected).inc_by(2);
        hello.body_bytes(Side::Response).inc_by(10);
        hello.messages(Ran::Queued).inc();
        hello.running.set(3);
        hello.starts(StartCause::Request).inc();
        hello.evictions(Eviction::Memory).inc();
        hello.queued.inc();
        hello.reached_all(Limit::Timers.into());
        // The same Worker again, after a reload, counts on.
        metrics.worker("hello \"quoted\"\n").requests(Outcome::Ok).inc();
        let text = metrics.render().expect("rendered");
        for line in [
            r#"nano_requests_total{worker="hello \"quoted\"\n",outcome="ok"} 2"#,
            r#"nano_requests_total{worker="hello \"quoted\"\n",outcome="responseStreamDisconnected"} 2"#,
            r#"nano_requests_total{worker="hello \"quoted\"\n",outcome="exception"} 0"#,
            r#"nano_body_bytes_total{worker="hello \"quoted\"\n",side="response"} 10"#,
            r#"nano_body_bytes_total{worker="hello \"quoted\"\n",side="request"} 0"#,
            r#"nano_isolate_messages_total{worker="hello \"quoted\"\n",ran="inline"} 0"#,
            r#"nano_isolate_messages_total{worker="hello \"quoted\"\n",ran="queued"} 1"#,
            r#"nano_egress_denied_total{worker="hello \"quoted\"\n"} 0"#,
            r#"nano_running_invocations{worker="hello \"quoted\"\n"} 3"#,
            r#"nano_isolate_starts_total{worker="hello \"quoted\"\n",cause="request"} 1"#,
            r#"nano_isolate_starts_total{worker="hello \"quoted\"\n",cause="load"} 0"#,
            r#"nano_isolate_evictions_total{worker="hello \"quoted\"\n",reason="memory"} 1"#,
            r#"nano_isolate_evictions_total{worker="hello \"quoted\"\n",reason="count"} 0"#,
            r#"nano_limits_reached_total{worker="hello \"quoted\"\n",limit="timers"} 1"#,
            r#"nano_limits_reached_total{worker="hello \"quoted\"\n",limit="queue_ms"} 0"#,
            r#"nano_queued_requests{worker="hello \"quoted\"\n"} 1"#,
            "nano_ext_proc_streams 0",
            "nano_log_lines_dropped_total 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_refused_version_counts_once_for_each_limit() {
        let metrics = Metrics::new();
        let refused = |limit| Diagnostic {
            worker: Some("w".into()),
            ..Diagnostic::error("f", "m").with_limit(limit)
        };
        metrics.refused(&[
            refused(Limit::Variable),
            refused(Limit::Variable),
            refused(Limit::Bundle),
            Diagnostic::error("f", "m"),
        ]);
        let text = metrics.render().expect("metrics");
        for (limit, count) in [("variable_kb", Some(1)), ("bundle_mb", Some(1)), ("cpu_ms", None)] {
            let line = format!("nano_limits_reached_total{{worker=\"w\",limit=\"{limit}\"}} ");
            let found = text.lines().find_map(|found| found.strip_prefix(&line));
            assert_eq!(found.map(str::parse), count.map(Ok), "{text}");
        }
    }

    #[test]
    fn histograms_are_cumulative() {
        let metrics = Metrics::new();
        let worker = metrics.worker("w");
        for micros in [10, 50, 51, 2_000_000, 90_000_000] {
            worker.wall.observe(Duration::from_micros(micros));
        }
        let text = metrics.render().expect("rendered");
        for line in [
            r#"nano_request_wall_seconds_bucket{le="0.00005",worker="w"} 2"#,
            r#"nano_request_wall_seconds_bucket{le="0.0001",worker="w"} 3"#,
            r#"nano_request_wall_seconds_bucket{le="2.5",worker="w"} 4"#,
            r#"nano_request_wall_seconds_bucket{le="30.0",worker="w"} 4"#,
            r#"nano_request_wall_seconds_bucket{le="+Inf",worker="w"} 5"#,
            r#"nano_request_wall_seconds_count{worker="w"} 5"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        let sum = text.lines().find(|l| l.starts_with("nano_request_wall_seconds_sum"));
        assert!(sum.is_some_and(|l| l.contains(" 92.000111")), "{sum:?}");
    }

    #[test]
    fn every_outcome_has_its_place() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
    }
}

//! Structured logs: one JSON object a line.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::Outcome;
use super::log_writer::LogWriter;
use crate::limits::LOG_FLUSH_LIMIT;
use crate::limits::LimitSet;

/// The environment variable that overrides the configured level.
pub const LEVEL_VARIABLE: &str = "NANO_LOG";

/// How lines look and where they go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON on standard output, for a log collector.
    #[default]
    Json,
    /// Text for a person, on standard error.
    Text,
}

/// The level, or the filter, does not parse, or logging was set up before.
#[derive(Debug)]
pub struct LogError(String);

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LogError {}

/// The process's way out for log lines, once there is one.
static WRITER: OnceLock<LogWriter> = OnceLock::new();

/// Sets logging up for the process. Lines that the output does not take in time are dropped and
/// counted in `dropped`. `level` is `error`, `warn`, `info`, `debug`, `trace`, `off`,
/// or a comma-separated list of `target=level`; [`LEVEL_VARIABLE`] takes its place when set.
pub fn init(format: Format, level: &str, dropped: &Counter) -> Result<(), LogError> {
    let from_environment = std::env::var(LEVEL_VARIABLE).ok().filter(|text| !text.is_empty());
    let (text, source) = match &from_environment {
        Some(text) => (text.as_str(), LEVEL_VARIABLE),
        None => (level, "the log level"),
    };
    let filter = filter(text, source)?;
    let output: Box<dyn Write + Send> = match format {
        Format::Json => Box::new(io::stdout()),
        Format::Text => Box::new(io::stderr()),
    };
    let failed = |e: &dyn fmt::Display| LogError(format!("can't set logging up: {e}"));
    let writer = LogWriter::start(output, dropped.clone()).map_err(|e| failed(&e))?;
    let lines = writer.clone();
    subscriber(format, filter, move || lines.clone()).try_init().map_err(|e| failed(&e))?;
    WRITER.get_or_init(|| writer);
    Ok(())
}

/// Waits until all lines so far are written; for a moment only, when nobody reads them. To be
/// called before the process ends.
pub fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush_within(LOG_FLUSH_LIMIT);
    }
}

fn filter(text: &str, source: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder().parse(text).map_err(|e| {
        LogError(format!(
            "{source} is {text:?}, which is neither a level (error, warn, info, debug, trace, off) \
             nor a list of target=level: {e}"
        ))
    })
}

fn subscriber<W>(
    format: Format,
    filter: EnvFilter,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(writer);
    match format {
        Format::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .finish(),
        ),
        Format::Text => {
            Box::new(builder.with_ansi(io::stderr().is_terminal()).with_target(false).finish())
        }
    }
}

/// A finished request, as its log line tells it.
#[derive(Clone, Copy, Debug)]
pub struct FinishedRequest<'a> {
    pub request_id: &'a str,
    pub worker: &'a str,
    pub version: &'a str,
    pub outcome: Outcome,
    /// `None` when no response began.
    pub status: Option<u16>,
    /// JavaScript execution.
    pub cpu: Duration,
    /// From the request's head to the end of the response.
    pub wall: Duration,
    /// The exception's message and stack, or the host's reason.
    pub error: Option<&'a str>,
    /// Limits that it reached.
    pub limits: LimitSet,
}

impl FinishedRequest<'_> {
    /// Writes the line: `info` for a success, `warn` for what the Worker or the client did,
    /// `error` for a failure of the host.
    pub fn log(&self) {
        let names = self.limits.names();
        let limits = names.as_deref();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "nano::request",
                    request_id = self.request_id,
                    worker = self.worker,
                    version = self.version,
                    outcome = self.outcome.as_str(),
                    status = self.status,
                    cpu_ms = milliseconds(self.cpu),
                    wall_ms = milliseconds(self.wall),
                    error = self.error,
                    limits,
                    "request"
                )
            };
        }
        match self.outcome {
            Outcome::Ok | Outcome::Canceled | Outcome::ResponseStreamDisconnected => line!(info),
            Outcome::InternalError | Outcome::ScriptNotFound | Outcome::LoadShed => line!(error),
            _ => line!(warn),
        }
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// The method of `console` that a Worker called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleLevel {
    Debug,
    Info,
    Log,
    Warn,
    Error,
}

/// Writes a line that a Worker gave to `console`. `request_id` is `None` outside of requests.
pub fn console(level: ConsoleLevel, worker: &str, request_id: Option<&str>, message: &str) {
    macro_rules! line {
        ($level:ident, $method:literal) => {
            tracing::$level!(
                target: "nano::console", worker, request_id, method = $method, "{message}"
            )
        };
    }
    match level {
        ConsoleLevel::Debug => line!(debug, "debug"),
        ConsoleLevel::Info => line!(info, "info"),
        ConsoleLevel::Log => line!(info, "log"),
        ConsoleLevel::Warn => line!(warn, "warn"),
        ConsoleLevel::Error => line!(error, "error"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde_json::{Value, json};

    use super::*;
    use crate::limits::Limit;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, what: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let filter = filter(level, "the log level").expect("a filter");
        let subscriber = subscriber(Format::Json, filter, move || writer.clone());
        tracing::subscriber::with_default(subscriber, what);
        let bytes = lines.0.lock().clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }

    fn finished(outcome: Outcome, error: Option<&str>) -> FinishedRequest<'_> {
        FinishedRequest {
            request_id: "r-1",
            worker: "hello",
            version: "v1",
            outcome,
            status: Some(200),
            cpu: Duration::from_micros(1234),
            wall: Duration::from_millis(20),
            error,
            limits: LimitSet::default(),
        }
    }

    #[test]
    fn limits_are_named() {
        let limits = LimitSet::from(Limit::Timers);
        let lines = logged("info", || {
            FinishedRequest { limits, ..finished(Outcome::Ok, None) }.log();
            finished(Outcome::Ok, None).log();
        });
        assert_eq!(lines[0]["limits"], "timers");
        assert!(lines[1].get("limits").is_none());
    }

    #[test]
    fn one_json_line_per_request() {
        let mut lines = logged("info", || finished(Outcome::Ok, None).log());
        let line = lines.pop().expect("a line");
        assert!(lines.is_empty() && line["timestamp"].is_string());
        for (name, value) in [
            ("level", json!("INFO")),
            ("target", json!("nano::request")),
            ("request_id", json!("r-1")),
            ("worker", json!("hello")),
            ("version", json!("v1")),
            ("outcome", json!("ok")),
            ("status", json!(200)),
            ("cpu_ms", json!(1.234)),
            ("wall_ms", json!(20.0)),
        ] {
            assert_eq!(line[name], value, "{name} in {line}");
        }
        assert!(line.get("error").is_none());
    }

    #[test]
    fn levels_tell_who_failed() {
        let lines = logged("info", || {
            finished(Outcome::Exception, Some("Error: no\n    at x.js:1:2")).log();
            finished(Outcome::InternalError, Some("out of threads")).log();
        });
        assert_eq!(lines[0]["level"], "WARN");
        assert_eq!(lines[0]["error"], "Error: no\n    at x.js:1:2");
        assert_eq!(lines[1]["level"], "ERROR");
        assert!(logged("error", || finished(Outcome::Exception, None).log()).is_empty());
    }

    #[test]
    fn console_lines_are_marked() {
        let lines = logged("debug", || {
            console(ConsoleLevel::Log, "hello", Some("r-1"), "a {} \"b\"\nc");
            console(ConsoleLevel::Error, "hello", None, "at start");
        });
        assert_eq!(lines[0]["message"], "a {} \"b\"\nc");
        assert_eq!(lines[0]["request_id"], "r-1");
        assert_eq!(lines[0]["method"], "log");
        assert_eq!(lines[1]["level"], "ERROR");
        assert!(lines[1].get("request_id").is_none());
    }

    #[test]
    fn a_bad_level_is_explained() {
        let error = filter("loud=yes,,=", LEVEL_VARIABLE).expect_err("an error").to_string();
        assert!(error.contains("NANO_LOG") && error.contains("warn"), "{error}");
    }
}

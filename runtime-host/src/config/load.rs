//! From the text of `nano.toml` to a [`Config`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{Node, Value, parse_toml};
use super::egress::read_egress;
use super::reader::{Reader, Section, Unknown, read_text};
use super::{Config, Listen, Sandbox, StartAt, Tls, WorkerOverrides};
use crate::diagnostic::{Diagnostic, SourceText};
use crate::exchange::FailureMode;
use crate::limits::{
    CACHE_MAX_MB, DRAIN_TIMEOUT_MAX_MS, ISOLATES_MAX, ISOLATES_MEMORY_MAX_MB, LimitOverrides,
    Limits, PROCESSES_MAX, THREADS_MAX, TIME_MAX_MS,
};

const FAILURE_MODES: &[(&str, FailureMode)] =
    &[("open", FailureMode::Open), ("closed", FailureMode::Closed)];
const STARTS: &[(&str, StartAt)] = &[("load", StartAt::Load), ("request", StartAt::Request)];
const SANDBOXES: &[(&str, Sandbox)] =
    &[("on", Sandbox::On), ("off", Sandbox::Off), ("require", Sandbox::Require)];
const LEVELS: &[(&str, ())] =
    &[("off", ()), ("error", ()), ("warn", ()), ("info", ()), ("debug", ()), ("trace", ())];

impl Config {
    /// Reads a file. Relative paths in it are relative to its directory.
    pub fn load(file: &Path) -> Result<Self, Vec<Diagnostic>> {
        let text = read_text(file).map_err(|error| vec![error])?;
        Self::parse(SourceText { file, text: &text })
    }

    /// All that is wrong is reported at once, sorted by place.
    pub fn parse(source: SourceText<'_>) -> Result<Self, Vec<Diagnostic>> {
        let table = parse_toml(source)?;
        let reader = Reader::new(source);
        let mut config = Self { file: Some(source.file.to_owned()), ..Self::default() };
        let folder = source.file.parent().unwrap_or(Path::new(""));
        let top = reader.section("", &table);
        if let Some(section) = top.table("server") {
            config.read_server(&reader, section, folder);
        }
        if let Some(section) = top.table("workers") {
            config.read_workers(section, folder);
        }
        if let Some(section) = top.table("limits") {
            config.limits = read_limits(section).over(&config.limits);
        }
        if let Some(section) = top.table("egress") {
            config.egress = read_egress(&reader, section);
        }
        if let Some(section) = top.table("worker") {
            config.read_overrides(&reader, &section);
        }
        if let Some(section) = top.table("cache") {
            config.read_cache(section, folder);
        }
        if let Some(section) = top.table("ext_proc") {
            config.read_ext_proc(section);
        }
        if let Some(entry) = top.entry("filter") {
            // Read as a section for its message about anything else.
            config.filter = top.subsection(entry).map(|_| entry.node.clone());
        }
        if let Some(section) = top.table("log") {
            if section.choice("level", LEVELS).is_some() {
                section.string("level", "").unwrap_or_default().clone_into(&mut config.log.level);
            }
            section.finish(Unknown::Error);
        }
        top.finish(Unknown::Error);
        let diagnostics = reader.into_diagnostics();
        if diagnostics.is_empty() { Ok(config) } else { Err(diagnostics) }
    }

    fn read_server(&mut self, reader: &Reader<'_>, section: Section<'_>, folder: &Path) {
        let server = &mut self.server;
        if let Some(listen) = section.strings("listen", "[\"127.0.0.1:9000\"]") {
            server.listen = listen
                .into_iter()
                .filter_map(|(node, text)| read_listen(reader, node, text, folder))
                .collect();
            if let (true, Some(node)) = (server.listen.is_empty(), section.node("listen")) {
                reader.error(
                    node,
                    "`server.listen` needs an address: write listen = [\"127.0.0.1:9000\"]",
                );
            }
        }
        if let Some(text) = section.string("admin", "\"127.0.0.1:9001\"") {
            match (text.parse(), section.node("admin")) {
                (Ok(address), _) => server.admin = Some(address),
                (Err(_), Some(node)) => reader.error(
                    node,
                    format!(
                        "`server.admin` can't be \"{text}\": write an IP address and a port, \
                         admin = \"127.0.0.1:9001\""
                    ),
                ),
                (Err(_), None) => {}
            }
        }
        if let Some(tls) = section.table("tls") {
            server.tls = read_tls(reader, tls, section.node("tls"), folder);
        }
        if let Some(milliseconds) = section.integer("drain_timeout_ms", 0, DRAIN_TIMEOUT_MAX_MS) {
            server.drain_timeout = Duration::from_millis(milliseconds);
        }
        if let Some(threads @ 1..) = section.integer("threads", 0, THREADS_MAX) {
            server.threads = usize::try_from(threads).unwrap_or(1);
        }
        if let Some(count) = section.integer("isolates_max", 1, ISOLATES_MAX) {
            server.isolates_max = usize::try_from(count).unwrap_or(usize::MAX);
        }
        server.isolates_memory_mb =
            section.integer("isolates_memory_mb", 0, ISOLATES_MEMORY_MAX_MB);
        if let Some(milliseconds) = section.integer("isolate_idle_ms", 0, TIME_MAX_MS) {
            server.isolate_idle = Duration::from_millis(milliseconds);
        }
        if let Some(processes) = section.integer("processes", 0, PROCESSES_MAX) {
            server.processes = usize::try_from(processes).unwrap_or(1);
            let last = server.admin.map_or(0, |admin| u64::from(admin.port()));
            if let (true, Some(node)) =
                (last + processes > u64::from(u16::MAX) + 1, section.node("processes"))
            {
                reader.error(
                    node,
                    "`server.processes` is too large: each process has an admin port of its own, \
                     counted from `server.admin` on",
                );
            }
        }
        server.sandbox = section.choice("sandbox", SANDBOXES).unwrap_or(server.sandbox);
        server.frozen_clocks = section.boolean("frozen_clocks").unwrap_or(server.frozen_clocks);
        section.finish(Unknown::Error);
    }

    fn read_workers(&mut self, section: Section<'_>, folder: &Path) {
        let workers = &mut self.workers;
        if let Some(directories) = section.strings("directories", "[\"workers/*\"]") {
            workers.directories =
                directories.into_iter().map(|(_, directory)| folder.join(directory)).collect();
        }
        workers.default = section.string("default", "\"name\"").map(ToOwned::to_owned);
        workers.environment =
            section.string("environment", "\"production\"").map(ToOwned::to_owned);
        workers.start = section.choice("start", STARTS).unwrap_or(workers.start);
        workers.reload = section.boolean("reload").unwrap_or(workers.reload);
        workers.failure_mode =
            section.choice("failure_mode", FAILURE_MODES).unwrap_or(workers.failure_mode);
        workers.debug_errors = section.boolean("debug_errors").unwrap_or(workers.debug_errors);
        workers.isolates = read_isolates(&section).unwrap_or(workers.isolates);
        section.finish(Unknown::Error);
    }

    fn read_cache(&mut self, section: Section<'_>, folder: &Path) {
        let directory = section.string("directory", "\"/var/cache/nano\"");
        self.cache.directory = directory.map(|directory| folder.join(directory));
        self.cache.total_mb =
            section.integer("total_mb", 0, CACHE_MAX_MB).unwrap_or(self.cache.total_mb);
        section.finish(Unknown::Error);
    }

    fn read_ext_proc(&mut self, section: Section<'_>) {
        const GIB: u64 = 1024 * 1024 * 1024;
        let ext_proc = &mut self.ext_proc;
        ext_proc.mode_override = section.boolean("mode_override").unwrap_or(ext_proc.mode_override);
        ext_proc.report = section.boolean("report").unwrap_or(ext_proc.report);
        ext_proc.response_buffer_bytes = section
            .integer("response_buffer_bytes", 0, 2 * GIB)
            .unwrap_or(ext_proc.response_buffer_bytes);
        ext_proc.max_message_bytes = section
            .integer("max_message_bytes", 1024 * 1024, 2 * GIB)
            .unwrap_or(ext_proc.max_message_bytes);
        section.finish(Unknown::Error);
    }

    fn read_overrides(&mut self, reader: &Reader<'_>, workers: &Section<'_>) {
        for entry in workers.entries() {
            let Some(section) = workers.subsection(entry) else { continue };
            let limits = section.table("limits").map(read_limits).unwrap_or_default();
            let vars = section.table("vars");
            let overrides = WorkerOverrides {
                origin: read_origin(reader, &section),
                environment: section.string("environment", "\"production\"").map(ToOwned::to_owned),
                failure_mode: section.choice("failure_mode", FAILURE_MODES),
                debug_errors: section.boolean("debug_errors"),
                reads_responses: section.boolean("reads_responses"),
                isolates: read_isolates(&section),
                vars: vars
                    .map(|vars| read_vars(reader, &vars, &limits.over(&self.limits)))
                    .unwrap_or_default(),
                limits,
                egress: section
                    .table("egress")
                    .map(|egress| read_egress(reader, egress))
                    .unwrap_or_default(),
            };
            section.finish(Unknown::Error);
            self.overrides.insert(entry.key.clone(), overrides);
        }
    }
}

fn read_tls(
    reader: &Reader<'_>,
    section: Section<'_>,
    node: Option<&Node>,
    folder: &Path,
) -> Option<Tls> {
    let file = |key, example| section.string(key, example).map(|file| folder.join(file));
    let certificate = file("certificate", "\"tls/tls.crt\"");
    let key = file("key", "\"tls/tls.key\"");
    let client_ca = file("client_ca", "\"tls/ca.crt\"");
    if let (true, Some(node)) = (certificate.is_none() || key.is_none(), node) {
        reader.error(
            node,
            "`server.tls` needs both files: certificate = \"tls/tls.crt\" and key = \"tls/tls.key\"",
        );
    }
    section.finish(Unknown::Error);
    Some(Tls { certificate: certificate?, key: key?, client_ca })
}

fn read_isolates(section: &Section<'_>) -> Option<u32> {
    section.integer("isolates", 0, ISOLATES_MAX).and_then(|many| u32::try_from(many).ok())
}

fn read_listen(reader: &Reader<'_>, node: &Node, text: &str, folder: &Path) -> Option<Listen> {
    if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        return Some(Listen::Unix(folder.join(path)));
    }
    if let Ok(address) = text.parse() {
        return Some(Listen::Tcp(address));
    }
    let message = format!(
        "`server.listen` can't be \"{text}\": write an IP address and a port, \"127.0.0.1:9000\", \
         or a socket, \"unix:/run/nano/ext_proc.sock\""
    );
    reader.error(node, message);
    None
}

fn read_origin(reader: &Reader<'_>, section: &Section<'_>) -> Option<url::Url> {
    let text = section.string("origin", "\"http://127.0.0.1:8080\"")?;
    match parse_origin(text) {
        Ok(origin) => Some(origin),
        Err(why) => {
            if let Some(Node { value: Value::String(_), .. }) = section.node("origin") {
                reader.error(section.node("origin")?, format!("`origin` {why}"));
            }
            None
        }
    }
}

/// A scheme, host and port: where `fetch()` to the request's own authority goes. The error
/// completes a sentence that begins with the setting's name.
pub fn parse_origin(text: &str) -> Result<url::Url, String> {
    let example = "write for instance \"http://127.0.0.1:8080\"";
    let url = url::Url::parse(text)
        .map_err(|error| format!("can't be \"{text}\": {error}; {example}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("can't have the scheme \"{}\": {example}", url.scheme()));
    }
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if bare {
        Ok(url)
    } else {
        Err(format!(
            "can't be \"{text}\": only scheme, host and port belong to an origin; {example}"
        ))
    }
}

fn read_limits(section: Section<'_>) -> LimitOverrides {
    let limits = LimitOverrides::read(|key, min, max| section.integer(key, min, max));
    section.finish(Unknown::Error);
    limits
}

/// Variables of a Worker, each within the Worker's limit.
fn read_vars(
    reader: &Reader<'_>,
    section: &Section<'_>,
    limits: &Limits,
) -> serde_json::Map<String, serde_json::Value> {
    let mut vars = serde_json::Map::new();
    for var in section.entries() {
        let value = var.node.to_json();
        if let Some(why) = limits.refuse_variable(&value) {
            reader.key_error(var, format!("the variable `{}` {why}", var.key));
        }
        vars.insert(var.key.clone(), value);
    }
    vars
}

impl Config {
    /// What `[worker.NAME]` says, or nothing.
    pub fn overrides_of(&self, name: &str) -> WorkerOverrides {
        self.overrides.get(name).cloned().unwrap_or_default()
    }

    /// The directory that relative paths of the file are relative to.
    pub fn directory(&self) -> PathBuf {
        self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).to_owned()
    }
}

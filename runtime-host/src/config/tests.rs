mod fuzz;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Config, Listen, Sandbox, StartAt};
use crate::diagnostic::SourceText;
use crate::egress::Rule;
use crate::exchange::FailureMode;
use crate::limits::Limits;

fn parse(text: &str) -> Result<Config, Vec<String>> {
    let source = SourceText { file: Path::new("etc/nano.toml"), text };
    Config::parse(source).map_err(|all| {
        all.iter().map(|d| d.to_string().lines().next().unwrap_or_default().to_owned()).collect()
    })
}

#[test]
fn an_empty_file_is_all_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.server.listen, [Listen::Tcp("127.0.0.1:9000".parse().unwrap())]);
    assert!(config.server.threads >= 1 && config.server.frozen_clocks);
    assert_eq!((config.server.processes, config.server.sandbox), (1, Sandbox::On));
    assert!(config.workers.reload && config.ext_proc.mode_override);
    assert_eq!(config.log.level, "info");
    assert_eq!((config.server.isolates_max, config.server.isolates_memory_mb), (1000, None));
    assert_eq!(config.server.isolate_idle, Duration::from_mins(10));
    assert_eq!(config.workers.start, StartAt::Load);
}

#[test]
fn every_setting_arrives() {
    let config = parse(
        r#"
[server]
listen = ["0.0.0.0:9000", "unix:/run/nano.sock", "unix:nano.sock", "[::1]:9"]
admin = "127.0.0.1:9001"
drain_timeout_ms = 5
threads = 3
isolates_max = 7
isolates_memory_mb = 0
isolate_idle_ms = 1500
processes = 2
sandbox = "require"
frozen_clocks = false
[server.tls]
certificate = "tls.crt"
key = "/abs/tls.key"
[workers]
directories = ["workers/*", "/abs"]
default = "hello"
environment = "production"
start = "request"
reload = false
failure_mode = "open"
debug_errors = true
[limits]
cpu_ms = 50
subrequests = 3
[worker.hello]
origin = "https://origin.example:8443/"
failure_mode = "closed"
debug_errors = false
reads_responses = true
isolates = 3
vars = { KEY = "override", N = { a = 1 } }
[worker.hello.limits]
memory_mb = 64
wall_ms = 7
[worker.hello.egress]
allow = ["localhost:9100"]
private = true
[egress]
allow = ["127.0.0.0/8", "[::1]:80-90"]
deny = ["*.example.com"]
private = false
public = false
max_depth = 0
max_branches = 50
[ext_proc]
mode_override = false
response_buffer_bytes = 32768
max_message_bytes = 2097152
[log]
level = "debug"
"#,
    )
    .unwrap();
    assert_eq!(
        config.server.listen,
        [
            Listen::Tcp("0.0.0.0:9000".parse().unwrap()),
            Listen::Unix("/run/nano.sock".into()),
            Listen::Unix("etc/nano.sock".into()),
            Listen::Tcp("[::1]:9".parse().unwrap()),
        ]
    );
    assert_eq!(config.server.admin, Some("127.0.0.1:9001".parse().unwrap()));
    assert_eq!(config.server.drain_timeout, Duration::from_millis(5));
    assert_eq!(config.server.threads, 3);
    let tls = config.server.tls.as_ref().expect("it is set");
    assert!(
        tls.certificate.ends_with("tls.crt") && tls.key == std::path::Path::new("/abs/tls.key")
    );
    assert_eq!(tls.client_ca, None);
    assert_eq!(config.server.isolates_max, 7);
    assert_eq!(config.server.isolates_memory_mb, Some(0));
    assert_eq!(config.server.isolate_idle, Duration::from_millis(1500));
    assert_eq!(config.workers.start, StartAt::Request);
    assert_eq!((config.server.processes, config.server.sandbox), (2, Sandbox::Require));
    assert!(!config.server.frozen_clocks);
    assert_eq!(config.workers.directories, [PathBuf::from("etc/workers/*"), PathBuf::from("/abs")]);
    assert_eq!(config.workers.default.as_deref(), Some("hello"));
    assert_eq!(config.workers.environment.as_deref(), Some("production"));
    assert!(!config.workers.reload && config.workers.debug_errors);
    assert_eq!(config.workers.failure_mode, FailureMode::Open);
    let hello = config.overrides_of("hello");
    assert_eq!(hello.origin.unwrap().as_str(), "https://origin.example:8443/");
    assert_eq!(hello.failure_mode, Some(FailureMode::Closed));
    assert_eq!(hello.debug_errors, Some(false));
    assert_eq!(hello.reads_responses, Some(true));
    assert_eq!(hello.isolates, Some(3));
    assert_eq!(hello.vars["N"]["a"], 1);
    let limits = hello.limits.over(&config.limits);
    assert_eq!((limits.cpu_ms, limits.memory_mb, limits.wall_ms), (50, 64, 7));
    assert_eq!((limits.subrequests, limits.startup_ms), (3, 1000));
    let shown = |rules: &[Rule]| rules.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&hello.egress.allow), ["localhost:9100"]);
    assert_eq!((hello.egress.private, hello.egress.public), (Some(true), None));
    assert_eq!(shown(&config.egress.allow), ["127.0.0.0/8", "[::1]:80-90"]);
    assert_eq!(shown(&config.egress.deny), ["*.example.com"]);
    assert_eq!((config.egress.private, config.egress.public), (Some(false), Some(false)));
    assert_eq!(config.egress.max_depth, Some(0));
    assert_eq!(config.egress.max_branches, Some(50));
    assert!(!config.ext_proc.mode_override);
    assert_eq!(config.ext_proc.response_buffer_bytes, 32 * 1024);
    assert_eq!(config.ext_proc.max_message_bytes, 2 * 1024 * 1024);
    assert_eq!(config.log.level, "debug");
}

#[test]
fn every_error_names_its_place_and_the_remedy() {
    let expect = |text: &str, expected: &str| {
        let errors = parse(text).unwrap_err();
        assert!(errors.iter().any(|error| error.contains(expected)), "{text}: {errors:#?}");
        assert!(errors.iter().all(|error| error.starts_with("etc/nano.toml:")), "{errors:#?}");
    };
    expect("[server]\nlisten = []", "2:10: error: `server.listen` needs an address");
    expect("[server]\nlisten = \"127.0.0.1:1\"", "write listen = [\"127.0.0.1:9000\"]");
    expect("[server]\nlisten = [\"localhost:1\"]", "2:11: error: `server.listen` can't be");
    expect("[server]\nadmin = \"9001\"", "write an IP address and a port, admin =");
    expect("[server]\nsandbox = \"maybe\"", "write \"on\" or \"off\" or \"require\"");
    expect("[server.tls]\nkey = \"k\"", "`server.tls` needs both files");
    expect("[server]\nprocesses = 65", "must be a whole number from 0 to 64");
    expect("[server]\nadmin = \"127.0.0.1:65530\"\nprocesses = 7", "is too large");
    expect("[server]\nlissen = []", "did you mean `listen`?");
    expect("[workers]\nfailure_mode = \"ajar\"", "write \"open\" or \"closed\"");
    expect(
        "[server]\nisolates_max = 0",
        "2:16: error: `server.isolates_max` must be a whole number",
    );
    expect("[server]\nisolate_idle = 1", "did you mean `isolate_idle_ms`?");
    expect("[workers]\nstart = \"lazy\"", "2:9: error: `workers.start` can't be \"lazy\"");
    expect("[limits]\nmemory_mb = 1", "must be a whole number from 8 to");
    expect("[limits]\ncpu_ms = 1.5", "must be a whole number");
    expect("[worker.a]\norigin = \"ftp://x\"", "can't have the scheme \"ftp\"");
    expect("[worker.a]\norigin = \"http://x/path\"", "only scheme, host and port");
    expect("[worker.a]\norigin = \"127.0.0.1:80\"", "2:10: error: `origin` can't");
    expect("[worker.a.limits]\ncpu = 1", "unknown key `cpu` in [worker.a.limits]");
    let large = format!("[worker.a]\nvars = {{ SMALL = 1, BIG = \"{}\" }}", "x".repeat(5121));
    expect(
        &large,
        "2:21: error: the variable `BIG` takes 5121 bytes: a variable may have 5120 \
         (limits.variable_kb)",
    );
    let allowed = format!("{large}\n[worker.a.limits]\nvariable_kb = 6");
    assert!(parse(&allowed).is_ok());
    expect("[egress]\nallow = \"10.0.0.0/8\"", "write allow = [\"10.0.0.0/8\"]");
    expect("[egress]\nallow = [\"::1\", \"10.0.0.1/8\"]", "2:17: error: `allow` can't have");
    expect("[egress]\ndeny = [\"http://x\"]", "2:9: error: `deny` can't have \"http://x\"");
    expect("[egress]\nprivat = true", "did you mean `private`?");
    expect("[egress]\nmax_depth = 256", "must be a whole number from 0 to 255");
    expect("[worker.a.egress]\nallowed = []", "unknown key `allowed` in [worker.a.egress]");
    expect("worker = 1", "`worker` can't be a number: it is a section");
    expect("[log]\nlevel = \"loud\"", "write \"off\" or \"error\"");
    expect("[log\n", "not valid TOML");
    expect("[serve]", "did you mean `server`?");
}

#[test]
fn several_errors_come_together_in_order() {
    let errors = parse("[server]\nthreads = -1\nx = 1\n[log]\nlevel = 1").unwrap_err();
    let lines: Vec<&str> = errors.iter().map(|e| e.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["2", "3", "5"]);
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let errors = Config::load(Path::new("no/such/nano.toml")).unwrap_err();
    assert!(errors[0].to_string().starts_with("no/such/nano.toml: error: cannot be read: "));
}

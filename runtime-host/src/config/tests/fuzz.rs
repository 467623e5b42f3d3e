//! Arbitrary `nano.toml` files: there is a configuration, or an error that says where.

use super::*;
use crate::fuzz::{self, edited, edits};
use crate::limits::DIAGNOSTICS_MAX;

const TEXT: &str = r#"
[server]
listen = ["0.0.0.0:9000", "unix:/run/nano.sock", "[::1]:9"]
admin = "127.0.0.1:9001"
drain_timeout_ms = 5
threads = 3
sandbox = "require"
[workers]
directories = ["workers/*", "other"]
default = "hello"
failure_mode = "open"
vars = { A = "1" }
[limits]
cpu_ms = 10
memory_mb = 64
[worker.hello]
origin = "http://127.0.0.1:8080"
environment = "staging"
vars = { KEY = "value", B = [1, { c = 2.5 }] }
[worker.hello.limits]
timers = 5
[worker.hello.egress]
allow = ["localhost:9100", "10.0.0.0/8", "[fd00::/8]:8000-8999", "*.svc.local"]
[egress]
deny = ["*.example.com", "169.254.169.254"]
private = false
max_depth = 3
max_branches = 7
[ext_proc]
max_message_bytes = 2097152
[log]
level = "debug"
"#;

const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "=",
    ",",
    ".",
    "#",
    "\\",
    "\\u",
    "\n",
    "\r",
    "\0",
    "0x",
    "1e999",
    "99999999999999999999",
    "-1",
    "nan",
    "true",
    "[server]\n",
    "[worker.x]\n",
    "[worker]\n",
    "threads = []\n",
    "unix:",
    "http://",
    "://",
    "@",
    ":0",
    "::",
    "/33",
    "*.",
    "\u{feff}",
    "\u{fc}",
    "a.b.c = 1\n",
];

fn all_of(text: &str) {
    let Err(errors) = Config::parse(SourceText { file: Path::new("etc/nano.toml"), text }) else {
        return;
    };
    assert!(!errors.is_empty() && errors.len() <= DIAGNOSTICS_MAX + 1);
    assert!(errors.iter().any(crate::diagnostic::Diagnostic::is_error));
    for error in errors {
        let more = error.message.ends_with("more messages are not shown");
        assert!(error.position.is_some() || more, "{error}");
        assert!(error.to_string().starts_with("etc/nano.toml:"));
    }
}

#[test]
fn any_text_is_a_configuration_or_refused_with_its_place() {
    fuzz::check(150, &fuzz::text(60), |text| all_of(&text));
}

#[test]
fn any_change_is_a_configuration_or_refused_with_its_place() {
    fuzz::check(300, &edits(PIECES), |edits| all_of(&edited(TEXT, &edits)));
}

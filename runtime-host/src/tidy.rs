//! Holds ARCHITECTURE.md's dependency rules to the code.

use std::path::{Path, PathBuf};

/// Room → words its code may not hold, and why.
const RULES: &[(&str, &[&str], &str)] = &[
    ("exchange", &["v8::", "crate::ext_proc", "crate::isolate"], "the contract names neither side"),
    (
        "ext_proc",
        &["v8::", "crate::isolate", "crate::ops", "crate::engine"],
        "Envoy's room never names V8",
    ),
    (
        "dev",
        &["v8::", "crate::isolate", "crate::ext_proc", "crate::engine"],
        "a front end sees the contract only",
    ),
    (
        "engine",
        &["v8::", "crate::ext_proc", "envoy_types"],
        "the engine names neither Envoy nor V8",
    ),
    (
        "isolate",
        &["crate::ext_proc", "crate::engine", "crate::client", "crate::dev"],
        "isolates do no I/O and name no proxy",
    ),
    (
        "ops",
        &["crate::ext_proc", "crate::engine", "crate::client", "crate::dev"],
        "ops do no I/O and name no proxy",
    ),
    (
        "cache",
        &[
            "v8::",
            "crate::isolate",
            "crate::ext_proc",
            "crate::engine",
            "crate::client",
            "crate::worker",
        ],
        "a cache serves any caller",
    ),
    ("micro", &["v8::"], "benchmarks run what there is"),
    ("client", &["v8::", "crate::isolate", "crate::ext_proc"], "the client serves any caller"),
    (
        "egress",
        &["v8::", "crate::isolate", "crate::ext_proc", "crate::engine", "crate::client", "tokio::"],
        "rules are decided without I/O",
    ),
    ("worker", &["v8::", "crate::isolate", "crate::ext_proc"], "loading needs no engine"),
    ("config", &["v8::", "crate::isolate", "crate::ext_proc"], "settings need no engine"),
    (
        "telemetry",
        &["v8::", "crate::isolate", "crate::ext_proc"],
        "telemetry is told, it does not ask",
    ),
    (
        "supervisor",
        &["v8::", "tokio", "crate::isolate", "crate::ext_proc", "crate::engine", "crate::worker"],
        "what outlives a crash has little in it that could fail",
    ),
    (
        "sandbox",
        &["v8::", "crate::isolate", "crate::ext_proc", "crate::engine"],
        "giving up needs to know only what is read",
    ),
];

fn sources(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Code without its comments: a rule is about what compiles.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split_once("//").map_or(line, |(code, _)| code))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn rooms_name_each_other_in_one_direction() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for (room, words, reason) in RULES {
        let mut files = Vec::new();
        sources(&root.join(room), &mut files);
        assert!(!files.is_empty(), "the room {room} is gone: change RULES and ARCHITECTURE.md");
        for file in files {
            let text = code(&std::fs::read_to_string(&file).expect("a readable file"));
            for word in words.iter().filter(|word| text.contains(**word)) {
                broken.push(format!("{}: {word} ({reason})", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

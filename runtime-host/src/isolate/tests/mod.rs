//! Runs the files of `runtime-host/tests/js/` in fresh isolates that start from the snapshot.

mod arriving;
mod driver;
mod dynamic_code;
mod globals;
mod handover;
mod harness;
mod hostile;
mod lengths;
mod limits;
mod memory;
mod unread;
mod worker;

/// Each `tests/js/*.js` is a function body with the parameters `test`, `assert`, `internals` and
/// `ops`. `test(name, fn)` registers a case, which may be async; see `harness.js`.
#[test]
fn javascript_files_pass() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/js");
    let only = std::env::var("NANO_JS_TEST").ok();
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("tests/js exists")
        .map(|entry| entry.expect("a readable directory").path())
        .filter(|path| path.extension().is_some_and(|e| e == "js"))
        .filter(|path| only.as_ref().is_none_or(|o| path.to_string_lossy().contains(o)))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no file in tests/js matches {only:?}");
    let mut failures = Vec::new();
    for path in files {
        let source = std::fs::read_to_string(&path).expect("a readable file");
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let outcome = harness::run(&name, &source);
        assert!(outcome.passed + outcome.failed.len() > 0, "{name} has no test case");
        println!("{name}: {} passed, {} failed", outcome.passed, outcome.failed.len());
        failures.extend(outcome.failed.into_iter().map(|f| format!("{name}: {f}")));
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

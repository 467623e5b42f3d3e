use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{Change, Watch, start};
use crate::config::Config;
use crate::worker::load_all;
use crate::worker::tests::Folder;

/// Long enough for a loaded machine; a test that passes does not wait for it.
const LONG: Duration = Duration::from_secs(20);

/// Long enough for a wrong report to come: several times the debounce.
const SHORT: Duration = Duration::from_millis(700);

fn watch(folder: &Folder, config: Config) -> (Watch, Receiver<Change>) {
    let bundles: Vec<_> = load_all(&config).0.into_iter().map(Arc::new).collect();
    let (sender, receiver) = channel();
    let on_change = move |change| {
        // The test may have ended.
        let _ = sender.send(change);
    };
    let watch = start(config, &bundles, on_change).unwrap();
    assert!(folder.path("").is_dir());
    (watch, receiver)
}

fn on_disk(folder: &Folder) -> Config {
    Config::load(&folder.path("nano.toml")).unwrap()
}

/// The next change as a line.
fn next(changes: &Receiver<Change>) -> String {
    match changes.recv_timeout(LONG).expect("a change in time") {
        Change::Worker(bundle, _) => {
            let source = String::from_utf8_lossy(&bundle.modules[0].source).into_owned();
            format!("{}: {source}", bundle.name)
        }
        Change::Removed(name) => format!("removed {name}"),
        Change::Refused(diagnostics) => format!("refused: {}", diagnostics[0].message),
        Change::Config(config) => format!("config {:?}", config.workers.default),
    }
}

fn quiet(changes: &Receiver<Change>) {
    if let Ok(change) = changes.recv_timeout(SHORT) {
        panic!("unexpected: {change:?}");
    }
}

fn folder() -> Folder {
    Folder::new(&[
        ("nano.toml", "[workers]\ndirectories = [\"workers/*\"]\n"),
        ("workers/a/wrangler.toml", "main = \"src/a.js\""),
        ("workers/a/src/a.js", "export default 1"),
        ("workers/b/wrangler.toml", "main = \"b.js\""),
        ("workers/b/b.js", "export default 'b'"),
    ])
}

#[test]
fn a_changed_worker_is_loaded_and_a_touched_one_is_not() {
    let folder = folder();
    let (_watch, changes) = watch(&folder, on_disk(&folder));
    quiet(&changes);
    folder.write("workers/a/src/a.js", "export default 2");
    assert_eq!(next(&changes), "a: export default 2");
    folder.write("workers/a/src/a.js", "export default 2");
    quiet(&changes);
    // As editors do it: a new file, renamed over the old one.
    folder.write("workers/a/src/.a.js.tmp", "export default 3");
    fs::rename(folder.path("workers/a/src/.a.js.tmp"), folder.path("workers/a/src/a.js")).unwrap();
    assert_eq!(next(&changes), "a: export default 3");
    quiet(&changes);
}

#[test]
fn a_broken_version_is_refused_once_and_the_mended_one_loaded() {
    let folder = folder();
    let (_watch, changes) = watch(&folder, on_disk(&folder));
    folder.write("workers/a/src/a.js", "import './new/x.js'; export default 1");
    assert!(next(&changes).contains("there is no src/new/x.js"));
    folder.write("workers/b/readme", "nothing to do with it");
    quiet(&changes);
    // A directory that did not exist when the watch began.
    folder.write("workers/a/src/new/x.js", "");
    assert!(next(&changes).starts_with("a: import './new/x.js'"));
    folder.write("workers/a/src/new/x.js", "syntax error");
    assert!(next(&changes).starts_with("refused: "));
}

#[test]
fn workers_come_and_go() {
    let folder = folder();
    let (_watch, changes) = watch(&folder, on_disk(&folder));
    folder.write("staging/c.js", "export default 'c'");
    folder.write("staging/wrangler.toml", "main = \"c.js\"\nname = \"c\"");
    fs::rename(folder.path("staging"), folder.path("workers/c")).unwrap();
    assert_eq!(next(&changes), "c: export default 'c'");
    fs::rename(folder.path("workers/b"), folder.path("away")).unwrap();
    assert_eq!(next(&changes), "removed b");
    folder.write("workers/c/wrangler.toml", "main = \"c.js\"\nname = \"d\"");
    assert_eq!(next(&changes), "removed c");
    assert_eq!(next(&changes), "d: export default 'c'");
    folder.write("workers/c/wrangler.toml", "main = \"c.js\"\nname = \"a\"");
    assert!(next(&changes).starts_with("refused: the Worker's name \"a\" is taken by"));
}

#[test]
fn a_worker_that_is_copied_slowly_is_loaded_when_its_wrangler_file_is_there() {
    let folder = folder();
    let (_watch, changes) = watch(&folder, on_disk(&folder));
    folder.write("workers/c/c.js", "export default 'c'");
    quiet(&changes);
    folder.write("workers/c/wrangler.toml", "main = \"c.js\"");
    assert_eq!(next(&changes), "c: export default 'c'");
}

#[test]
fn the_configuration_is_watched_too() {
    let folder = folder();
    let (_watch, changes) = watch(&folder, on_disk(&folder));
    folder.write("nano.toml", "[workers]\ndirectories = [\"workers/*\"]\nx = 1");
    assert!(next(&changes).starts_with("refused: unknown key `x`"));
    folder.write(
        "nano.toml",
        "[workers]\ndirectories = [\"workers/a\"]\ndefault = \"a\"\n[limits]\ncpu_ms = 7",
    );
    assert_eq!(next(&changes), "config Some(\"a\")");
    assert_eq!(next(&changes), "removed b");
    assert_eq!(next(&changes), "a: export default 1");
    quiet(&changes);
}

#[test]
fn a_single_file_is_watched_with_its_imports() {
    let folder = Folder::new(&[("one.js", "import './two.js'; export default 1"), ("two.js", "")]);
    let mut config = Config::default();
    config.workers.directories = vec![folder.path("one.js")];
    let (_watch, changes) = watch(&folder, config);
    quiet(&changes);
    folder.write("two.js", "console.log(2)");
    assert!(next(&changes).starts_with("one: import"));
}

#[test]
fn dropping_ends_the_watch() {
    let folder = folder();
    let (watch, changes) = watch(&folder, on_disk(&folder));
    drop(watch);
    // The sender goes with the thread.
    while changes.recv_timeout(LONG).is_ok() {}
    folder.write("workers/a/src/a.js", "export default 2");
    assert!(changes.recv().is_err());
}

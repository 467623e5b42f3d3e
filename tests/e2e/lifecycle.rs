//! Start, reload, drain: each with a stack of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nano_tests::client;
use nano_tests::client::{Proto, Request};
use nano_tests::listeners::Mode;
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{self, Setup, Stack, StackOptions};

use crate::common::worker;
use crate::examples::check;

pub fn themes() -> Vec<Theme> {
    vec![unix_socket(), reload(), drain()]
}

/// The shipped configuration with the `pipe` address that its comments show.
fn unix_socket() -> Theme {
    let example = stack::root().join("examples/hello");
    let directory = example.clone();
    Theme {
        name: "unix_socket",
        stack: Box::new(move || {
            let options = StackOptions::example(&example)?;
            Stack::start(&StackOptions { unix_socket: true, ..options })
        }),
        cases: vec![Case::new("serves", |stack: Arc<Stack>| async move {
            check(&stack, &directory, Proto::H1).await;
        })],
        serial: true,
    }
}

/// A Worker that answers `version`, slowly where the path says so.
fn version(version: &str) -> String {
    format!(
        "export default {{\n  async fetch(request) {{\n    \
         if (request.url.endsWith(\"/slow\")) await new Promise((r) => setTimeout(r, 3000));\n    \
         return new Response(\"{version}\");\n  }},\n}};\n"
    )
}

fn reload() -> Theme {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let worker = directory.path().join("changing");
    std::fs::create_dir_all(&worker).expect("a directory");
    let config = "name = \"changing\"\nmain = \"index.js\"\ncompatibility_date = \"2026-11-01\"\n";
    std::fs::write(worker.join("wrangler.toml"), config).expect("written");
    let main = worker.join("index.js");
    std::fs::write(&main, version("one")).expect("written");
    Theme {
        name: "reload",
        stack: Box::new(move || {
            Stack::start(&StackOptions {
                default: Some("changing".to_owned()),
                reload: true,
                ..StackOptions::new(Setup::Modes(vec![Mode::Lazy]), vec![worker])
            })
        }),
        cases: vec![Case::new("new_versions_serve", |stack| async move {
            new_versions_serve(&stack, &main).await;
            drop(directory);
        })],
        serial: true,
    }
}

async fn ask(stack: &Stack, path: &str) -> String {
    let request = Request::new(Proto::H1, "GET", &stack.at(Mode::Lazy, path));
    let reply = request.send().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    reply.text()
}

async fn wait_for_version(stack: &Stack, wanted: &str) {
    let began = Instant::now();
    while ask(stack, "/").await != wanted {
        assert!(began.elapsed() < Duration::from_secs(10), "version {wanted} does not serve");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn new_versions_serve(stack: &Arc<Stack>, main: &Path) {
    assert_eq!(ask(stack, "/").await, "one");

    // A request that runs finishes on the version that it began on.
    let running = tokio::spawn({
        let stack = Arc::clone(stack);
        async move { ask(&stack, "/slow").await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    write(main, &version("two"));
    wait_for_version(stack, "two").await;
    assert!(!running.is_finished(), "the slow request was to run across the reload");
    assert_eq!(running.await.expect("an answer"), "one");

    // A version that does not compile is refused, with its place, and the old one goes on.
    write(main, "export default {\n  fetch() {\n    return new Response(\"three\";\n  },\n};\n");
    let refused = |line: &serde_json::Value| {
        let text = line.to_string();
        text.contains("index.js:3:") && text.contains("changing")
    };
    let limit = Duration::from_secs(10);
    stack.host().wait_for_log(limit, refused).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ask(stack, "/").await, "two");

    // So is one that throws when it starts.
    write(main, "throw new Error(\"no start\");\nexport default { fetch() {} };\n");
    let refused = |line: &serde_json::Value| line.to_string().contains("no start");
    stack.host().wait_for_log(limit, refused).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ask(stack, "/").await, "two");

    write(main, &version("four"));
    wait_for_version(stack, "four").await;
}

/// As editors do: a new file in the place of the old one.
fn write(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, path).expect("renamed");
}

fn drain() -> Theme {
    let workers: Vec<PathBuf> = vec![worker("lab")];
    Theme {
        name: "drain",
        stack: Box::new(move || {
            Stack::start(&StackOptions {
                default: Some("lab".to_owned()),
                settings: toml::toml! {
                    [worker.lab.vars]
                    ORIGIN = "{origin}"
                },
                ..StackOptions::new(Setup::Modes(vec![Mode::Lazy]), workers)
            })
        }),
        cases: vec![Case::new("running_requests_finish", running_requests_finish)],
        serial: true,
    }
}

async fn running_requests_finish(stack: Arc<Stack>) {
    let running: Vec<_> = ["slowSubrequest", "awaited"]
        .into_iter()
        .map(|handler| {
            let url = stack.at(Mode::Lazy, "/slow?ms=1500");
            let request = Request::new(Proto::H1, "GET", &url).header("x-do", handler);
            tokio::spawn(request.send())
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(400)).await;
    stack.host().terminate().unwrap_or_else(|error| panic!("{error}"));
    tokio::time::sleep(Duration::from_millis(200)).await;

    // Not ready, and nothing new is taken on.
    let ready = stack.host().admin_status("/readyz").await;
    assert_ne!(ready, Some(200), "ready while it drains");
    let new = Request::new(Proto::H1, "GET", &stack.at(Mode::Lazy, "/x")).header("x-do", "hello");
    let new = new.send().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(new.status >= 500, "a new request was served: {}", new.short_text());

    for task in running {
        let reply = task.await.expect("no panic").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));
    }
    let status = ended(&stack).await;
    assert_eq!(status, Some(0), "the exit code");
    assert_eq!(client::blocking_status(&format!("http://{}/healthz", stack.host().admin())), None);
}

/// The exit code of the runtime host.
async fn ended(stack: &Arc<Stack>) -> Option<i32> {
    let stack = Arc::clone(stack);
    let wait = move || stack.host().wait_for_exit(Duration::from_secs(10)).ok();
    tokio::task::spawn_blocking(wait).await.ok()??.code()
}

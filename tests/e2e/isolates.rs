//! Isolates that exist only while they are used: more Workers than there may be isolates, Workers
//! that their first request starts, and what does not start.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nano_tests::client::{Proto, Reply, Request};
use nano_tests::listeners::Mode;
use nano_tests::load;
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{Setup, Stack, StackOptions};
use tempfile::TempDir;

use crate::common::{answer, write_worker};

pub fn themes() -> Vec<Theme> {
    vec![bounded(), by_request(), busy()]
}

/// Gauge of isolates, by `worker`.
const ISOLATES: &str = "nano_isolates";
/// Counter of those that were disposed of, by `worker` and `reason`.
const EVICTIONS: &str = "nano_isolate_evictions_total";
/// Counter of those that started, by `worker` and `cause`.
const STARTS: &str = "nano_isolate_starts_total";

/// Answers its own name and how many requests its isolate has had.
fn counting(name: &str) -> String {
    format!(
        "let count = 0;\nexport default {{\n  fetch() {{\n    count += 1;\n    \
         return new Response(`{name} ${{count}}`);\n  }},\n}};\n"
    )
}

async fn ask(stack: &Stack, worker: &str) -> Reply {
    let request = Request::new(Proto::H1, "GET", &stack.at(Mode::Lazy, "/"));
    answer(request.header("x-test-worker", worker)).await
}

/// All of these metrics are whole numbers.
async fn sum(stack: &Stack, name: &str, labels: &[&str]) -> u64 {
    let metrics = stack.host().metrics().await.unwrap_or_else(|error| panic!("{error}"));
    metrics.sum(name, labels).unwrap_or(0.0) as u64
}

/// Waits until a metric is as wanted.
async fn wait(stack: &Stack, name: &str, labels: &[&str], wanted: impl Fn(u64) -> bool) {
    let began = Instant::now();
    loop {
        let sum = sum(stack, name, labels).await;
        if wanted(sum) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{name} {labels:?} stays {sum}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const NAMES: [&str; 5] = ["one", "two", "three", "four", "five"];

fn bounded() -> Theme {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let workers = NAMES.map(|name| write_worker(directory.path(), name, &counting(name))).to_vec();
    Theme {
        name: "isolates_bounded",
        stack: Box::new(move || {
            Stack::start(&StackOptions {
                settings: toml::toml! {
                    [server]
                    isolates_max = 2
                },
                ..StackOptions::new(Setup::Modes(vec![Mode::Lazy]), workers)
            })
        }),
        cases: vec![Case::new("five_share_the_room_of_two", |stack| async move {
            five_share_the_room_of_two(stack, directory).await;
        })],
        serial: true,
    }
}

async fn five_share_the_room_of_two(stack: Arc<Stack>, _directory: TempDir) {
    // Each was started when it was loaded, and three of them had to go.
    assert!(sum(&stack, STARTS, &["cause=\"load\""]).await >= 5);
    wait(&stack, ISOLATES, &[], |isolates| isolates <= 2).await;
    for _ in 0..3 {
        for name in NAMES {
            let reply = ask(&stack, name).await;
            // Those that were used longest ago are the next in turn: each finds a fresh isolate,
            // unless the one in its way was still at work.
            assert_eq!(reply.status, 200, "{}", reply.short_text());
            assert!(reply.text().starts_with(name), "{}", reply.short_text());
        }
        wait(&stack, ISOLATES, &[], |isolates| isolates <= 2).await;
    }
    assert!(sum(&stack, EVICTIONS, &["reason=\"count\""]).await >= 10);
    assert!(sum(&stack, STARTS, &["cause=\"request\""]).await >= 10);
    assert_eq!(ask(&stack, "one").await.text(), "one 1");
    assert_eq!(ask(&stack, "one").await.text(), "one 2");

    // All at once.
    let asking: Vec<_> = (0..100)
        .map(|number| {
            let (stack, name) = (Arc::clone(&stack), NAMES[number % NAMES.len()]);
            tokio::spawn(async move { (name, ask(&stack, name).await) })
        })
        .collect();
    for task in asking {
        let (name, reply) = task.await.expect("no panic");
        assert_eq!(reply.status, 200, "{}", reply.short_text());
        assert!(reply.text().starts_with(name), "{}", reply.short_text());
    }
    wait(&stack, ISOLATES, &[], |isolates| isolates <= 2).await;
}

fn by_request() -> Theme {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut workers: Vec<_> =
        ["one", "two"].map(|name| write_worker(directory.path(), name, &counting(name))).to_vec();
    let broken = "throw new Error(\"no start today\");\nexport default { fetch() {} };\n";
    workers.push(write_worker(directory.path(), "broken", broken));
    Theme {
        name: "isolates_by_request",
        stack: Box::new(move || {
            Stack::start(&StackOptions {
                reload: true,
                settings: toml::toml! {
                    [server]
                    isolate_idle_ms = 1000
                    [workers]
                    start = "request"
                },
                ..StackOptions::new(Setup::Modes(vec![Mode::Lazy]), workers)
            })
        }),
        cases: vec![Case::new("the_first_request_starts_it", |stack| async move {
            the_first_request_starts_it(&stack, directory.path()).await;
        })],
        serial: true,
    }
}

async fn the_first_request_starts_it(stack: &Stack, directory: &Path) {
    assert_eq!(sum(stack, STARTS, &[]).await, 0);
    assert_eq!(ask(stack, "one").await.text(), "one 1");
    assert_eq!(sum(stack, STARTS, &["worker=\"one\"", "cause=\"request\""]).await, 1);
    assert_eq!(sum(stack, STARTS, &[]).await, 1);

    // What does not start answers with the host's error, and its reason is logged once.
    for _ in 0..5 {
        let reply = ask(stack, "broken").await;
        assert_eq!(reply.status, 500, "{}", reply.short_text());
        assert!(reply.text().contains("1105"), "{}", reply.short_text());
    }
    let failed = ["worker=\"broken\"", "outcome=\"internalError\""];
    assert_eq!(sum(stack, "nano_requests_total", &failed).await, 5);
    let reasons = |stack: &Stack| {
        let lines = stack.host().logs();
        lines.iter().filter(|line| line.to_string().contains("no start today")).count()
    };
    let logged = |line: &serde_json::Value| line.to_string().contains("no start today");
    let limit = Duration::from_secs(5);
    stack.host().wait_for_log(limit, logged).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reasons(stack), 1);

    // A version that starts is served at once.
    std::fs::write(directory.join("broken/index.js"), counting("mended")).expect("written");
    let began = Instant::now();
    while ask(stack, "broken").await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(10), "the new version does not serve");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // Nobody asks, and the isolates go; they come back when somebody does.
    wait(stack, ISOLATES, &[], |isolates| isolates == 0).await;
    wait(stack, EVICTIONS, &["reason=\"idle\""], |evictions| evictions >= 2).await;
    assert_eq!(sum(stack, "nano_isolate_memory_bytes", &[]).await, 0);
    assert_eq!(ask(stack, "one").await.text(), "one 1");
}

fn busy() -> Theme {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let source = "export default {\n  fetch() {\n    let sum = 0;\n    \
                  for (let i = 0; i < 200000; i++) sum += i % 7;\n    \
                  return new Response(`done ${sum}`);\n  },\n};\n";
    let workers = ["many", "one"].map(|name| write_worker(directory.path(), name, source)).to_vec();
    Theme {
        name: "isolates_busy",
        stack: Box::new(move || {
            Stack::start(&StackOptions {
                settings: toml::toml! {
                    [server]
                    threads = 3
                    [worker.one]
                    isolates = 1
                },
                ..StackOptions::new(Setup::Modes(vec![Mode::Lazy]), workers)
            })
        }),
        cases: vec![Case::new("a_busy_worker_has_one_for_each_thread", |stack| async move {
            a_busy_worker_has_one_for_each_thread(&stack, directory).await;
        })],
        serial: true,
    }
}

async fn a_busy_worker_has_one_for_each_thread(stack: &Stack, _directory: TempDir) {
    let began = Instant::now();
    let isolates =
        async |worker: &str| sum(stack, ISOLATES, &[&format!("worker={worker:?}")]).await;
    while isolates("many").await < 3 {
        assert!(began.elapsed() < Duration::from_mins(1), "no more isolates");
        for worker in ["many", "one"] {
            let headers = [("x-test-worker", worker)];
            let right = |head: &http::response::Parts, body: &bytes::Bytes| {
                head.status == 200 && body.starts_with(b"done ")
            };
            let url = stack.at(Mode::Lazy, "/");
            load::run(&url, &headers, 32, 400, right).await.unwrap_or_else(|e| panic!("{e}"));
        }
    }
    assert_eq!(isolates("many").await, 3);
    assert_eq!(isolates("one").await, 1);
    assert_eq!(sum(stack, STARTS, &["worker=\"many\"", "cause=\"busy\""]).await, 2);
}

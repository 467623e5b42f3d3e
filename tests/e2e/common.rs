//! What most tests need: the stack with all listeners, requests to the lab Worker.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nano_tests::client::{Proto, Reply, Request};
use nano_tests::listeners::Mode;
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{self, Setup, Stack, StackOptions};

/// The Workers of `tests/workers`, behind a listener for each mode. None of them is the default. What
/// one case reads changes nothing for the others (`reads_responses`; see `reading`).
pub fn options() -> StackOptions {
    let workers = [
        "busy", "circle", "greedy", "lab", "limited", "modules", "net", "rated", "routed",
        "whoami-a", "whoami-b",
    ];
    let workers = workers.into_iter().map(worker).collect();
    StackOptions {
        settings: toml::toml! {
            [worker.lab]
            reads_responses = false
            [worker.lab.vars]
            ORIGIN = "{origin}"
            [worker.circle.egress]
            allow = ["127.0.0.0/8"]
            max_branches = 20
            [worker.net.vars]
            ORIGIN = "{origin}"
            [worker.net.egress]
            allow = ["127.0.0.0/8"]
            [cache]
            directory = "../cache"
            [worker.greedy.limits]
            cpu_ms = 300
            memory_mb = 64
            [worker.limited.limits]
            concurrent_requests = 1
            queued_requests = 1
            queue_ms = 4000
            headers_kb = 8
            log_kb = 1
            timers = 5
            subrequests = 2
            [worker.rated.limits]
            requests_per_second = 1
            request_burst = 1
        },
        ..StackOptions::new(Setup::Modes(Mode::ALL.to_vec()), workers)
    }
}

/// Writes a Worker of one module into a directory of its name; returns that.
pub fn write_worker(into: &Path, name: &str, source: &str) -> PathBuf {
    let directory = into.join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    let config = format!("name = \"{name}\"\nmain = \"index.js\"\n");
    std::fs::write(directory.join("wrangler.toml"), config).expect("written");
    std::fs::write(directory.join("index.js"), source).expect("written");
    directory
}

/// The directory of a test Worker.
pub fn worker(name: &str) -> PathBuf {
    stack::root().join("tests/workers").join(name)
}

pub fn theme(name: &'static str, cases: Vec<Case>) -> Theme {
    Theme { name, stack: Box::new(|| Stack::start(&options())), cases, serial: false }
}

/// A request to the lab Worker's handler `handler`.
pub fn lab(
    stack: &Stack,
    mode: Mode,
    proto: Proto,
    method: &str,
    path: &str,
    handler: &str,
) -> Request {
    Request::new(proto, method, &stack.at(mode, path))
        .header("x-test-worker", "lab")
        .header("x-do", handler)
}

/// Sends a request that must be answered.
pub async fn answer(request: Request) -> Reply {
    request.send().await.unwrap_or_else(|error| panic!("{error}"))
}

/// An id that no other request of this run has, for `x-test-id`.
pub fn unique_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("id-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The bytes that the lab's `counting` makes.
pub fn counting(total: usize) -> Vec<u8> {
    (0..total).map(|i| (i % 251) as u8).collect()
}

/// Every bit turned over, as the lab's `flipped` does.
pub fn flipped(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0xff).collect()
}

/// Compares two bodies without printing megabytes.
#[track_caller]
pub fn assert_same(actual: &[u8], expected: &[u8]) {
    if actual != expected {
        let at = actual.iter().zip(expected).position(|(a, b)| a != b);
        let at = at.unwrap_or(actual.len().min(expected.len()));
        panic!("{} bytes and not {}; they differ at {at}", actual.len(), expected.len());
    }
}

/// A case for each of `modes` and each HTTP version, from `async fn(&Stack, Mode, Proto)`s.
#[macro_export]
macro_rules! matrix {
    ($modes:expr; $($test:ident),* $(,)?) => {{
        let mut cases = Vec::new();
        for mode in $modes {
            for proto in nano_tests::client::Proto::BOTH {
                $(cases.push(nano_tests::runner::Case::new(
                    format!("{}::{}::{proto:?}", stringify!($test), mode.name()),
                    move |stack| async move { $test(&stack, mode, proto).await },
                ));)*
            }
        }
        cases
    }};
}

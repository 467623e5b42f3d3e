//! What is left when a process dies: other tenants' requests, the sockets, the log, and who is to
//! blame. Each theme has a stack of its own, and its cases run in their order.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nano_tests::client::{Proto, Reply, Request};
use nano_tests::listeners::Mode;
use nano_tests::process::{children, lives, signal};
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{Setup, Stack, StackOptions};
use nano_tests::{cases, client, host};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::worker;
use crate::failures::assert_page;

/// From an engine's end until another Worker is served again, beside what a start takes on a machine
/// that does other things meanwhile.
const BACK_WITHIN: Duration = Duration::from_secs(1);

/// Ends the process that runs it: V8 makes no array of so many elements, and can't say so here.
const BOMB: &str = "\"x\".repeat(2 ** 28).split(\"\")";

pub fn themes() -> Vec<Theme> {
    vec![crashes(), start_up(), alone(), two()]
}

/// A Worker that does, at a request for `/bomb`, `/late` or `/spin`, what its path says.
fn tenant(place: &Path, name: &str, top: &str) -> PathBuf {
    let directory = place.join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    let config = format!("name = \"{name}\"\nmain = \"index.js\"\n");
    std::fs::write(directory.join("wrangler.toml"), config).expect("written");
    write_tenant(&directory, top);
    directory
}

fn write_tenant(directory: &Path, top: &str) {
    let code = format!(
        "{top};\nexport default {{\n  async fetch(request) {{\n    \
         switch (new URL(request.url).pathname) {{\n      \
           case \"/bomb\": {BOMB}; break;\n      \
           case \"/late\": await 0; {BOMB}; break;\n      \
           case \"/spin\": for (;;);\n    \
         }}\n    return new Response(\"well\");\n  }},\n}};\n"
    );
    // As editors do: a new file in the place of the old one.
    let new = directory.join("index.js.new");
    std::fs::write(&new, code).expect("written");
    std::fs::rename(&new, directory.join("index.js")).expect("renamed");
}

/// The Workers beside a good one, behind one listener.
fn stack(workers: Vec<PathBuf>, settings: toml::Table) -> nano_tests::Result<Stack> {
    let mut all = vec![worker("whoami-a")];
    all.extend(workers);
    Stack::start(&StackOptions {
        reload: true,
        settings,
        ..StackOptions::new(Setup::Modes(vec![Mode::Lazy]), all)
    })
}

fn request(stack: &Stack, worker: &str, path: &str) -> Request {
    Request::new(Proto::H1, "GET", &stack.at(Mode::Lazy, path)).header("x-test-worker", worker)
}

async fn ask(stack: &Stack, worker: &str, path: &str) -> Reply {
    request(stack, worker, path).send().await.unwrap_or_else(|error| panic!("{error}"))
}

async fn well(stack: &Stack) -> bool {
    let asked = tokio::time::timeout(BACK_WITHIN, request(stack, "whoami-a", "/").send()).await;
    matches!(asked, Ok(Ok(reply)) if reply.status == 200 && reply.text() == "whoami-a")
}

/// Asks the good tenant until it answers, which is `BACK_WITHIN` from now.
async fn back(stack: &Stack) -> Duration {
    let began = Instant::now();
    let limit = BACK_WITHIN + 2 * stack.host().start_up();
    while !well(stack).await {
        assert!(began.elapsed() < limit, "no answer within {limit:?}\n{}", stack.log_tails(20));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// The only engine.
fn engine(stack: &Stack) -> u32 {
    let engines = children(stack.host().process().id());
    assert_eq!(engines.len(), 1, "{engines:?}");
    engines[0]
}

async fn ended(engine: u32) {
    let began = Instant::now();
    while lives(engine) {
        assert!(began.elapsed() < Duration::from_secs(30), "the engine {engine} goes on");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits for a line of the supervisor's about a Worker.
async fn told(stack: &Stack, worker: &str, crashes: u64, text: &str) -> Value {
    let wanted = |line: &Value| {
        line["worker"] == worker
            && line["crashes"] == crashes
            && line["message"].as_str().is_some_and(|message| message.contains(text))
    };
    let line = stack.host().wait_for_log(Duration::from_secs(5), wanted).await;
    line.unwrap_or_else(|error| panic!("{error}"))
}

fn crashes() -> Theme {
    let place = tempfile::tempdir().expect("a temporary directory");
    let workers: Vec<PathBuf> =
        ["bomb", "spinner", "killed"].iter().map(|name| tenant(place.path(), name, "")).collect();
    let bomb = workers[0].clone();
    let settings = toml::toml! {
        [limits]
        memory_mb = 16
        [worker.spinner]
        failure_mode = "open"
    };
    Theme {
        name: "survival",
        stack: Box::new(move || stack(workers, settings)),
        cases: vec![
            Case::new("fatal_errors_end_one_engine", fatal_errors_end_one_engine),
            Case::new("repeated_crashes_are_quarantined", repeated_crashes_are_quarantined),
            Case::new("the_supervisors_figures_survive", the_supervisors_figures_survive),
            Case::new("a_new_version_is_served_at_once", |stack| async move {
                a_new_version_is_served_at_once(&stack, &bomb).await;
            }),
            Case::new("segmentation_faults_are_attributed", segmentation_faults_are_attributed),
            Case::new("killed_engines_are_replaced", killed_engines_are_replaced),
            Case::new("engines_end_with_the_supervisor", |stack| async move {
                engines_end_with_the_supervisor(&stack).await;
                drop(place);
            }),
        ],
        serial: true,
    }
}

async fn fatal_errors_end_one_engine(stack: Arc<Stack>) {
    back(&stack).await;
    let first = engine(&stack);
    let asked = tokio::spawn({
        let stack = Arc::clone(&stack);
        async move { ask(&stack, "bomb", "/bomb").await.status }
    });
    ended(first).await;
    let took = back(&stack).await;
    assert_ne!(engine(&stack), first);
    assert!(asked.await.expect("an answer") >= 500);
    let line = told(&stack, "bomb", 1, "ended in a turn of this Worker").await;
    assert!(line["version"].as_str().is_some_and(|version| version.len() == 12), "{line}");
    // V8's own words, which are on standard error for this one.
    let log = stack.host().process().log();
    assert!(log.contains("Fatal JavaScript invalid size error"), "{}", stack.log_tails(30));
    println!("            back after {took:?}");
}

async fn repeated_crashes_are_quarantined(stack: Arc<Stack>) {
    let second = engine(&stack);
    let status = ask(&stack, "bomb", "/late").await.status;
    assert!(status >= 500, "{status}");
    ended(second).await;
    back(&stack).await;
    told(&stack, "bomb", 2, "quarantined").await;
    let third = engine(&stack);
    for path in ["/bomb", "/", "/late"] {
        let began = Instant::now();
        assert_page(&ask(&stack, "bomb", path).await, 503, "1105", false);
        assert!(began.elapsed() < BACK_WITHIN, "at once");
        assert!(well(&stack).await);
    }
    assert_eq!(engine(&stack), third, "nothing crashed");
}

async fn the_supervisors_figures_survive(stack: Arc<Stack>) {
    let metrics = stack.host().metrics().await.unwrap_or_else(|error| panic!("{error}"));
    let figure = |name: &str, labels: &[&str]| metrics.sum(name, labels).unwrap_or(-1.0) as i64;
    assert_eq!(figure("nano_engine_restarts_total", &[]), 2);
    assert_eq!(figure("nano_worker_crashes_total", &["worker=\"bomb\""]), 2);
    assert_eq!(figure("nano_worker_quarantined", &["worker=\"bomb\""]), 1);
    let refused = ["worker=\"bomb\"", "outcome=\"quarantined\""];
    assert_eq!(figure("nano_requests_total", &refused), 3);
}

async fn a_new_version_is_served_at_once(stack: &Arc<Stack>, bomb: &Path) {
    assert_page(&ask(stack, "bomb", "/").await, 503, "1105", false);
    write_tenant(bomb, "const repaired = true");
    let began = Instant::now();
    while ask(stack, "bomb", "/").await.text() != "well" {
        assert!(began.elapsed() < Duration::from_secs(5), "{}", stack.log_tails(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "before the quarantine is over");
}

/// The thread of the process that is in a turn: the one that uses a CPU.
async fn busy_thread(engine: u32) -> u32 {
    let time = |thread: u32| -> u64 {
        let path = format!("/proc/{engine}/task/{thread}/schedstat");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or(0)
    };
    let threads = || -> Vec<(u64, u32)> {
        let tasks = std::fs::read_dir(format!("/proc/{engine}/task")).into_iter().flatten();
        let names = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok());
        names.map(|thread| (time(thread), thread)).collect()
    };
    let before = threads();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let spent = |(now, thread): (u64, u32)| {
        let before = before.iter().find(|(_, each)| *each == thread).map_or(0, |(time, _)| *time);
        (now - before, thread)
    };
    threads().into_iter().map(spent).max().expect("a thread").1
}

/// Has a Worker spin, and returns its answer to be, the engine, and the thread that spins.
async fn spin(
    stack: &Arc<Stack>,
    worker: &'static str,
) -> (tokio::task::JoinHandle<Reply>, u32, u32) {
    let engine = engine(stack);
    let asked = tokio::spawn({
        let stack = Arc::clone(stack);
        async move { ask(&stack, worker, "/spin").await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    (asked, engine, busy_thread(engine).await)
}

async fn segmentation_faults_are_attributed(stack: Arc<Stack>) {
    for crash in 1..=2 {
        let (asked, engine, thread) = spin(&stack, "spinner").await;
        signal(thread, "SEGV").unwrap_or_else(|error| panic!("{error}"));
        ended(engine).await;
        back(&stack).await;
        asked.await.expect("an answer, whatever it is");
        let line = told(&stack, "spinner", crash, "ended in a turn of this Worker").await;
        assert_eq!(line["end"], "SIGSEGV");
    }
    told(&stack, "spinner", 2, "quarantined").await;
    // Its failure mode is open: requests go on to the origin.
    let reply = ask(&stack, "spinner", "/headers").await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "headers\n"));
}

/// As the kernel does for want of memory: nobody can say for sure why.
async fn killed_engines_are_replaced(stack: Arc<Stack>) {
    let idle = engine(&stack);
    signal(idle, "KILL").unwrap_or_else(|error| panic!("{error}"));
    ended(idle).await;
    back(&stack).await;
    let nobody = |line: &Value| line["end"] == "SIGKILL" && line["engine"] == idle;
    let line = stack.host().wait_for_log(Duration::from_secs(5), nobody).await;
    let line = line.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(line["running"], "", "{line}");

    let (asked, engine, _) = spin(&stack, "killed").await;
    signal(engine, "KILL").unwrap_or_else(|error| panic!("{error}"));
    ended(engine).await;
    back(&stack).await;
    asked.await.expect("an answer, whatever it is");
    told(&stack, "killed", 0, "suspected").await;
    assert_eq!(ask(&stack, "killed", "/").await.text(), "well", "a suspicion is no crash");
}

async fn engines_end_with_the_supervisor(stack: &Stack) {
    let engine = engine(stack);
    signal(stack.host().process().id(), "KILL").unwrap_or_else(|error| panic!("{error}"));
    ended(engine).await;
    let admin = format!("http://{}/healthz", stack.host().admin());
    assert_eq!(client::blocking_status(&admin), None, "something still listens");
}

/// A Worker that ends the process when it is started does not keep the others from being served.
fn start_up() -> Theme {
    let place = tempfile::tempdir().expect("a temporary directory");
    let bomb = tenant(place.path(), "bomb", BOMB);
    let settings = toml::toml! {
        [limits]
        memory_mb = 16
    };
    Theme {
        name: "survival_at_start",
        stack: Box::new(move || stack(vec![bomb], settings)),
        cases: vec![Case::new("others_are_served", |stack: Arc<Stack>| async move {
            others_are_served(&stack, place).await;
        })],
        serial: true,
    }
}

async fn others_are_served(stack: &Arc<Stack>, place: TempDir) {
    assert!(well(stack).await);
    told(stack, "bomb", 2, "quarantined").await;
    assert_page(&ask(stack, "bomb", "/").await, 503, "1105", false);
    // What is wrong with a Worker on disk does not keep the next engine from serving the rest.
    let broken = place.path().join("bomb/wrangler.toml");
    std::fs::write(broken, "name = \"bomb\"\nmain = \"gone.js\"\n").expect("written");
    let engine = engine(stack);
    signal(engine, "KILL").unwrap_or_else(|error| panic!("{error}"));
    ended(engine).await;
    back(stack).await;
}

fn alone() -> Theme {
    let settings = toml::toml! {
        [server]
        processes = 0
        drain_timeout_ms = 2000
    };
    Theme {
        name: "alone",
        stack: Box::new(move || stack(Vec::new(), settings)),
        cases: cases![one_process_does_all, refusals_have_their_exit_codes],
        serial: true,
    }
}

async fn one_process_does_all(stack: Arc<Stack>) {
    assert!(well(&stack).await);
    let process = stack.host().process().id();
    assert_eq!(children(process), [] as [u32; 0]);
    stack.host().terminate().unwrap_or_else(|error| panic!("{error}"));
    let waiting = Arc::clone(&stack);
    let wait = move || waiting.host().wait_for_exit(Duration::from_secs(10));
    let status = tokio::task::spawn_blocking(wait).await.expect("no panic");
    assert_eq!(status.unwrap_or_else(|error| panic!("{error}")).code(), Some(0));
}

/// With and without a supervisor the same: a refusal is said once, and the process ends.
async fn refusals_have_their_exit_codes(_: Arc<Stack>) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let worker = tenant(place.path(), "bad", "throw new Error(\"no start\")");
    let missing = place.path().join("missing");
    let config = place.path().join("nano.toml");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("bound");
    let free = nano_tests::process::free_port().unwrap_or_else(|error| panic!("{error}"));
    for processes in [0, 1, 2] {
        let served = |port: u16, workers: &Path, more: &str| {
            let text = format!(
                "[server]\nlisten = [\"127.0.0.1:{port}\"]\nprocesses = {processes}\n{more}\n\
                 [workers]\ndirectories = [{:?}]\n",
                workers.display().to_string()
            );
            std::fs::write(&config, text).expect("written");
            let mut command = Command::new(host::find().unwrap_or_else(|error| panic!("{error}")));
            let output = command.args(["serve", "--config"]).arg(&config).output();
            let output = output.expect("it starts");
            let text = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8_lossy(&text).into_owned())
        };
        for (code, words, (ended, text)) in [
            (1, "did you mean", served(free, &worker, "threds = 1")),
            (1, "does not exist", served(free, &missing, "")),
            (1, "no start", served(free, &worker, "")),
            (3, "cannot listen on", served(taken.port(), &worker, "")),
        ] {
            assert_eq!(ended, Some(code), "{processes} processes: {text}");
            assert_eq!(text.matches(words).count(), 1, "{processes} processes: {text}");
        }
    }
}

fn two() -> Theme {
    let settings = toml::toml! {
        [server]
        processes = 2
    };
    Theme {
        name: "two_engines",
        stack: Box::new(move || stack(Vec::new(), settings)),
        cases: cases![both_serve_and_are_replaced],
        serial: true,
    }
}

async fn both_serve_and_are_replaced(stack: Arc<Stack>) {
    let supervisor = stack.host().process().id();
    let both = async || {
        let began = Instant::now();
        while children(supervisor).len() < 2 {
            assert!(began.elapsed() < Duration::from_secs(5), "{}", stack.log_tails(20));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        children(supervisor)
    };
    let mut second = stack.host().admin();
    second.set_port(second.port() + 1);
    let ready = async || {
        let began = Instant::now();
        loop {
            let url = format!("http://{second}/readyz");
            if client::get(&url).await.is_ok_and(|reply| reply.status == 200) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(5), "{}", stack.log_tails(20));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    for number in 0..2 {
        let engines = both().await;
        ready().await;
        assert!(well(&stack).await);
        signal(engines[number], "KILL").unwrap_or_else(|error| panic!("{error}"));
        ended(engines[number]).await;
        back(&stack).await;
        assert!(lives(engines[1 - number]));
    }
    both().await;
    ready().await;
    stack.host().terminate().unwrap_or_else(|error| panic!("{error}"));
    let waiting = Arc::clone(&stack);
    let wait = move || waiting.host().wait_for_exit(Duration::from_secs(10));
    let status = tokio::task::spawn_blocking(wait).await.expect("no panic");
    assert_eq!(status.unwrap_or_else(|error| panic!("{error}")).code(), Some(0));
}

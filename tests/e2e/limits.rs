//! What must not happen: an untouched body in the runtime host, a busy Worker that delays others,
//! a stream that is left behind. These cases measure, so they run one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nano_tests::client::{Proto, Request};
use nano_tests::listeners::Mode;
use nano_tests::metrics::Metrics;
use nano_tests::pattern;
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::Stack;
use nano_tests::{cases, envoy, host};

use crate::common::{self, answer, assert_same, lab, unique_id};
use crate::failures::assert_page;

pub fn theme() -> Theme {
    let cases: Vec<Case> = cases![
        untouched_bodies_are_not_seen,
        touched_bodies_are_seen,
        unread_responses_cost_no_phase,
        busy_worker_delays_no_other,
        overruns_are_1102,
        requests_wait_for_a_place_and_are_shed,
        clients_leave_the_queue,
        too_many_requests_are_1015,
        large_requests_are_refused,
        large_responses_are_1101,
        headers_can_not_be_injected,
        what_a_request_logs_has_a_bound,
        catchable_limits_have_their_texts,
        code_is_not_made_at_run_time,
        clocks_stand_still,
        nothing_is_left_behind,
    ];
    Theme { serial: true, ..common::theme("limits", cases) }
}

async fn metrics(stack: &Stack) -> Metrics {
    stack.host().metrics().await.unwrap_or_else(|error| panic!("{error}"))
}

fn body_bytes(metrics: &Metrics) -> f64 {
    metrics.sum(host::BODY_BYTES, &[]).expect("the counter of body bytes")
}

/// 10 MB each way through a Worker that changes headers: the runtime host sees none of it.
async fn untouched_bodies_are_not_seen(stack: Arc<Stack>) {
    let before = body_bytes(&metrics(&stack).await);
    for proto in Proto::BOTH {
        let body = pattern::bytes(0, 10_000_000);
        let request = lab(&stack, Mode::Lazy, proto, "POST", "/mirror", "responseHeaders");
        let reply = answer(request.body(body.clone())).await;
        assert_eq!(reply.header("x-lab"), Some("added"));
        assert_same(&reply.body, &body);
    }
    let seen = body_bytes(&metrics(&stack).await) - before;
    assert!(seen.abs() < f64::EPSILON, "the runtime host saw {seen} bytes");
}

/// The counter counts: the same with a Worker that touches the response.
async fn touched_bodies_are_seen(stack: Arc<Stack>) {
    let before = body_bytes(&metrics(&stack).await);
    let request = lab(&stack, Mode::Lazy, Proto::H1, "GET", "/bytes/1000000", "flipResponse");
    answer(request).await;
    let seen = body_bytes(&metrics(&stack).await) - before;
    assert!((seen - 1_000_000.0).abs() < f64::EPSILON, "the runtime host saw {seen} bytes");
}

/// `return fetch(request)` without a look at the response: Envoy sends the request's head and
/// nothing else, also in an async handler, while one that looks costs a second message.
async fn unread_responses_cost_no_phase(stack: Arc<Stack>) {
    let handlers =
        [("pass", 1.0), ("passAsync", 1.0), ("passAndLook", 2.0), ("responseHeaders", 2.0)];
    for (handler, messages_each) in handlers {
        let before = messages(&stack).await;
        for _ in 0..10 {
            let request = lab(&stack, Mode::Lazy, Proto::H1, "GET", "/bytes/10", handler);
            assert_eq!(answer(request).await.status, 200);
        }
        let sent = messages(&stack).await - before;
        assert!(
            (sent - 10.0 * messages_each).abs() < f64::EPSILON,
            "{sent} messages for 10 requests of {handler}"
        );
    }
}

/// Messages that the lazy listener sent to the runtime host so far.
async fn messages(stack: &Stack) -> f64 {
    let stats = stack.envoy().stats().await.unwrap_or_else(|error| panic!("{error}"));
    let listener = "envoy_http_conn_manager_prefix=\"lazy\"";
    stats.sum(envoy::MESSAGES_SENT, &[listener]).unwrap_or(0.0)
}

/// One Worker computes for a second or more, in turns of some hundred milliseconds; requests of
/// another are answered meanwhile. (More busy Workers than threads: `isolate/tests/handover.rs`.)
async fn busy_worker_delays_no_other(stack: Arc<Stack>) {
    // Warm both up.
    let busy = |ms: u32| {
        let url = stack.at(Mode::Lazy, &format!("/?ms={ms}"));
        Request::new(Proto::H1, "GET", &url).header("x-test-worker", "busy")
    };
    answer(busy(1)).await;
    answer(lab(&stack, Mode::Lazy, Proto::H1, "GET", "/x", "hello")).await;
    let began = Instant::now();
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let request = busy(2000);
        working.spawn(async move { request.send().await });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut worst = Duration::ZERO;
    let mut asked = 0;
    while working.try_join_next().is_none() && asked < 20 {
        let began = Instant::now();
        let request = lab(&stack, Mode::Lazy, Proto::H1, "GET", "/x", "hello");
        assert_eq!(answer(request).await.status, 200);
        worst = worst.max(began.elapsed());
        asked += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let overlapped = began.elapsed();
    while let Some(result) = working.join_next().await {
        let reply = result.expect("no panic").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(reply.status, 200);
    }
    let all = began.elapsed();
    assert!(asked >= 10, "only {asked} answers while the other Worker worked");
    assert!(
        worst < Duration::from_millis(400),
        "an answer took {worst:?} while another Worker was busy ({overlapped:?} of {all:?})"
    );
}

/// Too much CPU time, too much memory: the client is told, and the Worker serves again at once.
async fn overruns_are_1102(stack: Arc<Stack>) {
    for path in ["/endless", "/memory"] {
        let ask = |path: &str| {
            let url = stack.at(Mode::Lazy, path);
            Request::new(Proto::H1, "GET", &url).header("x-test-worker", "greedy")
        };
        assert_page(&answer(ask(path)).await, 503, "1102", false);
        assert_eq!(answer(ask("/")).await.text(), "modest", "{path}");
    }
}

fn limited(stack: &Stack, path: &str) -> Request {
    Request::new(Proto::H1, "GET", &stack.at(Mode::Lazy, path)).header("x-test-worker", "limited")
}

/// How many requests of a Worker reached a limit.
async fn reached(stack: &Stack, limit: &str) -> f64 {
    let labels = ["worker=\"limited\"", &format!("limit=\"{limit}\"")];
    metrics(stack).await.sum(LIMITS_REACHED, &labels).expect("the counter of limits")
}

const LIMITS_REACHED: &str = "nano_limits_reached_total";

/// Waits until this gauge of the Worker has this value.
async fn wait_for(stack: &Stack, gauge: &str, value: f64) {
    let began = Instant::now();
    loop {
        let now = metrics(stack).await.sum(gauge, &["worker=\"limited\""]);
        if now.is_some_and(|now| (now - value).abs() < f64::EPSILON) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{gauge} is {now:?} and not {value}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const QUEUED: &str = "nano_queued_requests";
const RUNNING: &str = "nano_running_invocations";

/// One request at a time, one more waits for up to 4 s, the rest is shed at once.
async fn requests_wait_for_a_place_and_are_shed(stack: Arc<Stack>) {
    let holding = tokio::spawn(limited(&stack, "/hold?ms=1500").send());
    wait_for(&stack, RUNNING, 1.0).await;
    let waiting = tokio::spawn(limited(&stack, "/hold?ms=0").send());
    wait_for(&stack, QUEUED, 1.0).await;
    let before = reached(&stack, "queued_requests").await;
    assert_page(&answer(limited(&stack, "/hold?ms=0")).await, 503, "1102", false);
    assert!(reached(&stack, "queued_requests").await > before);
    for task in [holding, waiting] {
        let reply = task.await.expect("no panic").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "held"));
    }
    // One that waited too long.
    let holding = tokio::spawn(limited(&stack, "/hold?ms=60000").send());
    wait_for(&stack, RUNNING, 1.0).await;
    let began = Instant::now();
    let request = limited(&stack, "/hold?ms=0").header("accept", "application/json");
    let reply = answer(request).await;
    assert_page(&reply, 503, "1102", true);
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(reached(&stack, "queue_ms").await > 0.0);
    holding.abort();
    wait_for(&stack, RUNNING, 0.0).await;
}

/// A request whose client went away makes room in the queue.
async fn clients_leave_the_queue(stack: Arc<Stack>) {
    let holding = tokio::spawn(limited(&stack, "/hold?ms=60000").send());
    wait_for(&stack, RUNNING, 1.0).await;
    let waiting = tokio::spawn(limited(&stack, "/hold?ms=0").send());
    wait_for(&stack, QUEUED, 1.0).await;
    waiting.abort();
    wait_for(&stack, QUEUED, 0.0).await;
    let next = tokio::spawn(limited(&stack, "/hold?ms=0").send());
    wait_for(&stack, QUEUED, 1.0).await;
    holding.abort();
    let reply = next.await.expect("no panic").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "held"));
    wait_for(&stack, RUNNING, 0.0).await;
}

/// One a second is answered, the others are told to come later.
async fn too_many_requests_are_1015(stack: Arc<Stack>) {
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let url = stack.at(Mode::Lazy, "/");
        let request = Request::new(Proto::H1, "GET", &url).header("x-test-worker", "rated");
        asked.spawn(async move { answer(request).await });
    }
    let replies = asked.join_all().await;
    let (served, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|r| r.status == 200);
    assert!(!served.is_empty() && !refused.is_empty(), "{} were served", served.len());
    for reply in refused {
        assert_page(reply, 429, "1015", false);
        assert!(reply.text().contains("You are being rate limited"), "{}", reply.text());
    }
    let line = stack.host().wait_for_log(Duration::from_secs(5), |line| {
        line["worker"] == "rated" && line["outcome"] == "rateLimited"
    });
    let line = line.await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(line["limits"], "requests_per_second");
    assert_eq!(line["status"], 429);
}

/// 16 KiB of URL, and 8 KiB of headers as this Worker's limit is: Envoy by itself lets 60 KiB pass.
async fn large_requests_are_refused(stack: Arc<Stack>) {
    let path = format!("/{}", "x".repeat(16 * 1024));
    let reply = answer(lab(&stack, Mode::Lazy, Proto::H1, "GET", &path, "hello")).await;
    assert_page(&reply, 414, "414", false);
    assert!(reply.text().contains("The URL is too long"), "{}", reply.text());
    let path = format!("/{}", "x".repeat(16 * 1024 - 100));
    let reply = answer(lab(&stack, Mode::Lazy, Proto::H1, "GET", &path, "hello")).await;
    assert_eq!(reply.text(), "hello from the lab");

    let large = "x".repeat(8 * 1024);
    let reply = answer(limited(&stack, "/hold?ms=0").header("x-large", &large)).await;
    assert_page(&reply, 431, "431", false);
    assert!(reply.text().contains("The request's headers are too large"), "{}", reply.text());
    assert!(reached(&stack, "headers_kb").await > 0.0);
}

/// The client gets the page of an exception, the log the size.
async fn large_responses_are_1101(stack: Arc<Stack>) {
    let reply = answer(limited(&stack, "/headers?size=8000")).await;
    assert_eq!(reply.header("x-large").map(str::len), Some(8000));
    let id = unique_id();
    let request = limited(&stack, "/headers?size=8300").header("x-request-id", &id);
    assert_page(&answer(request).await, 500, "1101", false);
    let line = stack.host().wait_for_log(Duration::from_secs(5), |line| {
        line["request_id"] == *id && line["outcome"] == "exception"
    });
    let line = line.await.unwrap_or_else(|error| panic!("{error}"));
    let text = line["error"].as_str().unwrap_or_default();
    assert!(text.starts_with("The response's headers have 83"), "{line}");
    assert!(text.ends_with(" bytes: they may have 8192 (limits.headers_kb)."), "{line}");
    assert_eq!(line["limits"], "headers_kb");
}

async fn headers_can_not_be_injected(stack: Arc<Stack>) {
    let reply = answer(limited(&stack, "/inject")).await;
    assert_eq!(reply.header("x-injected"), None);
    let said = reply.json().unwrap_or_else(|error| panic!("{error}"));
    for text in said.as_array().expect("an array") {
        assert!(text.as_str().is_some_and(|text| text.starts_with("TypeError: ")), "{said}");
    }
}

/// 1 KiB of console lines, then one note and nothing more.
async fn what_a_request_logs_has_a_bound(stack: Arc<Stack>) {
    let id = unique_id();
    let reply = answer(limited(&stack, "/log").header("x-request-id", &id)).await;
    assert_eq!(reply.text(), "logged");
    let of_request = |line: &serde_json::Value| line["request_id"] == *id;
    let end = stack.host().wait_for_log(Duration::from_secs(5), |line| {
        of_request(line) && line["limits"] == "log_kb"
    });
    end.await.unwrap_or_else(|error| panic!("{error}"));
    let lines: Vec<_> = stack.host().logs().into_iter().filter(of_request).collect();
    let messages: Vec<_> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    // Each has 107 or 108 bytes.
    assert_eq!(messages.iter().filter(|text| text.starts_with("flood")).count(), 9);
    let note = "what this request logs from here on is dropped: it is more than 1 KiB \
                (limits.log_kb)";
    assert_eq!(messages.iter().filter(|text| **text == note).count(), 1, "{messages:?}");
}

async fn catchable_limits_have_their_texts(stack: Arc<Stack>) {
    for (path, limit, text) in [
        ("/timers", "timers", "Error: Too many timers are pending in this invocation."),
        ("/subrequests", "subrequests", "Error: Too many subrequests by single Worker invocation."),
    ] {
        let id = unique_id();
        let reply = answer(limited(&stack, path).header("x-request-id", &id)).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, text));
        let line = stack.host().wait_for_log(Duration::from_secs(5), |line| {
            line["request_id"] == *id && line["outcome"] == "ok"
        });
        let line = line.await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(line["limits"], limit);
        assert!(reached(&stack, limit).await > 0.0);
    }
}

/// The texts are those that Workers give.
async fn code_is_not_made_at_run_time(stack: Arc<Stack>) {
    let reply = answer(limited(&stack, "/code")).await;
    let said = reply.json().unwrap_or_else(|error| panic!("{error}"));
    let strings = "EvalError: Code generation from strings disallowed for this context";
    let wasm = |name: &str| {
        format!("CompileError: WebAssembly.{name}(): Wasm code generation disallowed by embedder")
    };
    let timer = "TypeError: Failed to execute 'setTimeout' on 'ServiceWorkerGlobalScope': \
                 parameter 1 is not of type 'Function'.";
    let wait = "TypeError: Atomics.wait cannot be called in this context";
    for (name, text) in [
        ("eval", strings.to_owned()),
        ("function", strings.to_owned()),
        ("timer", timer.to_owned()),
        ("module", wasm("Module")),
        ("compile", wasm("compile")),
        ("instantiate", wasm("instantiate")),
        ("wait", wait.to_owned()),
    ] {
        assert_eq!(said[name], text, "{name}");
    }
}

async fn clocks_stand_still(stack: Arc<Stack>) {
    let reply = answer(limited(&stack, "/clocks")).await;
    let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((&seen["atStart"], &seen["moved"]), (&0.into(), &0.into()), "{seen}");
    assert!(seen["later"].as_u64().is_some_and(|ms| ms >= 19), "{seen}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("a time after 1970").as_millis();
    let off = now.abs_diff(u128::from(seen["now"].as_u64().unwrap_or(0)));
    assert!(off < 60_000, "{seen} at {now}");
}

/// After all is over no stream and no invocation is open.
async fn nothing_is_left_behind(stack: Arc<Stack>) {
    for (method, path, handler) in [
        ("GET", "/bytes/1000", "responseHeaders"),
        ("POST", "/mirror", "flipBoth"),
        ("GET", "/x", "short"),
        ("GET", "/x", "shortStream"),
        ("GET", "/x", "throws"),
        ("GET", "/bytes/1000", "never"),
        ("GET", "/bytes/100000", "replace"),
    ] {
        for mode in Mode::WITH_BODIES {
            let request = lab(&stack, mode, Proto::H1, method, path, handler);
            let request = if method == "POST" { request.body("some body") } else { request };
            answer(request).await;
        }
    }
    no_stream_is_left(&stack).await;
}

/// Waits until no stream is open.
pub async fn no_stream_is_left(stack: &Stack) {
    let began = Instant::now();
    loop {
        let open = metrics(stack).await.sum(host::STREAMS_OPEN, &[]);
        let open = open.expect("the gauge of open streams");
        if open.abs() < f64::EPSILON {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{open} streams are still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

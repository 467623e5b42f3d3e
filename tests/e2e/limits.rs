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

use crate::common::{self, answer, assert_same, lab};
use crate::failures::assert_page;

pub fn theme() -> Theme {
    let cases: Vec<Case> = cases![
        untouched_bodies_are_not_seen,
        touched_bodies_are_seen,
        unread_responses_cost_no_phase,
        busy_worker_delays_no_other,
        overruns_are_1102,
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
        let request = busy(500);
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

//! Where Workers may connect to, and requests that go in circles.

use std::time::Duration;

use nano_tests::client::{Proto, Reply, Request};
use nano_tests::listeners::Mode;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;
use serde_json::Value;

use crate::common::{answer, lab, unique_id};
use crate::failures::assert_page;
use crate::matrix;

/// Workers that one request may go through by default.
const DEPTH: usize = 16;

/// `max_branches` of the Worker that goes in circles (`common.rs`).
const BRANCHES: usize = 20;

pub fn cases() -> Vec<Case> {
    matrix!(
        [Mode::Lazy];
        loopback_and_metadata_are_closed,
        a_setting_opens_loopback,
        loops_end_with_1019,
        loops_that_branch_end_too,
        the_loop_header_is_the_hosts_own,
    )
}

fn circle(stack: &Stack, proto: Proto, path: &str) -> Request {
    Request::new(proto, "GET", &stack.at(Mode::Lazy, path)).header("x-test-worker", "circle")
}

fn json(reply: &Reply) -> Value {
    reply.json().unwrap_or_else(|error| panic!("{error}"))
}

async fn denied(stack: &Stack) -> f64 {
    let metrics = stack.host().metrics().await.unwrap_or_else(|error| panic!("{error}"));
    let labels = ["worker=\"lab\""];
    metrics.sum("nano_egress_denied_total", &labels).expect("the counter of refused connections")
}

async fn loopback_and_metadata_are_closed(stack: &Stack, mode: Mode, proto: Proto) {
    let port = stack.host().admin().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "[::ffff:a9fe:a9fe]",
        "0.0.0.0",
    ] {
        let before = denied(stack).await;
        let url = format!("http://{host}:{port}/healthz");
        let request = lab(stack, mode, proto, "GET", "/x", "reach")
            .header("x-catch", "1")
            .header("x-url", &url);
        let reply = answer(request).await;
        assert_eq!(reply.status, 599, "{url}: {}", reply.short_text());
        let text = reply.text();
        assert!(text.starts_with("TypeError: connect to ") && text.contains("[egress]"), "{text}");
        assert!(denied(stack).await > before, "{url} was not counted");
    }
    // The log has what the Worker is not told.
    let line = stack
        .host()
        .wait_for_log(Duration::from_secs(5), |line| {
            line["target"] == "nano::egress"
                && line["host"] == "localhost"
                && line["worker"] == "lab"
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(line["port"], port);
    assert!(matches!(line["address"].as_str(), Some("127.0.0.1" | "::1")), "{line}");
    assert!(line["reason"].as_str().is_some_and(|reason| reason.contains("loopback")), "{line}");
}

async fn a_setting_opens_loopback(stack: &Stack, _: Mode, proto: Proto) {
    let admin = format!("http://{}/healthz", stack.host().admin());
    let reply = answer(circle(stack, proto, "/reach").header("x-url", &admin)).await;
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    // Opened is what was named, also for a redirect of an open server.
    let metadata = "http://169.254.169.254/latest/meta-data/";
    let away = stack.at(Mode::Lazy, "/away").replace("127.0.0.1", "localhost");
    for url in [metadata, &away] {
        let request = circle(stack, proto, "/reach").header("x-url", url).header("x-to", metadata);
        let reply = answer(request).await;
        assert_eq!(reply.status, 599, "{url}: {}", reply.short_text());
        let text = reply.text();
        assert!(text.starts_with("TypeError: connect to 169.254.169.254:80 failed"), "{text}");
    }
}

async fn loops_end_with_1019(stack: &Stack, _: Mode, proto: Proto) {
    let id = format!("circle-{}", unique_id());
    let reply = answer(circle(stack, proto, "/round").header("x-request-id", &id)).await;
    assert_page(&reply, 508, "1019", false);
    assert_eq!(reply.header("x-rounds"), Some((DEPTH + 1).to_string().as_str()));
    let line = stack
        .host()
        .wait_for_log(Duration::from_secs(5), |line| {
            line["outcome"] == "loopDetected" && line["worker"] == "circle"
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(line["status"], 508);
}

/// Four subrequests of each invocation would be four thousand million at the last level.
async fn loops_that_branch_end_too(stack: &Stack, _: Mode, proto: Proto) {
    let path = format!("/branch?tree={}", unique_id());
    let reply = answer(circle(stack, proto, &path)).await;
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    let invocations: usize = reply.text().parse().expect("a number");
    assert!(invocations > DEPTH, "{invocations}");
    assert!(invocations <= (BRANCHES + 1) * (DEPTH + 1), "{invocations}");
    stack
        .host()
        .wait_for_log(Duration::from_secs(5), |line| {
            line["outcome"] == "loopDetected"
                && line["error"].as_str().is_some_and(|text| text.contains("max_branches"))
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

async fn the_loop_header_is_the_hosts_own(stack: &Stack, mode: Mode, proto: Proto) {
    let with = |handler: &str, value: &str| {
        lab(stack, mode, proto, "GET", "/seen", handler).header("nano-loop", value)
    };
    // Hidden from the Worker, kept for the upstream, whatever the Worker sets.
    let seen = json(&answer(with("seenHeaders", "3")).await);
    assert!(seen.get("nano-loop").is_none() && seen.get("x-do").is_some(), "{seen}");
    for handler in ["pass", "forgedContinuation"] {
        let seen = json(&answer(with(handler, "3")).await);
        assert_eq!(seen["headers"]["nano-loop"], "3", "{handler}: {seen}");
    }
    let seen = json(&answer(with("forgedSubrequest", "3")).await);
    assert_eq!(seen["headers"]["nano-loop"], "4/15", "{seen}");
    for (handler, expected) in [("forgedSubrequest", Some("1/15")), ("forgedContinuation", None)] {
        let seen = json(&answer(lab(stack, mode, proto, "GET", "/seen", handler)).await);
        assert_eq!(seen["headers"]["nano-loop"].as_str(), expected, "{handler}: {seen}");
    }
    // A client that sends it has its own request refused, and nobody else's.
    for value in ["17", "999999999999", "x", "3, 17", "3/-1", "3/7/7"] {
        assert_page(&answer(with("hello", value)).await, 508, "1019", false);
    }
    assert_eq!(answer(with("hello", "16")).await.status, 200);
    assert_eq!(answer(lab(stack, mode, proto, "GET", "/seen", "hello")).await.status, 200);
}

//! 10,000 requests over 64 connections through an example: no error, no stream left behind,
//! steady memory.

use std::sync::Arc;

use nano_tests::runner::Theme;
use nano_tests::stack::{self, Stack, StackOptions};
use nano_tests::{cases, host, load};

use crate::limits::no_stream_is_left;

pub fn theme() -> Theme {
    Theme {
        name: "load",
        stack: Box::new(|| {
            Stack::start(&StackOptions::example(&stack::root().join("examples/header-rewrite"))?)
        }),
        cases: cases![ten_thousand_requests, messages_run_where_they_arrive],
        serial: true,
    }
}

/// Rounds of which one must be steady, after a first that is not looked at.
const ROUNDS: u32 = 15;

/// What caches and heap of an isolate may grow by until then, in MB: the young generation's room
/// (24 MB), twice.
const GROWTH_MAX_MB: f64 = 48.0;

/// Growth in one round that counts, in MB: 200 bytes for each request.
const LEAK_MB: f64 = 2.0;

async fn ten_thousand_requests(stack: Arc<Stack>) {
    let round = |requests| {
        let url = format!("{}/about", stack.url());
        async move {
            load::run(&url, &[], 64, requests, |head, body| {
                head.status == 200
                    && head.headers.get("x-content-type-options").is_some()
                    && head.headers.get("x-powered-by").is_none()
                    && body.windows(5).any(|window| window == b"About")
            })
            .await
            .unwrap_or_else(|error| panic!("{error}"))
        }
    };
    let resident = || stack.host().resident_bytes().unwrap_or_else(|error| panic!("{error}"));
    // Caches, connection pools and the heap grow to their size first, and the heap also grows between
    // its collections. What leaks grows in every round, however many there are.
    round(10_000).await;
    let mut grown = Vec::new();
    let mut rate = 0.0_f64;
    for _ in 0..ROUNDS {
        let before = resident();
        let load = round(10_000).await;
        grown.push((resident() as f64 - before as f64) / 1e6);
        rate = rate.max(f64::from(load.requests) / load.elapsed.as_secs_f64());
        if grown.last().is_some_and(|megabytes| *megabytes < LEAK_MB) {
            break;
        }
    }
    assert!(
        grown.last().is_some_and(|megabytes| *megabytes < LEAK_MB),
        "memory grew in every round of 10,000 requests, by {grown:.1?} MB"
    );
    let all: f64 = grown.iter().sum();
    let metrics = stack.host().metrics().await.unwrap_or_else(|error| panic!("{error}"));
    let isolates = metrics.sum("nano_isolates", &[]).expect("the gauge");
    assert!(
        all < GROWTH_MAX_MB * isolates,
        "memory grew by {all:.1} MB before it was steady: {grown:.1?}"
    );

    no_stream_is_left(&stack).await;
    println!("            {rate:.0} requests/s, memory {grown:+.1?} MB");
}

/// A message's JavaScript runs on the thread where it arrived when nobody else is in the isolate.
async fn messages_run_where_they_arrive(stack: Arc<Stack>) {
    let before = messages(&stack).await;
    let url = format!("{}/about", stack.url());
    load::run(&url, &[], 1, 500, |head, _| head.status == 200)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let after = messages(&stack).await;
    let (inline, all) = (after.0 - before.0, after.1 - before.1);
    assert!(all >= 1000.0, "{all} messages for 500 requests");
    // A stream's end can meet the next request.
    assert!(inline / all > 0.9, "{inline} of {all} messages ran on the thread where they arrived");
}

/// Messages to isolates so far: those that ran inline, and all.
async fn messages(stack: &Stack) -> (f64, f64) {
    let metrics = stack.host().metrics().await.unwrap_or_else(|error| panic!("{error}"));
    let count = |labels: &[&str]| metrics.sum(host::ISOLATE_MESSAGES, labels).expect("the counter");
    (count(&["ran=\"inline\""]), count(&[]))
}

//! 10,000 requests over 64 connections through an example: no error, no stream left behind,
//! steady memory.

use std::sync::Arc;

use nano_tests::runner::Theme;
use nano_tests::stack::{self, Stack, StackOptions};
use nano_tests::{cases, load};

use crate::limits::no_stream_is_left;

pub fn theme() -> Theme {
    Theme {
        name: "load",
        stack: Box::new(|| {
            Stack::start(&StackOptions::example(&stack::root().join("examples/header-rewrite"))?)
        }),
        cases: cases![ten_thousand_requests],
        serial: true,
    }
}

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
    // Caches, connection pools and the heap grow to their size first.
    round(10_000).await;
    let before = stack.host().resident_bytes().unwrap_or_else(|error| panic!("{error}"));
    let load = round(10_000).await;
    let after = stack.host().resident_bytes().unwrap_or_else(|error| panic!("{error}"));
    let grown = after.saturating_sub(before);
    assert!(grown < 24_000_000, "memory grew by {grown} bytes in {} requests", load.requests);

    no_stream_is_left(&stack).await;
    println!(
        "            {:.0} requests/s, memory {:+.1} MB",
        f64::from(load.requests) / load.elapsed.as_secs_f64(),
        (after as f64 - before as f64) / 1e6
    );
}

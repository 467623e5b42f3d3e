//! A Worker of many modules: each kind that wrangler's rules know is what Workers make of it.

use std::sync::Arc;

use nano_tests::cases;
use nano_tests::client::{Proto, Request};
use nano_tests::listeners::Mode;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;
use serde_json::json;

use crate::common::answer;

pub fn cases() -> Vec<Case> {
    cases![modules_are_what_wrangler_makes_of_them]
}

async fn modules_are_what_wrangler_makes_of_them(stack: Arc<Stack>) {
    let request = Request::new(Proto::H1, "GET", &stack.at(Mode::Lazy, "/"));
    let reply = answer(request.header("x-test-worker", "modules")).await;
    let mut seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
    let missing = seen["missing"].take();
    let missing = missing.as_str().expect("a text");
    assert!(missing.contains("missing.js"), "{missing}");
    let url = |key: &str| seen[key].as_str().map(str::to_owned).expect("a URL");
    let (main, late) = (url("url"), url("late"));
    assert!(main.ends_with("/src/index.ts"), "{main}");
    assert!(late.ends_with("/src/parts/late.ts"), "{late}");
    assert_eq!(
        seen,
        json!({
            "page": "<p>page</p>",
            "text": "a text with ü",
            "data": 2,
            "bytes": [true, 0, 1, 255],
            "wasm": [true, 42],
            "joined": "a-b",
            "late": late,
            "missing": null,
            "url": main,
        })
    );
}

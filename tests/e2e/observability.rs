//! In observability mode a Worker watches: it runs, and nothing it does reaches the client.

use std::time::Duration;

use nano_tests::client::Proto;
use nano_tests::listeners::Mode;
use nano_tests::pattern;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{answer, assert_same, lab, unique_id};
use crate::matrix;

pub fn cases() -> Vec<Case> {
    matrix!([Mode::Observability]; watches_only, may_work_afterwards)
}

async fn watches_only(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "short", "responseHeaders", "flipBoth", "throws", "replace", "never"] {
        let reply = answer(lab(stack, mode, proto, "GET", "/bytes/100000", handler)).await;
        assert_eq!(reply.status, 200, "{handler}");
        assert_eq!(reply.header("x-lab"), None, "{handler}");
        assert_same(&reply.body, &pattern::bytes(0, 100_000));
    }
}

async fn may_work_afterwards(stack: &Stack, mode: Mode, proto: Proto) {
    let id = unique_id();
    let request = lab(stack, mode, proto, "GET", "/bytes/10", "waitUntil").header("x-test-id", &id);
    assert_eq!(answer(request).await.body.len(), 10);
    stack
        .origin()
        .wait_for(&id, Duration::from_secs(5), |record| record.path == "/afterwards")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

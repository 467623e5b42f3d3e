//! A client that hangs up, in each phase: the origin hears of it, the host lets go of everything.

use std::time::Duration;

use nano_tests::client::Proto;
use nano_tests::listeners::Mode;
use nano_tests::origin::{Record, Upload};
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{answer, lab, unique_id};
use crate::matrix;

pub fn cases() -> Vec<Case> {
    matrix!(
        [Mode::Lazy, Mode::Streamed, Mode::FullDuplex];
        while_the_handler_works,
        while_uploading,
        while_the_upstream_works,
        while_downloading,
        is_told_to_the_handler,
    )
}

const LIMIT: Duration = Duration::from_secs(10);

async fn wait(stack: &Stack, id: &str, wanted: impl Fn(&Record) -> bool) {
    stack.origin().wait_for(id, LIMIT, wanted).await.unwrap_or_else(|error| panic!("{error}"));
}

/// The stack serves on.
async fn assert_well(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = answer(lab(stack, mode, proto, "GET", "/bytes/1000", "responseHeaders")).await;
    assert_eq!(reply.status, 200);
}

async fn while_the_handler_works(stack: &Stack, mode: Mode, proto: Proto) {
    let request = lab(stack, mode, proto, "GET", "/x", "slowSubrequest");
    let early = tokio::time::timeout(Duration::from_millis(200), request.send()).await;
    assert!(early.is_err(), "the handler was to be slow");
    assert_well(stack, mode, proto).await;
}

async fn while_uploading(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "responseHeaders", "flipRequest", "flipBoth"] {
        let id = unique_id();
        let (request, sender) = lab(stack, mode, proto, "POST", "/discard", handler)
            .header("x-test-id", &id)
            .streamed();
        let sending = tokio::spawn(request.send());
        sender.send(vec![1; 50_000]).await.unwrap_or_else(|error| panic!("{error}"));
        wait(stack, &id, |record| record.body_bytes > 0).await;
        sending.abort();
        drop(sending.await);
        wait(stack, &id, |record| record.upload == Upload::Broken).await;
        // Not before: without its sender a body that is still being sent would end well.
        drop(sender);
    }
    assert_well(stack, mode, proto).await;
}

async fn while_the_upstream_works(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "responseHeaders"] {
        let request = lab(stack, mode, proto, "GET", "/hang", handler);
        let early = tokio::time::timeout(Duration::from_millis(200), request.send()).await;
        assert!(early.is_err(), "the upstream was to hang");
    }
    assert_well(stack, mode, proto).await;
}

async fn while_downloading(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "responseHeaders", "flipResponse"] {
        let id = unique_id();
        let request =
            lab(stack, mode, proto, "GET", "/bytes/100000000", handler).header("x-test-id", &id);
        let mut opened = request.open().await.unwrap_or_else(|error| panic!("{error}"));
        drop(opened.next().await);
        drop(opened);
        wait(stack, &id, |record| record.abandoned).await;
    }
    assert_well(stack, mode, proto).await;
}

/// `request.signal` is aborted.
async fn is_told_to_the_handler(stack: &Stack, mode: Mode, proto: Proto) {
    let id = unique_id();
    let request = lab(stack, mode, proto, "GET", "/x", "watched").header("x-test-id", &id);
    let early = tokio::time::timeout(Duration::from_millis(300), request.send()).await;
    assert!(early.is_err(), "the handler was to be slow");
    wait(stack, &id, |record| record.path == "/left").await;
}

//! Connections of a Worker's own: `WebSockets`, event streams, and what it keeps in the cache.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nano_tests::client::{Proto, Reply, Request};
use nano_tests::listeners::Mode;

use nano_tests::process::{children, signal};
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{Setup, Stack, StackOptions};

use crate::common::{answer, unique_id, worker};
use crate::matrix;

/// How long a killed engine may take to be replaced on a busy machine.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// A cache whose process is killed.
pub fn restarting() -> Theme {
    let settings = toml::toml! {
        [worker.net.vars]
        ORIGIN = "{origin}"
        [worker.net.egress]
        allow = ["127.0.0.0/8"]
        [cache]
        directory = "../cache"
    };
    let options = StackOptions {
        settings,
        ..StackOptions::new(Setup::Modes(vec![Mode::Lazy]), vec![worker("net")])
    };
    Theme {
        name: "net_restart",
        stack: Box::new(move || Stack::start(&options)),
        cases: vec![Case::new(
            "what_is_in_files_outlives_the_process",
            |stack: Arc<Stack>| async move { what_is_in_files_outlives_the_process(&stack).await },
        )],
        serial: true,
    }
}

async fn what_is_in_files_outlives_the_process(stack: &Stack) {
    let key = unique_id();
    let at = |what: &str| format!("/{what}?key={key}");
    assert_eq!(text(stack, Proto::H1, &at("put")).await, "put");
    let before = answer(net(stack, Proto::H1, &at("match"))).await;
    let engine = children(stack.host().process().id());
    for engine in engine {
        signal(engine, "KILL").unwrap_or_else(|error| panic!("{error}"));
    }
    let killed = Instant::now();
    loop {
        let asked = net(stack, Proto::H1, &at("match")).send().await;
        if let Ok(after) = asked
            && after.status == 200
        {
            assert_eq!(after.body, before.body);
            return assert_eq!(after.header("cf-cache-status"), Some("HIT"));
        }
        assert!(killed.elapsed() < BACK_WITHIN, "the entry did not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn cases() -> Vec<Case> {
    matrix!(
        [Mode::Lazy];
        a_worker_is_a_websocket_client,
        a_websocket_that_fails_says_why,
        a_worker_can_not_answer_with_a_websocket,
        two_ends_in_one_worker_and_an_event_stream,
        the_cache_answers_ranges_and_conditions,
        what_may_not_be_kept_is_not,
    )
}

fn net(stack: &Stack, proto: Proto, path: &str) -> Request {
    Request::new(proto, "GET", &stack.at(Mode::Lazy, path)).header("x-test-worker", "net")
}

async fn text(stack: &Stack, proto: Proto, path: &str) -> String {
    let reply = answer(net(stack, proto, path)).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.short_text());
    reply.text().clone()
}

fn json(reply: &Reply) -> serde_json::Value {
    reply.json().unwrap_or_else(|error| panic!("{error}"))
}

async fn a_worker_is_a_websocket_client(stack: &Stack, _: Mode, proto: Proto) {
    let told = json(&answer(net(stack, proto, "/socket")).await);
    assert_eq!(told["seen"], serde_json::json!(["open", 5, 200_000, "0,1,2,255"]), "{told}");
    assert_eq!((&told["code"], &told["wasClean"]), (&1000.into(), &true.into()), "{told}");
    assert_eq!(told["left"], 0, "{told}");
    assert_eq!(text(stack, proto, "/upgrade").await, "101 hello");
}

async fn a_websocket_that_fails_says_why(stack: &Stack, _: Mode, proto: Proto) {
    let origin = stack.origin().address();
    for (to, expected) in [
        ("ws://169.254.169.254/".to_owned(), "[egress]".to_owned()),
        ("ws://127.0.0.1:1/".to_owned(), "connection refused".to_owned()),
        (format!("ws://{origin}/redirect?to=/ws"), "status 302".to_owned()),
        (format!("ws://{origin}/text/10"), "status 200".to_owned()),
        (format!("ws://{origin}/reset"), "127.0.0.1".to_owned()),
    ] {
        let told = json(&answer(net(stack, proto, &format!("/socket?to={to}"))).await);
        let seen = told["seen"].to_string();
        assert!(seen.contains("error: ") && seen.contains(&expected), "{to}: {told}");
        assert_eq!((&told["code"], &told["wasClean"]), (&1006.into(), &false.into()), "{to}");
    }
}

async fn a_worker_can_not_answer_with_a_websocket(stack: &Stack, _: Mode, proto: Proto) {
    let reply = answer(net(stack, proto, "/answer")).await;
    assert_eq!(reply.status, 599);
    assert!(reply.text().contains("Return fetch(request) to pass an upgrade"), "{}", reply.text());
}

async fn two_ends_in_one_worker_and_an_event_stream(stack: &Stack, _: Mode, proto: Proto) {
    assert_eq!(text(stack, proto, "/pair").await, "hello! 4000 done");
    let told = json(&answer(net(stack, proto, "/events")).await);
    assert_eq!(told, serde_json::json!({ "data": "one\ntwo", "lastEventId": "7" }));
}

async fn the_cache_answers_ranges_and_conditions(stack: &Stack, _: Mode, proto: Proto) {
    let key = unique_id();
    let at = |what: &str| format!("/{what}?key={key}");
    assert_eq!(answer(net(stack, proto, &at("match"))).await.status, 404);
    assert_eq!(text(stack, proto, &at("put")).await, "put");
    let whole = answer(net(stack, proto, &at("match"))).await;
    assert_eq!((whole.status, whole.body.len()), (200, 300_000));
    assert_eq!(whole.header("cf-cache-status"), Some("HIT"));
    assert!(whole.header("age").is_some());
    let part = answer(net(stack, proto, &at("match")).header("range", "bytes=100000-199999")).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.header("content-range"), Some("bytes 100000-199999/300000"));
    assert_eq!(part.body, whole.body[100_000..200_000]);
    let none = answer(net(stack, proto, &at("match")).header("range", "bytes=300000-")).await;
    assert_eq!((none.status, none.header("content-range")), (416, Some("bytes */300000")));
    let current = answer(net(stack, proto, &at("match")).header("if-none-match", "\"v1\"")).await;
    assert_eq!((current.status, current.body.len()), (304, 0));
    assert_eq!(text(stack, proto, &at("delete")).await, "true");
    assert_eq!(text(stack, proto, &at("delete")).await, "false");
    assert_eq!(answer(net(stack, proto, &at("match"))).await.status, 404);
}

async fn what_may_not_be_kept_is_not(stack: &Stack, _: Mode, proto: Proto) {
    for control in ["no-store", "private", "max-age=0"] {
        let key = unique_id();
        assert_eq!(text(stack, proto, &format!("/put?key={key}&control={control}")).await, "put");
        let reply = answer(net(stack, proto, &format!("/match?key={key}"))).await;
        assert_eq!(reply.status, 404, "{control}");
    }
}

//! What a handler means: every way to continue, answer, replace and change an exchange, in every
//! body mode, over both HTTP versions.

use nano_tests::client::Proto;
use nano_tests::listeners::Mode;
use nano_tests::pattern;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;
use serde_json::Value;

use crate::common::{answer, assert_same, counting, flipped, lab, unique_id};
use crate::matrix;

pub fn cases() -> Vec<Case> {
    matrix!(
        Mode::WITH_BODIES;
        passes_untouched,
        changes_response_headers,
        changes_status,
        changes_request_head,
        changes_method,
        continues_by_url,
        chooses_the_route_again,
        sees_upstream_statuses,
        handles_null_body_statuses,
        handles_head_requests,
        short_circuits,
        short_circuits_before_a_body,
        short_circuits_with_a_stream,
        replaces_the_response,
        reads_the_request,
        reads_then_continues,
        replaces_the_request_body,
        drops_the_request_body,
        adds_a_request_body,
        reads_the_response,
        clones_the_response,
        flips_both_bodies,
        fetches_twice,
        makes_subrequests,
        works_after_the_response,
    )
}

/// Modes in which Envoy gives no body before it has its reply to the head: reading first is an
/// error that says which setting helps.
fn gives_no_body_first(mode: Mode) -> bool {
    matches!(mode, Mode::Streamed)
}

/// The error of a Worker that reads a body too early in such a mode.
fn assert_names_the_setting(reply: &nano_tests::client::Reply) {
    assert_eq!(reply.status, 599, "{}", reply.short_text());
    let text = reply.text();
    assert!(text.contains("allow_mode_override") && text.contains("body_mode"), "{text}");
}

fn echoed(reply: &nano_tests::client::Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    reply.json().unwrap_or_else(|error| panic!("{error}"))
}

async fn passes_untouched(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "awaited"] {
        let request = lab(stack, mode, proto, "POST", "/some/path?q=1&q=2", handler)
            .header("x-repeated", "one")
            .header("x-repeated", "two")
            .body("payload");
        let seen = echoed(&answer(request).await);
        assert_eq!(seen["method"], "POST");
        assert_eq!(seen["path"], "/some/path?q=1&q=2");
        assert_eq!(seen["body"], "payload");
        assert_eq!(seen["headers"]["x-do"], handler);
        assert_eq!(
            seen["headers"]["x-repeated"].as_str().map(|v| v.replace(", ", ",")).as_deref(),
            Some("one,two")
        );
        if mode == Mode::Lazy {
            assert_eq!(seen["headers"]["content-length"], "7");
        }
    }
}

async fn changes_response_headers(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = answer(lab(stack, mode, proto, "GET", "/headers", "responseHeaders")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-lab"), Some("added"));
    assert_eq!(reply.headers_named("x-origin"), ["changed"]);
    assert_eq!(reply.header("server-secret"), None);
    let cookies = ["a=1; Path=/", "b=2; Path=/", "c=3; Path=/"];
    assert_eq!(reply.headers_named("set-cookie"), cookies);
    assert_eq!(reply.header("x-seen-cookies"), Some("2"));
    assert_eq!(reply.text(), "headers\n");
    if mode == Mode::Lazy {
        assert_eq!(reply.header("content-length"), Some("8"));
    }
}

async fn changes_status(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = answer(lab(stack, mode, proto, "GET", "/headers", "responseStatus")).await;
    assert_eq!(reply.status, 418);
    assert_eq!(reply.header("x-origin"), Some("demo"));
    assert_eq!(reply.text(), "headers\n");
}

async fn changes_request_head(stack: &Stack, mode: Mode, proto: Proto) {
    let request = lab(stack, mode, proto, "POST", "/original", "requestHead")
        .header("x-removed", "1")
        .header("x-list", "one")
        .body("kept body");
    let seen = echoed(&answer(request).await);
    assert_eq!(seen["path"], "/changed?by=lab");
    assert_eq!(seen["headers"]["x-added"], "1");
    assert_eq!(seen["headers"]["x-removed"], Value::Null);
    assert_eq!(seen["headers"]["x-list"], "one, two");
    assert_eq!(seen["body"], "kept body");
}

async fn changes_method(stack: &Stack, mode: Mode, proto: Proto) {
    let request = lab(stack, mode, proto, "POST", "/x", "requestMethod").body("kept body");
    let seen = echoed(&answer(request).await);
    assert_eq!(seen["method"], "PUT");
    assert_eq!(seen["body"], "kept body");
}

async fn continues_by_url(stack: &Stack, mode: Mode, proto: Proto) {
    let request = lab(stack, mode, proto, "GET", "/x", "byUrl").header("x-client", "1");
    let seen = echoed(&answer(request).await);
    assert_eq!(seen["path"], "/by-url");
    assert_eq!(seen["headers"]["x-only"], "this");
    assert_eq!(seen["headers"]["x-client"], Value::Null);
}

async fn chooses_the_route_again(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = answer(lab(stack, mode, proto, "GET", "/x", "otherCluster")).await;
    assert_eq!(reply.header("x-cluster"), Some("other"));
    let reply = answer(lab(stack, mode, proto, "GET", "/x", "pass")).await;
    assert_eq!(reply.header("x-cluster"), None);
}

async fn sees_upstream_statuses(stack: &Stack, mode: Mode, proto: Proto) {
    for status in [200, 301, 404, 500, 503] {
        let path = format!("/status/{status}");
        let reply = answer(lab(stack, mode, proto, "GET", &path, "pass")).await;
        assert_eq!(reply.status, status);
        let reply = answer(lab(stack, mode, proto, "GET", &path, "upstreamStatus")).await;
        assert_eq!(reply.text(), format!("the upstream said {status}"));
    }
}

async fn handles_null_body_statuses(stack: &Stack, mode: Mode, proto: Proto) {
    for status in [204, 304] {
        for handler in ["pass", "awaited", "responseHeaders", "flipResponse"] {
            let path = format!("/status/{status}");
            let reply = answer(lab(stack, mode, proto, "GET", &path, handler)).await;
            assert_eq!((reply.status, reply.body.len()), (status, 0), "{handler}");
        }
    }
}

async fn handles_head_requests(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "responseHeaders", "short"] {
        let reply = answer(lab(stack, mode, proto, "HEAD", "/headers", handler)).await;
        assert_eq!(reply.body.len(), 0, "{handler}");
        assert_eq!(reply.status, if handler == "short" { 201 } else { 200 });
    }
}

async fn short_circuits(stack: &Stack, mode: Mode, proto: Proto) {
    for (handler, text) in [("short", "short circuit"), ("shortLater", "later")] {
        let id = unique_id();
        let request = lab(stack, mode, proto, "GET", "/x", handler).header("x-test-id", &id);
        let reply = answer(request).await;
        assert_eq!(reply.status, 201);
        assert_eq!(reply.headers_named("content-type"), ["text/x-lab"]);
        assert_eq!(reply.headers_named("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(reply.text(), text);
        assert!(stack.origin().records(&id).is_empty(), "the origin was asked");
    }
    let reply = answer(lab(stack, mode, proto, "GET", "/x", "shortEmpty")).await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    assert_eq!(reply.header("x-lab"), Some("empty"));
}

/// A body that nobody will read is on its way while the Worker answers.
async fn short_circuits_before_a_body(stack: &Stack, mode: Mode, proto: Proto) {
    let id = unique_id();
    let request = lab(stack, mode, proto, "POST", "/x", "short")
        .header("x-test-id", &id)
        .body(pattern::bytes(0, 200_000));
    let reply = answer(request).await;
    assert_eq!((reply.status, reply.text().as_str()), (201, "short circuit"));
    assert!(stack.origin().records(&id).is_empty(), "the origin was asked");
}

async fn short_circuits_with_a_stream(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = answer(lab(stack, mode, proto, "GET", "/x", "shortStream")).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.headers_named("set-cookie"), ["a=1", "b=2"]);
    assert_same(&reply.body, &counting(300_000));
}

async fn replaces_the_response(stack: &Stack, mode: Mode, proto: Proto) {
    for path in ["/bytes/100000", "/status/204"] {
        let id = unique_id();
        let ask = |handler| lab(stack, mode, proto, "GET", path, handler).header("x-test-id", &id);
        let reply = answer(ask("replace")).await;
        assert_eq!((reply.status, reply.text().as_str()), (201, "replaced"), "{path}");
        assert_eq!(reply.headers_named("content-type"), ["text/x-lab"]);
        assert_eq!(reply.headers_named("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(reply.header("x-sha256"), None, "a header of the upstream is left");
        assert_eq!(stack.origin().records(&id).len(), 1);

        let reply = answer(ask("replaceEmpty")).await;
        assert_eq!((reply.status, reply.body.len()), (204, 0), "{path}");
        assert_eq!(reply.header("x-lab"), Some("empty"));

        let reply = answer(ask("replaceStream")).await;
        assert_eq!(reply.status, 201, "{path}");
        assert_same(&reply.body, &counting(300_000));
    }
}

async fn reads_the_request(stack: &Stack, mode: Mode, proto: Proto) {
    let body = pattern::bytes(0, 100_000);
    let request = lab(stack, mode, proto, "POST", "/x", "readRequest")
        .header("x-catch", "1")
        .body(body.clone());
    let reply = answer(request).await;
    if gives_no_body_first(mode) {
        return assert_names_the_setting(&reply);
    }
    let read = echoed(&reply);
    assert_eq!(read["bytes"], 100_000);
    assert_eq!(read["sha256"], pattern::sha256(&body));
}

async fn reads_then_continues(stack: &Stack, mode: Mode, proto: Proto) {
    let body = pattern::bytes(0, 100_000);
    let request = lab(stack, mode, proto, "POST", "/discard", "readThenContinue")
        .header("x-catch", "1")
        .body(body.clone());
    let reply = answer(request).await;
    if gives_no_body_first(mode) {
        return assert_names_the_setting(&reply);
    }
    let seen = echoed(&reply);
    assert_eq!(seen["body_bytes"], 100_000);
    assert_eq!(seen["body_sha256"], pattern::sha256(&body));

    let request = lab(stack, mode, proto, "POST", "/x", "readThenDouble").body("twice ");
    let seen = echoed(&answer(request).await);
    assert_eq!(seen["body"], "twice twice ");
    if mode == Mode::Lazy {
        assert_eq!(seen["headers"]["content-length"], "12");
    }
}

async fn replaces_the_request_body(stack: &Stack, mode: Mode, proto: Proto) {
    let ask = |handler| {
        lab(stack, mode, proto, "POST", "/discard", handler).body(pattern::bytes(0, 100_000))
    };
    let seen = echoed(&answer(ask("replaceRequestBody")).await);
    assert_eq!(seen["body_sha256"], pattern::sha256(b"another body"));
    let seen = echoed(&answer(ask("streamRequestBody")).await);
    assert_eq!(seen["body_bytes"], 300_000);
    assert_eq!(seen["body_sha256"], pattern::sha256(&counting(300_000)));
}

async fn drops_the_request_body(stack: &Stack, mode: Mode, proto: Proto) {
    let request =
        lab(stack, mode, proto, "POST", "/x", "dropRequestBody").body(pattern::bytes(0, 100_000));
    let seen = echoed(&answer(request).await);
    assert_eq!(seen["method"], "GET");
    assert_eq!(seen["headers"]["x-dropped"], "1");
    assert_eq!(seen["body_bytes"], 0);
}

async fn adds_a_request_body(stack: &Stack, mode: Mode, proto: Proto) {
    let seen = echoed(&answer(lab(stack, mode, proto, "GET", "/x", "addRequestBody")).await);
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["body"], "added");
    assert_eq!(seen["headers"]["content-type"], "text/x-lab");
}

async fn reads_the_response(stack: &Stack, mode: Mode, proto: Proto) {
    for path in ["/bytes/100000", "/bytes/100000?chunked=1", "/bytes/0", "/status/204"] {
        let request = lab(stack, mode, proto, "GET", path, "readResponse").header("x-catch", "1");
        let reply = answer(request).await;
        let bytes = if path.contains("100000") { 100_000 } else { 0 };
        if gives_no_body_first(mode) && bytes > 0 {
            assert_names_the_setting(&reply);
            continue;
        }
        // An empty body may be known to be empty from the head alone.
        if gives_no_body_first(mode) && reply.status == 599 {
            assert_names_the_setting(&reply);
            continue;
        }
        let read = echoed(&reply);
        assert_eq!(read["bytes"], bytes, "{path}");
        assert_eq!(read["sha256"], pattern::sha256(&pattern::bytes(0, bytes)), "{path}");
    }
}

async fn clones_the_response(stack: &Stack, mode: Mode, proto: Proto) {
    let request =
        lab(stack, mode, proto, "GET", "/text/50000", "cloneResponse").header("x-catch", "1");
    let reply = answer(request).await;
    if gives_no_body_first(mode) {
        return assert_names_the_setting(&reply);
    }
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    assert_eq!(reply.header("x-length"), Some("50000"));
    assert_same(&reply.body, pattern::text(50_000).as_bytes());
}

async fn flips_both_bodies(stack: &Stack, mode: Mode, proto: Proto) {
    let body = pattern::bytes(0, 100_000);
    let request = lab(stack, mode, proto, "POST", "/mirror", "flipBoth").body(body.clone());
    let reply = answer(request).await;
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    // Turned over twice.
    assert_same(&reply.body, &body);

    let request = lab(stack, mode, proto, "POST", "/discard", "flipRequest").body(body.clone());
    let seen = echoed(&answer(request).await);
    assert_eq!(seen["body_sha256"], pattern::sha256(&flipped(&body)));
}

async fn fetches_twice(stack: &Stack, mode: Mode, proto: Proto) {
    let id = unique_id();
    let request = lab(stack, mode, proto, "GET", "/first", "secondFetch").header("x-test-id", &id);
    let seen = echoed(&answer(request).await);
    assert_eq!(seen["first"], 200);
    assert_eq!(seen["second"]["path"], "/second");
    let paths: Vec<_> = stack.origin().records(&id).into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/first", "/second"]);
}

async fn makes_subrequests(stack: &Stack, mode: Mode, proto: Proto) {
    let seen = echoed(&answer(lab(stack, mode, proto, "GET", "/x", "subrequest")).await);
    assert_eq!(seen["bytes"], 100_000);
    let reply = answer(lab(stack, mode, proto, "GET", "/x", "proxied")).await;
    assert_eq!(reply.status, 200);
    assert_same(&reply.body, &pattern::bytes(0, 1_000_000));
}

async fn works_after_the_response(stack: &Stack, mode: Mode, proto: Proto) {
    let id = unique_id();
    let request = lab(stack, mode, proto, "GET", "/x", "waitUntil").header("x-test-id", &id);
    assert_eq!(answer(request).await.text(), "already");
    let limit = std::time::Duration::from_secs(5);
    stack
        .origin()
        .wait_for(&id, limit, |record| record.path == "/afterwards")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

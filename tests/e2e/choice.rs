//! Which Worker handles a request, and what happens when there is none or it can't run.

use nano_tests::client::{Proto, Reply, Request};
use nano_tests::listeners::Mode;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{answer, lab};
use crate::matrix;

pub fn cases() -> Vec<Case> {
    let mut cases = matrix!(
        [Mode::Lazy];
        filter_state_comes_first,
        route_metadata_comes_second,
        initial_metadata_comes_third,
        routes_come_last,
        facts_are_known,
        metadata_reaches_envoy,
    );
    cases.extend(matrix!(
        Mode::WITH_BODIES;
        no_worker_is_untouched,
        missing_worker_fails_as_configured,
        unreachable_host_fails_as_configured,
    ));
    cases
}

fn ask(stack: &Stack, proto: Proto, host: &str, path: &str) -> Request {
    Request::new(proto, "GET", &stack.at(Mode::Lazy, path)).host(host)
}

async fn filter_state_comes_first(stack: &Stack, _: Mode, proto: Proto) {
    // The route names whoami-b.
    let request = ask(stack, proto, "pinned.test", "/").header("x-test-state", "whoami-a");
    assert_eq!(answer(request).await.text(), "whoami-a");
}

async fn route_metadata_comes_second(stack: &Stack, _: Mode, proto: Proto) {
    let request = ask(stack, proto, "pinned.test", "/").header("x-test-worker", "whoami-a");
    assert_eq!(answer(request).await.text(), "whoami-b");
}

async fn initial_metadata_comes_third(stack: &Stack, _: Mode, proto: Proto) {
    let request = ask(stack, proto, "routed.test", "/").header("x-test-worker", "whoami-a");
    assert_eq!(answer(request).await.text(), "whoami-a");
}

/// The most specific pattern wins.
async fn routes_come_last(stack: &Stack, _: Mode, proto: Proto) {
    for (host, path, worker) in [
        ("routed.test", "/", "routed"),
        ("routed.test", "/any/thing", "routed"),
        ("routed.test", "/special/offer", "whoami-b"),
        ("a.wild.test", "/deep/down", "routed"),
    ] {
        let reply = answer(ask(stack, proto, host, path)).await;
        assert_eq!(reply.text(), worker, "{host}{path}");
    }
    for (host, path) in [("other.test", "/"), ("a.wild.test", "/shallow")] {
        assert_untouched(&answer(ask(stack, proto, host, path)).await, path);
    }
}

#[track_caller]
fn assert_untouched(reply: &Reply, path: &str) {
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    if path != "/" {
        let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(seen["path"], path);
    }
}

async fn no_worker_is_untouched(stack: &Stack, mode: Mode, proto: Proto) {
    let request = Request::new(proto, "POST", &stack.at(mode, "/x")).body("untouched");
    let reply = answer(request).await;
    assert_untouched(&reply, "/x");
    let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seen["body"], "untouched");
}

async fn missing_worker_fails_as_configured(stack: &Stack, mode: Mode, proto: Proto) {
    let ask = |host: &str| {
        Request::new(proto, "POST", &stack.at(mode, "/x")).host(host).body("untouched")
    };
    let reply = answer(ask("missing-open.test")).await;
    assert_untouched(&reply, "/x");
    let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seen["body"], "untouched");
    let reply = answer(ask("missing-closed.test")).await;
    assert_eq!(reply.status, 500);
    assert!(reply.text().contains("There is no such Worker"), "{}", reply.short_text());
}

/// Envoy's own `failure_mode_allow`.
async fn unreachable_host_fails_as_configured(stack: &Stack, mode: Mode, proto: Proto) {
    let ask = |host: &str| Request::new(proto, "GET", &stack.at(mode, "/x")).host(host);
    assert_untouched(&answer(ask("gone-open.test")).await, "/x");
    assert_eq!(answer(ask("gone-closed.test")).await.status, 500);
}

async fn facts_are_known(stack: &Stack, mode: Mode, proto: Proto) {
    let cf = answer(lab(stack, mode, proto, "GET", "/x", "facts")).await;
    let cf = cf.json().unwrap_or_else(|error| panic!("{error}"));
    let address = cf["clientAddress"].as_str().unwrap_or_default();
    assert!(address.starts_with("127.0.0.1"), "{cf}");
    assert_eq!(cf["routeName"], "origin", "{cf}");
    assert_eq!(cf["virtualHostName"], "all", "{cf}");
    assert_eq!(cf["clusterName"], "origin", "{cf}");
    let version = if proto == Proto::H1 { "HTTP/1.1" } else { "HTTP/2" };
    assert_eq!(cf["httpProtocol"], version, "{cf}");
}

async fn metadata_reaches_envoy(stack: &Stack, mode: Mode, proto: Proto) {
    let request = lab(stack, mode, proto, "GET", "/x", "metadata").host("metadata.test");
    assert_eq!(answer(request).await.header("x-metadata"), Some("lab"));
}

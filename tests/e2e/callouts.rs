//! Hosts that offer less than an Envoy of one's own: no `mode_override`, and bodies only in the mode that
//! was configured (Google Cloud's callouts, agentgateway, Istio's older proxies). An Envoy configured
//! like them plays the host; the runtime host is told `mode_override = false`.
//!
//! For each thing that Workers do the table says whether it works there. What does not is refused: the
//! call throws with a text that names the setting, and the client gets the Worker's error.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nano_tests::cases;
use nano_tests::client::{Proto, Reply};
use nano_tests::listeners::Mode;
use nano_tests::pattern;
use nano_tests::runner::Theme;
use nano_tests::stack::{Setup, Stack, StackOptions};

use crate::common::{self, flipped, lab};

pub fn themes() -> Vec<Theme> {
    let stack = || {
        let mut options = StackOptions { setup: Setup::Modes(HOSTS.to_vec()), ..common::options() };
        options.settings.extend(toml::toml! {
            [ext_proc]
            mode_override = false
        });
        Stack::start(&options)
    };
    vec![Theme {
        name: "callouts",
        stack: Box::new(stack),
        cases: cases![each_semantic_works_or_says_why_not],
        serial: true,
    }]
}

/// Heads only; bodies as they come; bodies as they come and go at will.
const HOSTS: [Mode; 3] = [Mode::Fixed, Mode::Streamed, Mode::FullDuplex];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Works,
    /// The handler's call throws, and its text has this.
    Refused(&'static str),
    /// A stream that the handler returned fails: the client gets an error, and the log this text.
    Fails(&'static str),
}

use Then::{Fails, Refused, Works};

/// What the client sees when it works.
type Right = fn(&Reply, &[u8]) -> bool;

struct Semantic {
    what: &'static str,
    handler: &'static str,
    method: &'static str,
    right: Right,
    /// In the order of [`HOSTS`].
    then: [Then; 3],
}

const NO_OVERRIDE: &str = "mode_override";

fn same(reply: &Reply, body: &[u8]) -> bool {
    reply.body[..] == *body
}

fn flips(reply: &Reply, body: &[u8]) -> bool {
    reply.body == flipped(&Bytes::copy_from_slice(body))
}

fn doubled(reply: &Reply, body: &[u8]) -> bool {
    reply.body[..] == [body, body].concat()[..]
}

/// The upload came there as it was sent.
fn arrived(reply: &Reply, body: &[u8]) -> bool {
    reply.json().is_ok_and(|seen| seen["body_sha256"] == pattern::sha256(body))
}

fn arrived_flipped(reply: &Reply, body: &[u8]) -> bool {
    let flipped = flipped(&Bytes::copy_from_slice(body));
    reply.json().is_ok_and(|seen| seen["body_sha256"] == pattern::sha256(&flipped))
}

const SEMANTICS: &[Semantic] = &[
    Semantic {
        what: "pass a request on",
        handler: "pass",
        method: "GET",
        right: same,
        then: [Works, Works, Works],
    },
    Semantic {
        what: "change the response's head",
        handler: "responseHeaders",
        method: "GET",
        right: |reply, body| same(reply, body) && reply.header("x-lab").is_some(),
        then: [Works, Works, Works],
    },
    Semantic {
        what: "answer by itself",
        handler: "short",
        method: "GET",
        right: |reply, _| reply.status == 201 && reply.text() == "short circuit",
        then: [Works, Works, Works],
    },
    Semantic {
        what: "answer by itself with a stream",
        handler: "shortStream",
        method: "GET",
        right: |reply, _| reply.status == 201 && reply.body.len() == 300_000,
        then: [Works, Works, Works],
    },
    Semantic {
        what: "replace the response",
        handler: "replace",
        method: "GET",
        right: |reply, body| reply.status < 300 && !same(reply, body),
        then: [Works, Works, Works],
    },
    Semantic {
        what: "pass an upload on",
        handler: "pass",
        method: "POST",
        right: arrived,
        then: [Works, Works, Works],
    },
    Semantic {
        what: "transform a response's body",
        handler: "flipResponse",
        method: "GET",
        right: flips,
        then: [Fails(NO_OVERRIDE), Works, Works],
    },
    Semantic {
        what: "transform an upload",
        handler: "flipRequest",
        method: "POST",
        right: arrived_flipped,
        then: [Fails(NO_OVERRIDE), Works, Works],
    },
    Semantic {
        what: "read a request's body, then answer with it",
        handler: "readRequest",
        method: "POST",
        right: |reply, _| reply.status == 200,
        then: [Refused(NO_OVERRIDE), Refused("request_body_mode STREAMED"), Works],
    },
    Semantic {
        what: "read a response's body, then answer with more",
        handler: "readThenDoubleResponse",
        method: "GET",
        right: doubled,
        then: [Refused(NO_OVERRIDE), Refused("response_body_mode STREAMED"), Works],
    },
];

async fn each_semantic_works_or_says_why_not(stack: Arc<Stack>) {
    let mut wrong = Vec::new();
    for semantic in SEMANTICS {
        for (host, then) in HOSTS.into_iter().zip(semantic.then) {
            let body = pattern::bytes(0, 100_000);
            let path = if semantic.method == "GET" { "/bytes/100000" } else { "/echo" };
            let request = lab(&stack, host, Proto::H1, semantic.method, path, semantic.handler);
            let request = request.header("x-catch", "1");
            let request =
                if semantic.method == "GET" { request } else { request.body(body.clone()) };
            let reply = request.send().await.unwrap_or_else(|error| panic!("{error}"));
            let right = match then {
                Works => (semantic.right)(&reply, &body),
                Refused(text) => reply.status == 599 && reply.text().contains(text),
                Fails(text) => {
                    let tells = |line: &serde_json::Value| line.to_string().contains(text);
                    let told = stack.host().wait_for_log(Duration::from_secs(5), tells).await;
                    reply.status == 500 && told.is_ok()
                }
            };
            if !right {
                wrong.push(format!(
                    "{} with {}: {} {}, expected {then:?}",
                    semantic.what,
                    host.name(),
                    reply.status,
                    reply.short_text()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

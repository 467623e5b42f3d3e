//! Workers that read responses of any size before they answer, with bodies NONE and overrides: told
//! to the host (`reads_responses`), or found out by it.

use std::sync::Arc;

use nano_tests::client::{Proto, Reply};
use nano_tests::listeners::Mode;
use nano_tests::pattern;
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{Setup, Stack, StackOptions};

use crate::bodies::{assert_does_not_fit, assert_read, reader};
use crate::common::{self, answer, assert_same, flipped, lab};

const LARGE: usize = 10_000_000;

pub fn themes() -> Vec<Theme> {
    vec![
        theme("reading, as told", Some(true), Case::new("every_size", every_size)),
        theme("reading, by a length", None, Case::new("learns", |stack| learns(stack, 0))),
        theme("reading, by a cut body", None, Case::new("learns", |stack| learns(stack, 1))),
    ]
}

fn theme(name: &'static str, reads_responses: Option<bool>, case: Case) -> Theme {
    let stack = move || {
        let mut options =
            StackOptions { setup: Setup::Modes(vec![Mode::Lazy]), ..common::options() };
        let lab = options.settings["worker"]["lab"].as_table_mut().expect("the lab's settings");
        lab.remove("reads_responses");
        lab.extend(reads_responses.map(|value| ("reads_responses".to_owned(), value.into())));
        Stack::start(&options)
    };
    Theme { name, stack: Box::new(stack), cases: vec![case], serial: true }
}

async fn get(stack: &Stack, proto: Proto, path: &str, handler: &str) -> Reply {
    let request = lab(stack, Mode::Lazy, proto, "GET", path, handler);
    answer(request.header("x-catch", "1").header("te", "trailers")).await
}

/// Without a limit, and without harm for handlers that don't read.
async fn every_size(stack: Arc<Stack>) {
    for proto in Proto::BOTH {
        for size in [0, 1, 64 * 1024, LARGE] {
            for chunked in [0, 1] {
                let path = format!("/bytes/{size}?chunked={chunked}");
                let reply = get(&stack, proto, &path, reader(size)).await;
                assert_read(&reply, size);
                for handler in ["pass", "responseHeaders", "flipResponse"] {
                    let reply = get(&stack, proto, &path, handler).await;
                    let body = pattern::bytes(0, size);
                    let flips = handler == "flipResponse";
                    assert_same(&reply.body, &if flips { flipped(&body) } else { body.into() });
                    if chunked == 0 && !flips {
                        let length = size.to_string();
                        assert_eq!(reply.header("content-length"), Some(length.as_str()));
                    }
                }
            }
        }
        let body = pattern::bytes(0, 100_000);
        let reply = get(&stack, proto, "/trailers", "readThenDoubleResponse").await;
        assert_same(&reply.body, &[&body[..], &body[..]].concat());
        let reply = get(&stack, proto, "/trailers", "responseHeaders").await;
        assert_same(&reply.body, &body);
        assert_eq!(reply.trailers.expect("trailers")["x-end"], "yes");
    }
}

/// The first response that Envoy can't hold back fails, and teaches the host; the operator is told.
async fn learns(stack: Arc<Stack>, chunked: u8) {
    let large = format!("/bytes/{LARGE}?chunked={chunked}");
    let small = get(&stack, Proto::H1, "/bytes/1000", reader(1000)).await;
    assert_read(&small, 1000);
    let first = get(&stack, Proto::H1, &large, reader(LARGE)).await;
    assert_does_not_fit(&first, Mode::Lazy);
    every_size(Arc::clone(&stack)).await;
    let lines = stack.host().logs();
    let told = lines.iter().filter(|line| line.to_string().contains("reads_responses = true for"));
    assert_eq!(told.count(), 1, "{}", stack.log_tails(5));
}

//! What a Worker's handler does with an exchange.

use super::driver::{Driver, bundle, respond, text, upstream};
use crate::exchange::{Command, Event, HeaderList, OutBody, Respond, ResponseHead};
use crate::isolate::message::{Effect, Message};
use crate::isolate::{Instance, StartError, platform};
use crate::telemetry::Outcome;
use crate::worker::Settings;

#[test]
fn a_response_of_its_own_is_a_short_circuit() {
    let mut worker = Driver::new(
        "export default { async fetch(request) { return new Response('hi ' + new URL(request.url).pathname, { status: 201 }) } }",
    );
    let commands = worker.start("GET", "/a?b");
    let response = respond(&commands);
    assert_eq!(text(&response.body), "hi /a");
    assert_eq!(response.head.as_ref().map(|h| h.status), Some(201));
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
    assert_eq!(worker.instance.running(), 0);
}

#[test]
fn fetching_the_request_continues_and_the_handler_resumes() {
    let mut worker = Driver::new(
        "export default { async fetch(request) {
            const headers = new Headers(request.headers); headers.set('x-a', '1');
            const r = await fetch(request, { headers });
            const response = new Response(r.body, r); response.headers.set('x-b', String(r.status)); return response;
        } }",
    );
    let commands = worker.start("POST", "/");
    let [Command::Continue(continued)] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!(continued.body, OutBody::AsItCame);
    let head = continued.head.as_ref().expect("headers changed");
    assert_eq!(head.headers.get("x-a").map(AsRef::as_ref), Some(b"1".as_slice()));
    let commands = worker.event(upstream(203));
    let response = respond(&commands);
    assert_eq!(response.body, OutBody::AsItCame);
    let head = response.head.as_ref().expect("headers changed");
    assert_eq!(head.headers.get("x-b").map(AsRef::as_ref), Some(b"203".as_slice()));
    assert_eq!(head.headers.get("content-type").map(AsRef::as_ref), Some(b"text/plain".as_slice()));
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
}

#[test]
fn an_unchanged_response_passes_as_it_is() {
    let mut worker = Driver::new(
        "export default { async fetch(request) { const r = await fetch(request); return r } }",
    );
    let commands = worker.start("GET", "/");
    assert_eq!(
        commands,
        [Command::Continue(crate::exchange::Continue { head: None, body: OutBody::AsItCame })]
    );
    let commands = worker.event(upstream(200));
    assert_eq!(*respond(&commands), Respond { head: None, body: OutBody::AsItCame });
}

#[test]
fn bodies_are_read_lazily_and_streamed() {
    let mut worker = Driver::new(
        "export default { async fetch(request) {
            const r = await fetch(request);
            const upper = new TransformStream({ transform(chunk, c) { c.enqueue(chunk.map(b => b - 32)) } });
            return new Response(r.body.pipeThrough(upper), r);
        } }",
    );
    worker.start("GET", "/");
    let commands = worker.event(upstream(200));
    assert_eq!(respond(&commands).body, OutBody::Stream);
    assert!(commands.contains(&Command::ReadBody(crate::exchange::Side::Response)), "{commands:?}");
    let side = crate::exchange::Side::Response;
    let commands = worker.event(Event::Chunk(side, "abc".into()));
    assert!(commands.contains(&Command::Body(side, "ABC".into())), "{commands:?}");
    let commands = worker.event(Event::End(side));
    assert!(commands.contains(&Command::BodyEnd(side)), "{commands:?}");
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
}

#[test]
fn exceptions_carry_their_place_and_give_a_page_without_it() {
    let mut worker =
        Driver::new("export default {\n  async fetch() {\n    throw new Error('boom');\n  }\n}");
    let commands = worker.start("GET", "/");
    let response = respond(&commands);
    assert_eq!(response.head.as_ref().map(|h| h.status), Some(500));
    assert!(text(&response.body).contains("1101") && !text(&response.body).contains("boom"));
    let (outcome, error) = worker.finished().expect("it is over");
    assert_eq!(outcome, Outcome::Exception);
    let error = error.expect("an error");
    assert!(error.contains("boom") && error.contains("src/index.js:3:11"), "{error}");
    assert!(!error.contains("nano:"), "the host's own files are no use to anybody: {error}");
}

#[test]
fn a_promise_that_never_settles_is_found() {
    let mut worker = Driver::new("export default { fetch() { return new Promise(() => {}) } }");
    let commands = worker.start("GET", "/");
    assert_eq!(respond(&commands).head.as_ref().map(|h| h.status), Some(500));
    assert_eq!(worker.finished().map(|f| f.0), Some(Outcome::Exception));
}

#[test]
fn pass_through_on_exception_gives_the_request_back() {
    let mut worker = Driver::new(
        "export default { fetch(request, env, ctx) { ctx.passThroughOnException(); throw new Error('x') } }",
    );
    assert_eq!(worker.start("POST", "/"), [Command::PassThrough]);
}

#[test]
fn a_worker_that_does_not_compile_is_refused_with_its_place() {
    platform::initialize();
    let refused = |source: &str| match Instance::start(bundle(source, Settings::default())) {
        Err(StartError::Exception(text)) => text,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    };
    let text = refused("export default {\n  fetch( { }\n}");
    assert!(text.contains("src/index.js:") && text.contains("SyntaxError"), "{text}");
    let text = refused("export const a = 1;");
    assert!(text.contains("no default export") && !text.contains("nano:"), "{text}");
    assert!(
        refused("await new Promise(() => {}); export default { fetch() {} }")
            .contains("top-level await")
    );
    assert!(
        refused("fetch('http://a/')\nexport default 1").contains("global scope")
            || !refused("setTimeout(() => {}, 1); export default { fetch() {} }").is_empty()
    );
}

#[test]
fn waits_are_timers_of_the_host() {
    let mut worker = Driver::new(
        "export default { async fetch() { await scheduler.wait(5); return new Response('late') } }",
    );
    assert!(worker.start("GET", "/").is_empty());
    let timer = worker.effects.iter().find_map(|e| match e {
        Effect::Timer { timer, delay, .. } => Some((*timer, delay.as_millis())),
        _ => None,
    });
    let (timer, delay) = timer.expect("a timer");
    assert_eq!(delay, 5);
    worker.send(Message::Timer { id: 1, timer });
    assert_eq!(text(&respond(&worker.commands()).body), "late");
}

#[test]
fn a_response_without_a_body_keeps_its_length_when_headers_change() {
    let mut worker = Driver::new(
        "export default { async fetch(request) {
            const r = await fetch(request);
            const response = new Response(r.body, r); response.headers.set('x-b', '1'); return response;
        } }",
    );
    worker.start("HEAD", "/");
    let mut headers = HeaderList::default();
    headers.push("content-length", "123");
    let commands =
        worker.event(Event::Response(ResponseHead { status: 200, headers, has_body: false }));
    let response = respond(&commands);
    assert_eq!(response.body, OutBody::AsItCame);
    let head = response.head.as_ref().expect("a changed head");
    assert_eq!(head.headers.get("content-length").map(AsRef::as_ref), Some(b"123".as_ref()));
    assert_eq!(head.headers.get("x-b").map(AsRef::as_ref), Some(b"1".as_ref()));
}

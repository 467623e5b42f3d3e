//! An `AbortSignal` that ends a `fetch()`: before it is sent, while it waits, while its body is sent,
//! and when its response is there.

use super::driver::{Driver, respond, text, upstream};
use crate::exchange::{Command, Event, HeaderList, Side};
use crate::isolate::message::{BodyId, Effect, Message, OpId, SubrequestHead, Upload};

/// A Worker whose handler is `async (request) => …` with these statements.
fn handler(statements: &str) -> Driver {
    Driver::new(&format!(
        "const controller = new AbortController();
        const caught = (promise) => promise.then((value) => `no error: ${{value}}`, (error) => String(error));
        export default {{ async fetch(request, env, ctx) {{ {statements} }} }}"
    ))
}

/// The only subrequest so far.
fn subrequest(worker: &Driver) -> (OpId, BodyId, bool) {
    let found = worker.effects.iter().find_map(|effect| match effect {
        Effect::Subrequest(s) => Some((s.op, s.body, matches!(s.upload, Upload::Stream { .. }))),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no subrequest in {:?}", worker.effects))
}

/// Its response's head.
fn arrives(worker: &mut Driver, (op, body, _): (OpId, BodyId, bool)) {
    let head = SubrequestHead {
        body,
        status: 200,
        status_text: "Fine".into(),
        headers: HeaderList::default(),
        url: "http://other.example/".into(),
        redirected: false,
        length: None,
        has_body: true,
    };
    worker.send(Message::Subrequest { id: 1, op, result: Ok(head) });
}

fn answer(worker: &mut Driver) -> String {
    text(&respond(&worker.commands()).body)
}

fn is_cancelled(worker: &Driver, body: BodyId) -> bool {
    worker.effects.iter().any(|e| matches!(e, Effect::CancelBody(cancelled) if *cancelled == body))
}

#[test]
fn an_aborted_signal_sends_nothing_and_cancels_the_body() {
    let mut worker = handler(
        "controller.abort('why');
        let reason;
        const body = new ReadableStream({ cancel(given) { reason = given } });
        const made = new Request('http://other.example/', { method: 'POST', body, signal: controller.signal });
        const error = await caught(fetch(made));
        return new Response([error, reason, made.bodyUsed].join());",
    );
    let commands = worker.start("GET", "/");
    assert_eq!(text(&respond(&commands).body), "why,why,true");
    assert!(!worker.effects.iter().any(|e| matches!(e, Effect::Subrequest(_))));
}

#[test]
fn a_body_that_is_not_read_yet_ends_with_the_reason() {
    let mut worker = handler(
        "const response = await fetch('http://other.example/', { signal: controller.signal });
        controller.abort('why');
        return new Response([response.statusText, await caught(response.text()), await caught(response.text())].join());",
    );
    worker.start("GET", "/");
    let found = subrequest(&worker);
    arrives(&mut worker, found);
    assert_eq!(answer(&mut worker), "Fine,why,why");
    assert!(is_cancelled(&worker, found.1));
}

#[test]
fn a_read_that_waits_ends_with_the_reason() {
    for read in ["response.text()", "response.body.getReader().read()", "response.clone().json()"] {
        let mut worker = handler(&format!(
            "const response = await fetch('http://other.example/', {{ signal: controller.signal }});
            const read = caught({read});
            setTimeout(() => controller.abort('why'), 1);
            return new Response(await read);"
        ));
        worker.start("GET", "/");
        let found = subrequest(&worker);
        arrives(&mut worker, found);
        worker.send(Message::Chunk { body: found.1, chunk: "{".into() });
        worker.fire_timers(1);
        if read.contains("getReader") {
            // The chunk was there already.
            assert!(answer(&mut worker).starts_with("no error"));
            continue;
        }
        assert_eq!(answer(&mut worker), "why", "{read}");
        assert!(is_cancelled(&worker, found.1), "{read}");
        // What is still on its way finds nobody.
        worker.send(Message::Chunk { body: found.1, chunk: "}".into() });
        worker.send(Message::End { body: found.1 });
    }
}

#[test]
fn a_body_that_was_read_to_its_end_can_not_be_aborted() {
    let mut worker = handler(
        "const response = await fetch('http://other.example/', { signal: controller.signal });
        const copy = response.clone();
        const all = await response.text();
        controller.abort('why');
        return new Response(all + await copy.text());",
    );
    worker.start("GET", "/");
    let found = subrequest(&worker);
    arrives(&mut worker, found);
    worker.send(Message::Chunk { body: found.1, chunk: "ab".into() });
    worker.send(Message::End { body: found.1 });
    assert_eq!(answer(&mut worker), "abab");
    assert!(!is_cancelled(&worker, found.1));
}

#[test]
fn an_upload_is_cancelled_while_it_waits_for_the_response() {
    let mut worker = handler(
        "let reason;
        const body = new ReadableStream({ cancel(given) { reason = given } });
        const sent = caught(fetch('http://other.example/', { method: 'POST', body, signal: controller.signal }));
        controller.abort('why');
        return new Response([await sent, reason].join());",
    );
    let commands = worker.start("GET", "/");
    assert_eq!(text(&respond(&commands).body), "why,why");
    let (_, body, streams) = subrequest(&worker);
    assert!(streams);
    assert!(is_cancelled(&worker, body));
    assert!(worker.effects.iter().any(|e| matches!(e, Effect::UploadError(..))));
}

#[test]
fn the_upstream_of_an_exchange_can_be_given_up() {
    let mut worker = handler(
        "const response = await fetch(request, { signal: controller.signal });
        controller.abort('why');
        return new Response(await caught(response.text()));",
    );
    let commands = worker.start("GET", "/");
    assert!(matches!(commands.as_slice(), [Command::Continue(_)]), "{commands:?}");
    let commands = worker.event(upstream(200));
    assert!(commands.contains(&Command::CancelBody(Side::Response)), "{commands:?}");
    assert_eq!(text(&respond(&commands).body), "why");
}

#[test]
fn a_response_that_was_passed_on_is_not_cut_off() {
    let mut worker = handler(
        "const response = await fetch(request, { signal: controller.signal });
        setTimeout(() => controller.abort('late'), 1);
        return response;",
    );
    worker.start("GET", "/");
    worker.event(upstream(200));
    worker.fire_timers(1);
    let commands = worker.commands();
    assert!(commands.is_empty(), "{commands:?}");
    worker.event(Event::Closed(crate::exchange::Close::Complete));
}

#[test]
fn a_form_leaves_as_one_body_of_parts() {
    let mut worker = handler(
        "const form = new FormData();
        form.append('a', 'text');
        form.append('b', new File([new Uint8Array(100_000).fill(65)], 'name'));
        form.append('c', new Blob(['tail']));
        await fetch('http://other.example/', { method: 'POST', body: form });",
    );
    worker.start("GET", "/");
    let upload = worker.effects.iter().find_map(|effect| match effect {
        Effect::Subrequest(s) => match &s.upload {
            Upload::Full(bytes) => Some((bytes.clone(), s.headers.get("content-type").cloned())),
            _ => None,
        },
        _ => None,
    });
    let (bytes, content_type) = upload.expect("a whole body");
    let content_type = content_type.expect("a type");
    let boundary = content_type.split(|b| *b == b'=').nth(1).expect("a boundary");
    assert_eq!(&bytes[2..2 + boundary.len()], boundary);
    let filler = bytes.iter().map(|b| u32::from(*b == b'A')).sum::<u32>();
    assert_eq!(filler, 100_000);
    assert!(bytes.ends_with(b"--\r\n"));
}

#[test]
fn all_requests_made_of_the_clients_follow_its_end() {
    let mut worker = handler(
        "const derived = new Request(request);
        const first = caught(fetch(new Request('http://other.example/', derived)));
        const tell = async () => {
            const all = [await first, request.signal.aborted, derived.signal.aborted, derived.clone().signal.aborted];
            await fetch('http://told.example/' + encodeURIComponent(all.join()));
        };
        request.signal.addEventListener('abort', () => ctx.waitUntil(tell()));
        await new Promise(() => {});",
    );
    worker.start("GET", "/");
    let (_, body, _) = subrequest(&worker);
    worker.event(Event::Closed(crate::exchange::Close::Disconnected));
    assert!(is_cancelled(&worker, body));
    let told = worker.effects.iter().find_map(|effect| match effect {
        Effect::Subrequest(s) if s.url.host_str() == Some("told.example") => Some(s.url.path()),
        _ => None,
    });
    assert_eq!(told, Some("/Error%3A%20The%20client%20disconnected.%2Ctrue%2Ctrue%2Ctrue"));
}

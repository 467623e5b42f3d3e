//! Bodies whose length is known before they are written say it in the head.

use super::driver::{Driver, respond};
use crate::exchange::{Command, Event, HeaderList, OutBody, ResponseHead, Side};
use crate::isolate::message::{Effect, Upload};

/// A Worker with a function `fixed(declared, text)`, the readable side of a `FixedLengthStream`.
fn with_fixed(handler: &str) -> Driver {
    Driver::new(&format!(
        "function fixed(declared, text) {{
            const {{ readable, writable }} = new FixedLengthStream(declared);
            const writer = writable.getWriter();
            writer.write(new TextEncoder().encode(text)).then(() => writer.close()).catch(() => {{}});
            return readable;
        }}
        export default {{ async fetch(request) {{ {handler} }} }}"
    ))
}

fn declared(commands: &[Command]) -> Option<u64> {
    let response = respond(commands);
    assert_eq!(response.body, OutBody::Stream);
    response.head.as_ref().expect("a head").headers.content_length()
}

#[test]
fn a_response_of_known_length_declares_it() {
    for (body, length) in [
        ("fixed(5, 'hello')", Some(5)),
        ("fixed(5, 'hello').tee()[0]", Some(5)),
        ("new Response(fixed(5, 'hello')).clone().body", Some(5)),
        ("new Response('hello').body.tee()[1]", Some(5)),
        ("new Blob(['hello']).stream()", Some(5)),
        ("fixed(5, 'hello').pipeThrough(new IdentityTransformStream())", None),
        ("ReadableStream.from([new Uint8Array(5)])", None),
    ] {
        let handler =
            format!("return new Response({body}, {{ headers: {{ 'content-length': '9' }} }})");
        let commands = with_fixed(&handler).start("GET", "/");
        assert_eq!(declared(&commands), length, "{body}");
        assert!(commands.contains(&Command::BodyEnd(Side::Response)), "{body}: {commands:?}");
    }
}

#[test]
fn a_body_that_arrived_keeps_its_length_elsewhere() {
    let mut worker = Driver::new(
        "export default { async fetch(request) {
            const r = await fetch(request);
            const [first] = r.body.tee();
            return new Response(first);
        } }",
    );
    worker.start("GET", "/");
    let mut headers = HeaderList::default();
    headers.push("content-length", "3");
    let head = ResponseHead { status: 200, headers, has_body: true };
    let commands = worker.event(Event::Response(head));
    assert_eq!(declared(&commands), Some(3));
}

#[test]
fn a_body_that_is_not_as_long_as_declared_is_cut_off() {
    for text in ["hell", "hello!"] {
        let mut worker = with_fixed(&format!("return new Response(fixed(5, '{text}'))"));
        let commands = worker.start("GET", "/");
        assert_eq!(declared(&commands), Some(5));
        let failed = commands.iter().any(|c| matches!(c, Command::BodyError(Side::Response, _)));
        assert!(failed && !commands.contains(&Command::BodyEnd(Side::Response)), "{commands:?}");
    }
}

#[test]
fn requests_of_known_length_declare_it() {
    let send = "method: 'POST', body: fixed(5, 'hello')";
    let mut worker = with_fixed(&format!("return fetch('http://other.example/', {{ {send} }})"));
    worker.start("GET", "/");
    let length = worker.effects.iter().find_map(|effect| match effect {
        Effect::Subrequest(subrequest) => match subrequest.upload {
            Upload::Stream { length, .. } => Some(length),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(length, Some(Some(5)));

    let mut worker = with_fixed(&format!("return fetch(new Request(request, {{ {send} }}))"));
    let commands = worker.start("POST", "/");
    let continued = commands.iter().find_map(|c| match c {
        Command::Continue(continued) => Some(continued),
        _ => None,
    });
    let continued = continued.unwrap_or_else(|| panic!("{commands:?}"));
    assert_eq!(continued.body, OutBody::Stream);
    assert_eq!(continued.head.as_ref().and_then(|h| h.headers.content_length()), Some(5));
}

//! Bodies that go from one end to another without JavaScript: a chunk leaves as it came, while
//! JavaScript would get it in pieces.

use bytes::Bytes;

use super::driver::{Driver, respond};
use crate::exchange::{BODY_WINDOW_BYTES, Close, Command, Event, HeaderList, OutBody, Side};
use crate::isolate::body::CHUNK_MAX_BYTES;
use crate::isolate::message::{BodyId, Effect, LeavingId, Message, OpId, SubrequestHead, Upload};
use crate::telemetry::Outcome;

const ANSWER: Side = Side::Response;

/// More than JavaScript gets at once.
fn chunk() -> Bytes {
    vec![7; 3 * CHUNK_MAX_BYTES + 1].into()
}

fn subrequest(worker: &Driver) -> (OpId, BodyId) {
    let found = worker.effects.iter().find_map(|effect| match effect {
        Effect::Subrequest(subrequest) => Some((subrequest.op, subrequest.body)),
        _ => None,
    });
    found.expect("a subrequest")
}

/// A Worker that answers with what another server said; its answer has begun.
fn proxy() -> (Driver, BodyId) {
    let source = "export default { async fetch() {
        const { body } = await fetch('http://other.test/');
        return new Response(body);
    } }";
    let mut worker = Driver::new(source);
    worker.start("GET", "/");
    let (op, body) = subrequest(&worker);
    let head = SubrequestHead {
        body,
        status: 200,
        status_text: String::new(),
        headers: HeaderList::default(),
        url: "http://other.test/".into(),
        redirected: false,
        length: None,
        has_body: true,
    };
    worker.send(Message::Subrequest { id: 1, op, result: Ok(head) });
    let commands = worker.commands();
    assert_eq!(respond(&commands).body, OutBody::Stream);
    assert!(worker.effects.iter().any(|e| matches!(e, Effect::ReadBody(b) if *b == body)));
    (worker, body)
}

fn arrive(worker: &mut Driver, message: Message) -> Vec<Command> {
    worker.send(message);
    worker.commands()
}

fn consumed(worker: &Driver, body: BodyId) -> usize {
    let of = |effect: &Effect| match effect {
        Effect::Consumed(b, bytes) if *b == body => *bytes,
        _ => 0,
    };
    worker.effects.iter().map(of).sum()
}

#[test]
fn a_subrequests_body_becomes_the_answer_as_it_comes() {
    let (mut worker, body) = proxy();
    let commands = arrive(&mut worker, Message::Chunk { body, chunk: chunk() });
    assert_eq!(commands, [Command::Body(ANSWER, chunk())]);
    assert_eq!(consumed(&worker, body), chunk().len());
    assert_eq!(arrive(&mut worker, Message::End { body }), [Command::BodyEnd(ANSWER)]);
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
}

#[test]
fn it_waits_for_a_client_that_does_not_take_it() {
    let (mut worker, body) = proxy();
    let full = Bytes::from(vec![1; BODY_WINDOW_BYTES]);
    assert_eq!(arrive(&mut worker, Message::Chunk { body, chunk: full }).len(), 1);
    assert!(arrive(&mut worker, Message::Chunk { body, chunk: "x".into() }).is_empty());
    assert!(arrive(&mut worker, Message::End { body }).is_empty());
    assert_eq!(consumed(&worker, body), BODY_WINDOW_BYTES);
    assert!(worker.outbox.release(ANSWER, BODY_WINDOW_BYTES));
    let commands = worker.event(Event::Drained(ANSWER));
    assert_eq!(commands, [Command::Body(ANSWER, "x".into()), Command::BodyEnd(ANSWER)]);
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
}

#[test]
fn it_ends_with_its_source_and_with_its_client() {
    let (mut worker, body) = proxy();
    let commands = arrive(&mut worker, Message::Failed { body, reason: "reset".into() });
    assert!(matches!(commands.as_slice(), [Command::BodyError(ANSWER, _)]), "{commands:?}");
    let (outcome, error) = worker.finished().expect("it is over");
    assert_eq!(outcome, Outcome::Exception);
    assert!(error.is_some_and(|error| error.contains("reset")));

    let (mut worker, body) = proxy();
    worker.event(Event::Closed(Close::Disconnected));
    assert!(worker.effects.iter().any(|e| matches!(e, Effect::CancelBody(b) if *b == body)));
    assert_eq!(worker.finished().map(|it| it.0), Some(Outcome::ResponseStreamDisconnected));
}

#[test]
fn the_requests_body_is_uploaded_as_it_comes() {
    let source = "export default { async fetch(request) {
        await fetch('http://other.test/', { method: 'POST', body: request.body, duplex: 'half' });
        return new Response('done');
    } }";
    let mut worker = Driver::new(source);
    let commands = worker.start("POST", "/");
    assert!(commands.contains(&Command::ReadBody(Side::Request)), "{commands:?}");
    let leaving = worker.effects.iter().find_map(|effect| match effect {
        Effect::Subrequest(subrequest) => match &subrequest.upload {
            Upload::Stream { leaving, .. } => Some(*leaving),
            _ => None,
        },
        _ => None,
    });
    let leaving: LeavingId = leaving.expect("an upload");
    let commands = worker.event(Event::Chunk(Side::Request, chunk()));
    assert_eq!(commands, [Command::Consumed(Side::Request, chunk().len())]);
    let sent =
        |e: &Effect| matches!(e, Effect::UploadChunk(l, c) if *l == leaving && *c == chunk());
    assert!(worker.effects.iter().any(sent));
    worker.event(Event::End(Side::Request));
    assert!(worker.effects.iter().any(|e| matches!(e, Effect::UploadEnd(l) if *l == leaving)));
}

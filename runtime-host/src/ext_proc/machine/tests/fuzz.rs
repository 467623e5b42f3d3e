//! Arbitrary messages and commands, in any order.
//!
//! What a client may send that is not Envoy must not end more than its own stream. What a Worker's
//! turns say in whatever order must become nothing that Envoy would answer with a 500: the model of
//! its filter (`simulation`) judges each reply, while it sends what the real one would.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::simulation::{MODES, Simulation};
use super::*;
use crate::exchange::{Close, Event};
use crate::ext_proc::machine::diff;
use crate::ext_proc::proto::HeaderMutation;
use crate::fuzz;

const SIDES: [Side; 2] = [Side::Request, Side::Response];

fn setups() -> impl Strategy<Value = Setup> {
    let flags = any::<[bool; 6]>();
    (select(MODES.to_vec()), select(MODES.to_vec()), flags, select(vec!["POST", "GET", "HEAD"]))
        .prop_map(
            |(request, response, [overrides, early, has_body, hint, small, watch], method)| Setup {
                request,
                response,
                overrides,
                early: early && request == BodyMode::Streamed,
                observability: watch && early,
                has_body,
                method,
                hint,
                small_buffer: small,
            },
        )
}

fn list(fields: Vec<(Vec<u8>, Vec<u8>)>) -> HeaderList {
    HeaderList(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

/// A head as a Worker makes one: JavaScript lets no other names and values through.
fn own_fields() -> impl Strategy<Value = HeaderList> {
    let name = prop_oneof![
        4 => "[a-z]{1,2}",
        1 => select(vec![
            "set-cookie", "content-length", "content-type", "host", "te", "x-envoy-a", "x-request-id",
        ]).prop_map(str::to_owned),
    ];
    let fields = prop::collection::vec((name, "[ -~]{0,4}"), 0..6);
    fields.prop_map(|fields| {
        HeaderList(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    })
}

fn out_bodies() -> impl Strategy<Value = OutBody> {
    prop_oneof![
        2 => Just(OutBody::AsItCame),
        1 => Just(OutBody::Empty),
        2 => "[a-z]{0,9}".prop_map(|text| OutBody::Full(text.into())),
        3 => Just(OutBody::Stream),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    let side = || select(SIDES.to_vec());
    let request_head = own_fields().prop_map(|headers| RequestHead {
        method: "PUT".into(),
        scheme: "http".into(),
        authority: "example.com".into(),
        path: "/other".into(),
        headers,
        has_body: true,
    });
    let response_head = (200_u16..600, own_fields(), any::<bool>())
        .prop_map(|(status, headers, has_body)| ResponseHead { status, headers, has_body });
    prop_oneof![
        3 => side().prop_map(Command::ReadBody),
        2 => (side(), 0_usize..300_000).prop_map(|(side, bytes)| Command::Consumed(side, bytes)),
        1 => side().prop_map(Command::CancelBody),
        3 => (prop::option::of(request_head), out_bodies())
            .prop_map(|(head, body)| Command::Continue(Continue { head, body })),
        3 => (prop::option::of(response_head), out_bodies())
            .prop_map(|(head, body)| {
                let body = if head.is_none() { OutBody::AsItCame } else { body };
                Command::Respond(Respond { head, body })
            }),
        5 => (side(), "[a-z]{1,9}").prop_map(|(side, text)| Command::Body(side, text.into())),
        3 => side().prop_map(Command::BodyEnd),
        1 => side().prop_map(|side| Command::BodyError(side, "boom".into())),
        1 => Just(Command::PassThrough),
        1 => Just(Command::Metadata(
            [("a".to_owned(), serde_json::Value::from(1))].into_iter().collect()
        )),
    ]
}

fn batches() -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(commands(), 0..4)
}

fn header_maps() -> impl Strategy<Value = HttpHeaders> {
    let pseudo = prop::collection::vec(
        (
            select(vec![":status", ":method", ":path", ":x"]),
            select(vec!["200", "GET", "99", "", "1000"]),
        ),
        0..3,
    );
    (fuzz::fields(6), pseudo, any::<bool>()).prop_map(|(fields, pseudo, end_of_stream)| {
        let pseudo = pseudo.into_iter().map(|(key, value)| (Bytes::from(key), Bytes::from(value)));
        let fields = fields.into_iter().map(|(key, value)| (Bytes::from(key), Bytes::from(value)));
        let header = |(key, raw_value)| HeaderValue { key, raw_value, ..HeaderValue::default() };
        HttpHeaders {
            headers: Some(HeaderMap { headers: pseudo.chain(fields).map(header).collect() }),
            end_of_stream,
        }
    })
}

/// What a client may send that has never seen Envoy.
fn messages() -> impl Strategy<Value = ProcessingRequest> {
    let bodies = || {
        (prop_oneof![9 => 0_usize..20, 1 => 0_usize..600_000], any::<bool>()).prop_map(
            |(bytes, end_of_stream)| HttpBody { body: vec![b'x'; bytes].into(), end_of_stream },
        )
    };
    let request = prop_oneof![
        1 => header_maps().prop_map(Request::RequestHeaders),
        3 => header_maps().prop_map(Request::ResponseHeaders),
        5 => bodies().prop_map(Request::RequestBody),
        5 => bodies().prop_map(Request::ResponseBody),
        1 => Just(Request::RequestTrailers(trailers())),
        1 => Just(Request::ResponseTrailers(trailers())),
    ];
    let config = (0_i32..7, -1_i32..6, any::<bool>()).prop_map(|(request, response, early)| {
        ProtocolConfiguration {
            request_body_mode: request,
            response_body_mode: response,
            send_body_without_waiting_for_header_response: early,
        }
    });
    let request = prop_oneof![15 => request.prop_map(Some), 1 => Just(None)];
    (request, prop::option::weighted(0.1, config), any::<bool>()).prop_map(
        |(request, protocol_config, observability_mode)| ProcessingRequest {
            request,
            observability_mode,
            protocol_config,
            ..ProcessingRequest::default()
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Message(ProcessingRequest),
    Commands(Vec<Command>),
    HalfClosed,
    Refused,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => messages().prop_map(Step::Message),
        10 => batches().prop_map(Step::Commands),
        1 => Just(Step::HalfClosed),
        1 => Just(Step::Refused),
    ];
    prop::collection::vec(step, 0..24)
}

/// What came out so far of a stream that ends once and is silent then.
#[derive(Default)]
struct Seen {
    ends: usize,
    given: [usize; 2],
    released: [usize; 2],
}

impl Seen {
    fn commands(&mut self, driver: &mut Driver, mut batch: Vec<Command>) {
        for command in &batch {
            if let Command::Body(side, chunk) = command {
                self.given[*side as usize] += chunk.len();
            }
        }
        driver.machine.commands(&mut batch, &mut driver.out);
        assert!(batch.is_empty(), "commands that nobody looked at");
        self.look(driver);
    }

    fn look(&mut self, driver: &mut Driver) {
        let out = std::mem::take(&mut driver.out);
        if self.ends > 0 {
            assert!(out.replies.is_empty() && out.events.is_empty() && out.close.is_none());
        }
        let last = out.events.len().saturating_sub(1);
        for (at, event) in out.events.iter().enumerate() {
            assert!(!matches!(event, Event::Closed(_)) || at == last, "{event:?} is not the last");
        }
        let closed = matches!(out.events.last(), Some(Event::Closed(_)));
        assert_eq!(closed, out.close.is_some(), "an end that only one side hears of");
        assert_eq!(closed, driver.machine.is_closed() && self.ends == 0);
        self.ends += usize::from(closed);
        for (sum, bytes) in self.released.iter_mut().zip(out.released) {
            *sum += bytes;
        }
        // What it would write is what it may write.
        for reply in &out.replies {
            assert!(prost::Message::encoded_len(reply) < 20 << 20);
        }
    }
}

#[test]
fn any_messages_and_commands_end_the_stream_once() {
    fuzz::check(300, &(setups(), steps()), |(setup, steps)| {
        let Ok((mut machine, opened)) = setup.try_open() else { return };
        machine.set_hints(Hints { reads_response_first: setup.hint });
        let mut driver = Driver { machine, out: Outputs::default(), head: opened.head };
        let mut seen = Seen::default();
        for step in steps {
            match step {
                Step::Message(message) if driver.machine.wants_messages() => {
                    driver.machine.message(message, &mut driver.out);
                }
                Step::Message(_) => {}
                Step::Commands(batch) => seen.commands(&mut driver, batch),
                Step::HalfClosed => driver.machine.half_closed(&mut driver.out),
                Step::Refused => {
                    driver.machine.refuse(Status::invalid("not a message"), &mut driver.out);
                }
            }
            seen.look(&mut driver);
        }
        driver.machine.disconnected(&mut driver.out);
        seen.look(&mut driver);
        assert_eq!(seen.ends, 1);
        assert_eq!(seen.released, seen.given, "bytes that are counted against the Worker for good");
    });
}

#[test]
fn any_first_message_opens_a_stream_or_is_refused() {
    fuzz::check(300, &messages(), |first| {
        if let Err(status) = Machine::open(first, &Settings::default()) {
            assert!(!status.is_ok() && !status.message.is_empty());
        }
    });
}

/// What a Worker's turns say, with what Envoy does in between.
fn scripts() -> impl Strategy<Value = Vec<Vec<Command>>> {
    prop::collection::vec(batches(), 0..12)
}

#[test]
fn what_a_worker_says_in_any_order_is_legal_for_envoy() {
    fuzz::check(400, &(setups(), scripts()), |(setup, script)| {
        let setup = Setup { observability: false, ..setup };
        let mut simulation = Simulation::scripted(setup);
        for batch in script {
            simulation.play(batch);
        }
        // Whatever it forgot to say.
        simulation.play(vec![Command::PassThrough]);
        for side in SIDES {
            simulation.play(vec![Command::BodyEnd(side), Command::CancelBody(side)]);
        }
        simulation.leave();
    });
}

/// A head after Envoy carried out a mutation: it removes first and sets afterwards.
fn mutated(arrived: &HeaderList, mutation: &HeaderMutation) -> HeaderList {
    let mut list = arrived.clone();
    list.0.retain(|(name, _)| !mutation.remove_headers.contains(name));
    for option in &mutation.set_headers {
        let header = option.header.as_ref().expect("a field");
        if option.append.is_none() {
            list.0.retain(|(name, _)| *name != header.key);
        }
        list.push(header.key.clone(), header.raw_value.clone());
    }
    list
}

/// The values of each name as JavaScript sees them: `set-cookie` apart, others joined.
fn meaning(list: &HeaderList) -> HashMap<Bytes, Vec<Bytes>> {
    let mut all: HashMap<Bytes, Vec<Bytes>> = HashMap::new();
    for (name, value) in list {
        if !diff::is_framing(name) {
            all.entry(name.clone()).or_default().push(value.clone());
        }
    }
    for (name, values) in &mut all {
        if name.as_ref() != b"set-cookie" {
            *values = vec![values.join(&b", "[..]).into()];
        }
    }
    all
}

#[test]
fn a_mutation_makes_of_what_arrived_what_was_wanted() {
    let lists = || {
        (own_fields(), 0_usize..9).prop_map(|(list, times)| {
            // Also more than a few.
            HeaderList(list.0.iter().cycle().take(list.0.len() * times).cloned().collect())
        })
    };
    fuzz::check(300, &(lists(), lists()), |(arrived, wanted)| {
        let head = |headers: &HeaderList| ResponseHead {
            status: 200,
            headers: headers.clone(),
            has_body: true,
        };
        let changes = diff::response(&head(&arrived), &head(&wanted));
        assert_eq!(meaning(&mutated(&arrived, &changes.mutation)), meaning(&wanted));
        let whole = diff::whole(&wanted);
        assert_eq!(meaning(&mutated(&HeaderList::default(), &whole)), meaning(&wanted));
        let request = |headers: &HeaderList| RequestHead {
            headers: headers.clone(),
            ..RequestHead::default()
        };
        let changes = diff::request(&request(&arrived), &request(&wanted));
        let mut left = meaning(&mutated(&arrived, &changes.mutation));
        // What the proxy added for itself stays where the Worker says nothing of it.
        left.retain(|name, _| {
            wanted.get(std::str::from_utf8(name).expect("text")).is_some()
                || !(name.starts_with(b"x-envoy-") || name.as_ref() == b"x-request-id")
        });
        assert_eq!(left, meaning(&wanted));
    });
}

#[test]
fn any_fields_are_compared_without_a_panic() {
    fuzz::check(200, &(fuzz::fields(80), fuzz::fields(80)), |(arrived, wanted)| {
        let (arrived, wanted) = (list(arrived), list(wanted));
        let request = |headers: &HeaderList| RequestHead {
            headers: headers.clone(),
            ..RequestHead::default()
        };
        diff::request(&request(&arrived), &request(&wanted));
        assert!(diff::request(&request(&arrived), &request(&arrived)).is_empty());
        assert!(diff::whole(&wanted).set_headers.len() <= wanted.0.len());
    });
}

impl Simulation {
    /// One batch of commands, and all that Envoy does because of it.
    fn play(&mut self, mut batch: Vec<Command>) {
        if self.closed {
            return;
        }
        self.driver.machine.commands(&mut batch, &mut self.driver.out);
        loop {
            for reply in std::mem::take(&mut self.driver.out.replies) {
                self.reply(reply);
            }
            self.driver.out.events.clear();
            if let Some(status) = self.driver.out.close.take() {
                assert!(status.is_ok(), "{status}");
                self.closed = true;
                return;
            }
            if !self.driver.machine.wants_messages() {
                return;
            }
            let Some(request) = self.next_message() else { return };
            self.driver.machine.message(message(request), &mut self.driver.out);
        }
    }

    /// The client goes away.
    fn leave(&mut self) {
        self.driver.machine.disconnected(&mut self.driver.out);
        let closed = Event::Closed(Close::Disconnected);
        assert!(self.closed || self.driver.out.events.last() == Some(&closed));
    }
}

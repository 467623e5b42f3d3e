//! Every body mode × every kind of handler against a model of Envoy's filter.
//!
//! The model knows when Envoy sends which message, and refuses replies that the real one answers
//! with a 500 (see the module's facts). What reaches the upstream and the client is compared to
//! what the handler meant.

use std::collections::VecDeque;

use super::*;
use crate::exchange::Event;
use crate::ext_proc::proto::body_mutation::Mutation;
use crate::ext_proc::proto::processing_response::Response;
use crate::ext_proc::proto::streamed_immediate_response::Response as Streamed;
use crate::ext_proc::proto::{CommonResponse, ProcessingResponse};

const ARRIVING: [&str; 3] = ["first", "second", "third"];
const OWN: [&str; 2] = ["my", "own"];

/// What a handler does with one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Handler {
    AsItCame,
    Full,
    Empty,
    /// Reads it all, then sends something else.
    Read,
    /// Sends what it reads, in upper case.
    Transform,
    /// Streams without reading.
    OwnStream,
    /// Only for a response: the handler returned it without waiting for it.
    NotAwaited,
}

const HANDLERS: [Handler; 6] = [
    Handler::AsItCame,
    Handler::Full,
    Handler::Empty,
    Handler::Read,
    Handler::Transform,
    Handler::OwnStream,
];

pub(super) const MODES: [BodyMode; 5] = [
    BodyMode::None,
    BodyMode::Streamed,
    BodyMode::Buffered,
    BodyMode::BufferedPartial,
    BodyMode::FullDuplexStreamed,
];

impl Handler {
    fn begins(self, side: Side) -> Vec<Command> {
        let decide = |body| match side {
            Side::Request => go_on(body),
            Side::Response => respond(200, &[("content-type", "x")], body),
        };
        match self {
            Self::AsItCame => vec![decide(OutBody::AsItCame)],
            Self::Full => vec![decide(OutBody::Full("full".into()))],
            Self::Empty => vec![decide(OutBody::Empty)],
            Self::NotAwaited => Vec::new(),
            Self::Read => vec![Command::ReadBody(side)],
            Self::Transform => vec![decide(OutBody::Stream), Command::ReadBody(side)],
            Self::OwnStream => {
                let mut commands = vec![decide(OutBody::Stream)];
                commands.extend(OWN.map(|chunk| body(side, chunk)));
                commands.push(Command::BodyEnd(side));
                commands
            }
        }
    }

    fn on_chunk(self, side: Side, chunk: &Bytes) -> Vec<Command> {
        let mut commands = vec![Command::Consumed(side, chunk.len())];
        if self == Self::Transform {
            commands.push(Command::Body(side, chunk.to_ascii_uppercase().into()));
        }
        commands
    }

    fn on_end(self, side: Side) -> Vec<Command> {
        match (self, side) {
            (Self::Read, Side::Request) => vec![go_on(OutBody::Full("read".into()))],
            (Self::Read, Side::Response) => {
                vec![respond(200, &[("content-type", "x")], OutBody::Full("read".into()))]
            }
            (Self::Transform, side) => vec![Command::BodyEnd(side)],
            _ => Vec::new(),
        }
    }

    /// What leaves, of a body that came.
    fn expected(self, has_body: bool) -> String {
        let arriving = if has_body { ARRIVING.concat() } else { String::new() };
        match self {
            Self::AsItCame | Self::NotAwaited => arriving,
            Self::Full => "full".into(),
            Self::Empty => String::new(),
            Self::Read => "read".into(),
            Self::Transform => arriving.to_uppercase(),
            Self::OwnStream => OWN.concat(),
        }
    }
}

/// One direction in Envoy.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Filter {
    side: Side,
    mode: BodyMode,
    has_body: bool,
    replied: bool,
    /// Messages still to send, once they may be sent.
    to_send: VecDeque<(&'static str, bool)>,
    /// Bodies of messages without a reply, in the 1:1 modes.
    unreplied: VecDeque<&'static str>,
    /// A message was sent.
    started: bool,
    left: String,
    complete: bool,
    /// `BUFFERED_PARTIAL` cuts bodies.
    small_buffer: bool,
}

impl Filter {
    fn new(side: Side, mode: BodyMode, has_body: bool, small_buffer: bool) -> Self {
        Self {
            side,
            mode,
            has_body,
            replied: false,
            to_send: VecDeque::new(),
            unreplied: VecDeque::new(),
            started: false,
            left: String::new(),
            complete: false,
            small_buffer,
        }
    }

    /// The mode is settled: what will be sent.
    fn plan(&mut self) {
        self.to_send.clear();
        if !self.has_body {
            return;
        }
        match self.mode {
            BodyMode::None => {}
            BodyMode::Streamed | BodyMode::FullDuplexStreamed => {
                // Envoy ends with an empty message.
                self.to_send = ARRIVING.iter().map(|chunk| (*chunk, false)).collect();
                self.to_send.push_back(("", true));
            }
            BodyMode::BufferedPartial if self.small_buffer => {
                self.to_send = [("firstsecond", false)].into();
            }
            BodyMode::Buffered | BodyMode::BufferedPartial => {
                self.to_send = [("firstsecondthird", true)].into();
            }
        }
    }

    fn next(&mut self, early: bool) -> Option<Request> {
        let waits = match self.mode {
            BodyMode::FullDuplexStreamed => false,
            BodyMode::Streamed => !early,
            _ => true,
        };
        if waits && !self.replied {
            return None;
        }
        let (body, end_of_stream) = self.to_send.pop_front()?;
        self.started = true;
        if self.mode != BodyMode::FullDuplexStreamed {
            self.unreplied.push_back(body);
        }
        let body = HttpBody { body: body.into(), end_of_stream };
        Some(match self.side {
            Side::Request => Request::RequestBody(body),
            Side::Response => Request::ResponseBody(body),
        })
    }

    fn header_reply(&mut self, response: Option<CommonResponse>) {
        assert!(!self.replied, "a second header reply");
        self.replied = true;
        let response = response.unwrap_or_default();
        if response.status == 1 {
            assert!(!self.started, "a body on its way can't be replaced");
            self.to_send.clear();
            self.left = mutated(response, "");
            self.complete = true;
        } else if !self.has_body {
            self.complete = true;
        } else if self.mode == BodyMode::None {
            self.left = ARRIVING.concat();
            self.complete = true;
        }
    }

    fn body_reply(&mut self, response: Option<CommonResponse>) {
        assert!(self.replied, "a body reply before the header reply");
        let response = response.unwrap_or_default();
        if self.mode == BodyMode::FullDuplexStreamed {
            let mutation = response.body_mutation.and_then(|body| body.mutation);
            let Some(Mutation::Streamed(piece)) = mutation else {
                panic!("FULL_DUPLEX_STREAMED takes pieces only");
            };
            assert!(self.started, "a piece before anything was sent is lost");
            assert!(!self.complete, "a piece after the end");
            assert!(!piece.end_of_stream || self.to_send.is_empty(), "an end before the end");
            self.left.push_str(std::str::from_utf8(&piece.body).unwrap());
            self.complete = piece.end_of_stream;
        } else {
            let body = self.unreplied.pop_front().expect("a reply to nothing");
            self.left.push_str(&mutated(response, body));
            if self.mode == BodyMode::BufferedPartial && self.small_buffer {
                self.left.push_str("third");
            }
            self.complete = self.to_send.is_empty() && self.unreplied.is_empty();
        }
    }
}

fn mutated(response: CommonResponse, body: &str) -> String {
    match response.body_mutation.and_then(|body| body.mutation) {
        None => body.to_owned(),
        Some(Mutation::Body(body)) => String::from_utf8(body.to_vec()).unwrap(),
        Some(Mutation::ClearBody(_)) => String::new(),
        Some(Mutation::Streamed(_)) => panic!("a piece outside of FULL_DUPLEX_STREAMED"),
    }
}

/// The exchange: Envoy's filter, the machine, and a handler for each direction.
pub(super) struct Simulation {
    pub(super) driver: Driver,
    early: bool,
    overrides: bool,
    filters: [Filter; 2],
    handlers: [Handler; 2],
    /// Commands of a slow engine, one batch a step.
    slow: Option<VecDeque<Vec<Command>>>,
    immediate: Option<String>,
    errors: Vec<String>,
    pub(super) closed: bool,
    /// Envoy has the response.
    response_sent: bool,
}

impl Simulation {
    fn new(setup: Setup, handlers: [Handler; 2], slow: bool) -> Self {
        let small = setup.small_buffer;
        let mut request = Filter::new(Side::Request, setup.request, setup.has_body, small);
        request.plan();
        Self {
            driver: setup.open(),
            early: setup.early,
            overrides: setup.overrides && !setup.early,
            filters: [request, Filter::new(Side::Response, setup.response, true, small)],
            handlers,
            slow: slow.then(VecDeque::new),
            immediate: None,
            errors: Vec::new(),
            closed: false,
            response_sent: false,
        }
    }

    /// One whose commands are not a handler's.
    pub(super) fn scripted(setup: Setup) -> Self {
        Self::new(setup, [Handler::AsItCame; 2], false)
    }

    fn run(mut self) -> Self {
        let commands = self.handlers[0].begins(Side::Request);
        self.give(commands);
        for _ in 0..100 {
            self.carry_out();
            if self.closed {
                break;
            }
            if let Some(batch) = self.slow.as_mut().and_then(VecDeque::pop_front) {
                self.driver.machine.commands(&mut batch.clone(), &mut self.driver.out);
                continue;
            }
            match self.next_message() {
                Some(request) => {
                    self.driver.machine.message(message(request), &mut self.driver.out);
                }
                None => break,
            }
        }
        assert!(self.closed, "the exchange hangs");
        if self.immediate.is_none() && !self.filters[1].replied {
            assert_eq!(self.filters[1].mode, BodyMode::None, "a body on its way is lost");
            // The stream ended: the response passes.
            self.filters[1].header_reply(None);
        }
        self
    }

    /// What Envoy sends now, if it sends anything.
    pub(super) fn next_message(&mut self) -> Option<Request> {
        let early = self.early;
        self.filters[0].next(early).or_else(|| {
            if self.response_sent {
                return self.filters[1].next(early);
            }
            self.response_sent = self.filters[0].complete;
            self.filters[1].plan();
            let fields = [(":status", "200"), ("content-length", "16")];
            self.response_sent.then(|| Request::ResponseHeaders(headers(&fields, false)))
        })
    }

    /// An engine that is free runs at once; a slow one later.
    fn give(&mut self, mut commands: Vec<Command>) {
        let continues = commands.iter().any(|command| matches!(command, Command::Continue(_)));
        if continues && self.handlers[1] == Handler::NotAwaited {
            commands.push(as_it_came());
        }
        match &mut self.slow {
            Some(queue) => queue.extend(commands.into_iter().map(|command| vec![command])),
            None => self.driver.machine.commands(&mut commands, &mut self.driver.out),
        }
    }

    fn carry_out(&mut self) {
        loop {
            for reply in std::mem::take(&mut self.driver.out.replies) {
                self.reply(reply);
            }
            let events = std::mem::take(&mut self.driver.out.events);
            if let Some(status) = self.driver.out.close.take() {
                assert!(status.is_ok(), "{status}");
                self.closed = true;
                return;
            }
            if events.is_empty() {
                return;
            }
            for event in events {
                self.event(&event);
            }
        }
    }

    fn event(&mut self, event: &Event) {
        let commands = match event {
            Event::Chunk(side, chunk) => self.handlers[*side as usize].on_chunk(*side, chunk),
            Event::End(side) => self.handlers[*side as usize].on_end(*side),
            Event::Response(_) => self.handlers[1].begins(Side::Response),
            Event::BodyError(side, why) => {
                self.errors.push(why.clone());
                match self.handlers[*side as usize] {
                    Handler::Transform => vec![Command::BodyError(*side, "unreadable".into())],
                    _ => vec![respond(500, &[], OutBody::Empty)],
                }
            }
            _ => Vec::new(),
        };
        self.give(commands);
    }

    pub(super) fn reply(&mut self, reply: ProcessingResponse) {
        if let Some(mode) = reply.mode_override {
            assert!(self.overrides, "an override that Envoy would not carry out");
            let mode_of = |wire| BodyMode::from_wire(wire, "").unwrap();
            let alone = reply.response.is_none();
            let request = mode_of(mode.request_body_mode);
            if alone {
                let from = self.filters[0].mode;
                assert!(!self.filters[0].replied && self.filters[0].has_body);
                assert!(matches!(from, BodyMode::None | BodyMode::Streamed));
                assert_eq!(request, BodyMode::FullDuplexStreamed);
            }
            for (filter, to) in
                self.filters.iter_mut().zip([request, mode_of(mode.response_body_mode)])
            {
                if filter.mode != to {
                    assert!(!filter.started && !filter.replied, "a change of mode within a body");
                    filter.mode = to;
                    filter.plan();
                }
            }
        }
        let [request, response] = &mut self.filters;
        match reply.response {
            None => {}
            Some(Response::RequestHeaders(r)) => request.header_reply(r.response),
            Some(Response::ResponseHeaders(r)) => response.header_reply(r.response),
            Some(Response::RequestBody(r)) => request.body_reply(r.response),
            Some(Response::ResponseBody(r)) => response.body_reply(r.response),
            Some(Response::RequestTrailers(_) | Response::ResponseTrailers(_)) => {
                panic!("a reply to trailers that were not sent");
            }
            Some(Response::Immediate(answer)) => {
                self.immediate = Some(String::from_utf8(answer.body.to_vec()).unwrap());
            }
            Some(Response::StreamedImmediate(part)) => match part.response.unwrap() {
                Streamed::Headers(_) => self.immediate = Some(String::new()),
                Streamed::Body(piece) => {
                    let text = String::from_utf8(piece.body.to_vec()).unwrap();
                    self.immediate.as_mut().unwrap().push_str(&text);
                }
                Streamed::Trailers(_) => panic!("trailers in an answer"),
            },
        }
    }
}

/// Every setup that changes what is possible.
fn setups() -> impl Iterator<Item = Setup> {
    let flags = [true, false];
    MODES.into_iter().flat_map(move |request| {
        MODES.into_iter().flat_map(move |response| {
            flags.into_iter().flat_map(move |overrides| {
                flags.into_iter().flat_map(move |has_body| {
                    flags.map(|hint| Setup { request, response, overrides, has_body, hint, ..NONE })
                })
            })
        })
    })
}

/// Whether a handler can have what it wants, by the documented rules.
fn possible(setup: Setup, side: Side, handler: Handler) -> bool {
    let fds = BodyMode::FullDuplexStreamed;
    let overrides = setup.overrides && setup.request != fds && setup.response != fds;
    let (mode, has_body) = match side {
        Side::Request => (setup.request, setup.has_body),
        Side::Response => (setup.response, true),
    };
    match handler {
        Handler::Read if has_body && !overrides => {
            matches!(mode, BodyMode::Buffered | BodyMode::BufferedPartial) || mode == fds
        }
        Handler::Transform if has_body && !overrides => mode != BodyMode::None,
        _ => true,
    }
}

#[test]
fn every_mode_carries_every_handler() {
    for setup in setups() {
        for handler in HANDLERS {
            for slow in [false, true] {
                for handlers in [
                    [handler, Handler::AsItCame],
                    [handler, Handler::NotAwaited],
                    [Handler::AsItCame, handler],
                ] {
                    play(setup, handlers, slow);
                }
            }
        }
    }
}

#[test]
fn a_body_that_was_cut_is_never_mixed_with_another() {
    for setup in setups().map(|setup| Setup { small_buffer: true, ..setup }) {
        for handler in HANDLERS {
            for slow in [false, true] {
                for handlers in [[handler, Handler::AsItCame], [Handler::AsItCame, handler]] {
                    let simulation = Simulation::new(setup, handlers, slow).run();
                    let reads = matches!(handler, Handler::Read | Handler::Transform);
                    let waits = handler == Handler::OwnStream && slow;
                    if (reads || waits) && simulation.immediate.is_some() {
                        continue;
                    }
                    check(setup, handlers, simulation);
                }
            }
        }
    }
}

#[test]
fn bodies_sent_before_the_header_reply_are_carried_too() {
    let streamed = BodyMode::Streamed;
    let setup =
        Setup { request: streamed, response: streamed, early: true, overrides: false, ..NONE };
    for handler in HANDLERS {
        for slow in [false, true] {
            for handlers in [[handler, Handler::AsItCame], [Handler::AsItCame, handler]] {
                check(setup, handlers, Simulation::new(setup, handlers, slow).run());
            }
        }
    }
}

fn play(setup: Setup, handlers: [Handler; 2], slow: bool) {
    let simulation = Simulation::new(setup, handlers, slow).run();
    let sides = [Side::Request, Side::Response];
    if sides.iter().zip(handlers).all(|(side, handler)| possible(setup, *side, handler)) {
        check(setup, handlers, simulation);
    } else {
        let what = describe(setup, handlers);
        assert_eq!(simulation.errors.len(), 1, "{what}");
        assert!(simulation.errors[0].contains("_body_mode"), "{what}");
        assert!(simulation.immediate.is_some(), "{what}: the client gets an answer");
    }
}

fn check(setup: Setup, handlers: [Handler; 2], simulation: Simulation) {
    let what = describe(setup, handlers);
    assert_eq!(simulation.errors, Vec::<String>::new(), "{what}");
    let upstream = &simulation.filters[0].left;
    assert_eq!(*upstream, handlers[0].expected(setup.has_body), "{what}: the upstream's");
    let client = simulation.immediate.as_ref().unwrap_or(&simulation.filters[1].left);
    assert_eq!(*client, handlers[1].expected(true), "{what}: the client's");
}

fn describe(setup: Setup, handlers: [Handler; 2]) -> String {
    format!(
        "{:?}/{:?} overrides={} body={} hint={} {handlers:?}",
        setup.request, setup.response, setup.overrides, setup.has_body, setup.hint
    )
}

//! The state machine without Envoy and without JavaScript.
//!
//! `recipes` and `broken` say what is replied to what, line by line; `simulation` plays every
//! body mode with every kind of handler against a model of Envoy's filter, `fuzz` arbitrary sequences.

mod broken;
mod cut;
mod fuzz;
mod recipes;
mod render;
mod simulation;

use bytes::Bytes;

use super::{BodyMode, Hints, Machine, Opened, Outputs};
use crate::exchange::{
    Command, Continue, HeaderList, OutBody, RequestHead, Respond, ResponseHead, Side,
};
use crate::ext_proc::proto::processing_request::Request;
use crate::ext_proc::proto::{
    HeaderMap, HeaderValue, HttpBody, HttpHeaders, HttpTrailers, ProcessingRequest,
    ProtocolConfiguration,
};
use crate::ext_proc::settings::Settings;
use crate::ext_proc::status::Status;

/// A machine after its first message.
struct Driver {
    machine: Machine,
    out: Outputs,
    head: RequestHead,
}

/// How the stream is set up.
#[derive(Clone, Copy, Debug)]
struct Setup {
    request: BodyMode,
    response: BodyMode,
    overrides: bool,
    early: bool,
    observability: bool,
    has_body: bool,
    method: &'static str,
    hint: bool,
    /// For the simulation: bodies are larger than what Envoy holds back.
    small_buffer: bool,
}

const NONE: Setup = Setup {
    request: BodyMode::None,
    response: BodyMode::None,
    overrides: true,
    early: false,
    observability: false,
    has_body: true,
    method: "POST",
    hint: false,
    small_buffer: false,
};

impl Setup {
    fn first(self) -> ProcessingRequest {
        let wire = |mode| match mode {
            BodyMode::None => 0,
            BodyMode::Streamed => 1,
            BodyMode::Buffered => 2,
            BodyMode::BufferedPartial => 3,
            BodyMode::FullDuplexStreamed => 4,
        };
        let mut fields = vec![
            (":method", self.method),
            (":scheme", "http"),
            (":authority", "example.com"),
            (":path", "/path"),
            ("accept", "*/*"),
        ];
        if self.has_body {
            fields.push(("content-length", "4"));
        }
        ProcessingRequest {
            request: Some(Request::RequestHeaders(headers(&fields, !self.has_body))),
            protocol_config: Some(ProtocolConfiguration {
                request_body_mode: wire(self.request),
                response_body_mode: wire(self.response),
                send_body_without_waiting_for_header_response: self.early,
            }),
            observability_mode: self.observability,
            ..ProcessingRequest::default()
        }
    }

    fn try_open(self) -> Result<(Machine, Opened), Status> {
        let settings = Settings { mode_override: self.overrides, ..Settings::default() };
        Machine::open(self.first(), &settings)
    }

    fn open(self) -> Driver {
        let (mut machine, opened) = self.try_open().unwrap();
        machine.set_hints(Hints { reads_response_first: self.hint });
        Driver { machine, out: Outputs::default(), head: opened.head }
    }
}

impl Driver {
    /// One batch of commands; what came out of it, rendered.
    fn commands(&mut self, batch: impl IntoIterator<Item = Command>) -> Vec<String> {
        self.machine.commands(&mut batch.into_iter().collect(), &mut self.out);
        render::outputs(&mut self.out)
    }

    fn message(&mut self, request: Request) -> Vec<String> {
        self.machine.message(message(request), &mut self.out);
        render::outputs(&mut self.out)
    }

    fn response(&mut self, status: &str, has_body: bool) -> Vec<String> {
        let fields =
            [(":status", status), ("content-length", "4"), ("x-up", "1"), ("set-cookie", "a=1")];
        self.message(Request::ResponseHeaders(headers(&fields, !has_body)))
    }

    fn request_body(&mut self, body: &'static str, end: bool) -> Vec<String> {
        self.message(Request::RequestBody(http_body(body, end)))
    }

    fn response_body(&mut self, body: &'static str, end: bool) -> Vec<String> {
        self.message(Request::ResponseBody(http_body(body, end)))
    }
}

fn message(request: Request) -> ProcessingRequest {
    ProcessingRequest { request: Some(request), ..ProcessingRequest::default() }
}

fn headers(fields: &[(&'static str, &str)], end_of_stream: bool) -> HttpHeaders {
    let headers = fields.iter().map(|(key, value)| HeaderValue {
        key: Bytes::from_static(key.as_bytes()),
        raw_value: Bytes::copy_from_slice(value.as_bytes()),
        ..HeaderValue::default()
    });
    HttpHeaders { headers: Some(HeaderMap { headers: headers.collect() }), end_of_stream }
}

fn http_body(body: &'static str, end_of_stream: bool) -> HttpBody {
    HttpBody { body: body.into(), end_of_stream }
}

fn trailers() -> HttpTrailers {
    HttpTrailers::default()
}

fn go_on(body: OutBody) -> Command {
    Command::Continue(Continue { head: None, body })
}

fn go_on_with(head: RequestHead, body: OutBody) -> Command {
    Command::Continue(Continue { head: Some(head), body })
}

/// The upstream's response, unchanged.
fn as_it_came() -> Command {
    Command::Respond(Respond { head: None, body: OutBody::AsItCame })
}

fn respond(status: u16, fields: &[(&'static str, &'static str)], body: OutBody) -> Command {
    Command::Respond(Respond { head: Some(response_head(status, fields)), body })
}

fn response_head(status: u16, fields: &[(&'static str, &'static str)]) -> ResponseHead {
    let mut head = ResponseHead { status, headers: HeaderList::default(), has_body: true };
    for (name, value) in fields {
        head.headers.push(*name, *value);
    }
    head
}

fn body(side: Side, chunk: &'static str) -> Command {
    Command::Body(side, chunk.into())
}

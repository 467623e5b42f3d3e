//! The protocol of one exchange as a state machine: no I/O, no JavaScript, no clock.
//!
//! In go the messages of Envoy ([`Machine::message`]) and batches of the engine's commands
//! ([`Machine::commands`]); out come replies, events and the end of the stream ([`Outputs`]).
//! After every input [`advance`] looks at both directions and does all that is possible now.
//!
//! ```text
//!              Owed ── plan known ──▶ Replied ── body carried out ──▶ Done       (each direction)
//!   Undecided ───────▶ AsItCame | Own(Leaving)
//! ```
//!
//! What Envoy 1.40 was seen to do, and what follows from it here (FDS = `FULL_DUPLEX_STREAMED`):
//!
//! - A `mode_override` alone (no reply with it) is accepted in the request phase only, from NONE
//!   or STREAMED to FDS for the request body. In the response phase, or where overrides are not
//!   allowed, it ends the exchange with a 500.
//! - So there is no way to have a whole response body of any size while its head can still be
//!   changed, once the response's headers are here: an override in the header reply lets the
//!   head go (STREAMED, FDS) or has a limit (BUFFERED, `BUFFERED_PARTIAL`); with a body reply it is
//!   ignored. One that comes with a reply to the *request's* trailers is taken, and the head can
//!   wait; but what Envoy held of the body by then is never sent, and the exchange hangs.
//! - A response body that the Worker reads before it answers is asked for with an override to
//!   `BUFFERED_PARTIAL` in the header reply: Envoy still takes status and header changes with the
//!   body reply. Up to the buffer limit (the listener's `per_connection_buffer_limit_bytes`, or
//!   the HTTP/2 window of the client's stream) the one message is the whole body; above it Envoy
//!   sends what it has at once, somewhat more than the limit, and after the body reply it adds
//!   the rest as it came. Only an `ImmediateResponse` gets rid of that rest. BUFFERED instead would
//!   hang: what Envoy held before the header reply keeps it from reading on.
//! - BUFFERED has the limit for a body reply's new body as well: above it, Envoy answers 500.
//! - `BUFFERED_PARTIAL` announces a cut body and one that is followed by trailers alike, with
//!   `end_of_stream` false (see [`Machine::is_whole`]).
//! - An override of the *response* body to FDS in the reply to the request's headers lets the
//!   response's header reply wait for the body, without a limit: every body of that Worker then
//!   comes here ([`Hints::reads_response_first`]). It can't be taken back in the response phase,
//!   since a body on its way is lost.
//! - A response whose handler answers with a stream gets FDS with the header reply.
//! - `CONTINUE_AND_REPLACE` always makes the message chunked (HTTP/1.1), whatever
//!   `content-length` says. `ImmediateResponse` sets the right `content-length`, takes several
//!   `set-cookie`, works in both phases, and adds `content-type: text/plain` to a body without
//!   one; a gRPC request gets it as trailers.
//! - After an override of a body whose head came before it, Envoy leaves the `content-length` that
//!   came alone: it must be removed, or set to what will leave. In all modes but NONE and BUFFERED it
//!   ignores a mutation that sets it, unless the filter has `allow_content_length_header`; removing
//!   works always. A mutation that removes *and* sets it is right in both cases: the new length,
//!   or a chunked body.
//! - A stream that ends with an error is no safe way to break a message off: with
//!   `failure_mode_allow` Envoy goes on with the original's rest. `ImmediateResponse` is, in every
//!   mode: it resets a message that has begun.
//! - `mode_override` is ignored when FDS is *configured* in either direction.
//! - `StreamedImmediateResponse` needs both body modes to be NONE or FDS.
//! - Envoy stops reading a message when what it sends here is not taken, in every mode, and when
//!   the message's receiver is slow. It never stops taking what comes from here: a transformed body
//!   is held back by the original's source, but a Worker's own stream to a slow client is
//!   collected in Envoy without a limit. Nothing in the protocol tells that it is.

mod advance;
mod answer;
mod by_name;
mod diff;
mod heads;
mod leg;
mod mode;
mod reply;
#[cfg(test)]
mod tests;
mod texts;

use bytes::Bytes;

use super::proto::processing_request::Request;
use super::proto::{AttributesEntry, HttpBody, HttpHeaders, ProcessingRequest, ProcessingResponse};
use super::settings::Settings;
use super::status::Status;
use crate::exchange::{
    Close, Command, Continue, Event, OutBody, RequestHead, Respond, ResponseHead, Side,
};
use leg::{Arriving, Head, Leaving, Leg, Plan, Reader};
pub use mode::BodyMode;

/// What an input led to, in the order in which it is to be done: replies, then events, then the
/// end of the stream.
#[derive(Debug, Default)]
pub struct Outputs {
    pub replies: Vec<ProcessingResponse>,
    pub events: Vec<Event>,
    /// Bytes of the Worker's leaving bodies (by [`Side`]) that are in `replies`, or kept here in
    /// the outbox's place: release them once the replies were sent.
    pub released: [usize; 2],
    /// The Worker reads a response before it answers, and Envoy can't hold it back as a whole:
    /// [`Hints::reads_response_first`] would help the next time.
    pub response_did_not_fit: bool,
    /// The stream ends with this status after the replies.
    pub close: Option<Status>,
}

/// What the front end knows of the Worker beyond its commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// This Worker's handlers read the upstream's response body before they answer.
    pub reads_response_first: bool,
}

/// What the first message said, for the choice of the Worker.
#[derive(Debug)]
pub struct Opened {
    pub head: RequestHead,
    pub attributes: Vec<AttributesEntry>,
    /// Not an exchange that a Worker can handle (CONNECT): let it pass.
    pub pass: bool,
}

/// The state of one exchange.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Machine {
    request: Leg,
    response: Leg,
    request_head: RequestHead,
    response_head: ResponseHead,
    /// The response's head as the Worker wants it, until it was compared to what arrived.
    wanted_response: Option<ResponseHead>,
    /// Whether Envoy can be expected to carry out a `mode_override` here.
    overrides: bool,
    /// STREAMED bodies come before the header reply was given.
    body_comes_early: bool,
    observability: bool,
    streamed_immediate: bool,
    response_buffer_bytes: u64,
    hints: Hints,
    continued: bool,
    /// The Worker knows of the response.
    announced: bool,
    /// The Worker will not look at the response: no response phase.
    skip_response: bool,
    /// The Worker's own answer before a `Continue`, and what was sent of it.
    answer: Option<answer::Answer>,
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    closed: bool,
}

impl Machine {
    /// Takes the first message of a stream.
    pub fn open(first: ProcessingRequest, settings: &Settings) -> Result<(Self, Opened), Status> {
        let headers = match first.request {
            Some(Request::RequestHeaders(headers)) => headers,
            Some(Request::ResponseHeaders(_)) => return Err(texts::no_request_headers()),
            Some(_) => {
                return Err(Status::out_of_order("the first message must be request_headers"));
            }
            None => return Err(texts::unknown_message()),
        };
        let config = first.protocol_config.unwrap_or_default();
        let request_mode = BodyMode::from_wire(config.request_body_mode, "request_body_mode")?;
        let response_mode = BodyMode::from_wire(config.response_body_mode, "response_body_mode")?;
        let configured_fds = [request_mode, response_mode].contains(&BodyMode::FullDuplexStreamed);
        let body_comes_early = config.send_body_without_waiting_for_header_response;
        let observability = first.observability_mode;

        let has_body = !headers.end_of_stream;
        let head = heads::request(headers.headers.unwrap_or_default(), has_body)?;
        let mut machine = Self {
            request: Leg::new(Side::Request, request_mode),
            response: Leg::new(Side::Response, response_mode),
            request_head: head.clone(),
            response_head: ResponseHead::default(),
            wanted_response: None,
            overrides: settings.mode_override
                && !configured_fds
                && !body_comes_early
                && !observability,
            body_comes_early: body_comes_early || observability,
            observability,
            streamed_immediate: settings.streamed_immediate && !observability,
            response_buffer_bytes: settings.response_buffer_bytes,
            hints: Hints::default(),
            continued: false,
            announced: false,
            skip_response: false,
            answer: None,
            metadata: None,
            closed: false,
        };
        machine.request.head_arrived(has_body);
        let pass = head.method.as_ref() == b"CONNECT";
        Ok((machine, Opened { head, attributes: first.attributes, pass }))
    }

    /// To be called before the first commands.
    pub fn set_hints(&mut self, hints: Hints) {
        self.hints = hints;
    }

    /// A message after the first.
    pub fn message(&mut self, message: ProcessingRequest, out: &mut Outputs) {
        if self.closed {
            return;
        }
        let taken = match message.request {
            Some(Request::RequestHeaders(_)) => {
                Err(Status::out_of_order("request_headers came a second time"))
            }
            Some(Request::ResponseHeaders(headers)) => self.response_headers(headers, out),
            Some(Request::RequestBody(body)) => self.body(Side::Request, body, out),
            Some(Request::ResponseBody(body)) => self.body(Side::Response, body, out),
            Some(Request::RequestTrailers(_)) => self.trailers(Side::Request, out),
            Some(Request::ResponseTrailers(_)) => self.trailers(Side::Response, out),
            None => Err(texts::unknown_message()),
        };
        match taken {
            Ok(()) if self.closed => {}
            Ok(()) => self.advance(out),
            Err(status) => self.close(status, Close::Disconnected, out),
        }
    }

    /// A batch of the engine's commands, decided together.
    pub fn commands(&mut self, batch: &mut Vec<Command>, out: &mut Outputs) {
        for command in batch.drain(..) {
            self.command(command, out);
        }
        if !self.closed {
            self.advance(out);
        }
    }

    /// Envoy ended its side of the stream: it needs nothing more.
    pub fn half_closed(&mut self, out: &mut Outputs) {
        if !self.closed {
            self.hint_at_settings();
            let close = if self.is_finished() { Close::Complete } else { Close::Disconnected };
            self.close(Status::ok(), close, out);
        }
    }

    /// A clean end with work left: the client left (Envoy half-closes first), or the filter is set
    /// up so that the rest does not come here.
    fn hint_at_settings(&self) {
        let no_response = self.response.head == Head::Awaited && !self.skip_response;
        if self.request.is_done() && no_response {
            tracing::debug!(
                "Envoy ended the stream before the response: the client left, or \
                 response_header_mode is not SEND in the ext_proc filter's processing_mode"
            );
        }
        for leg in [&self.request, &self.response] {
            if leg.mode == BodyMode::Streamed && matches!(leg.plan, Plan::Own(_)) {
                let name = texts::name(leg.side);
                tracing::debug!(
                    "Envoy ended the stream before the {name} body did: the client left, or the \
                     body has trailers and {name}_trailer_mode is not SEND in the ext_proc \
                     filter's processing_mode"
                );
            }
        }
    }

    /// The peer sent something that is no message.
    pub fn refuse(&mut self, status: Status, out: &mut Outputs) {
        if !self.closed {
            self.close(status, Close::Disconnected, out);
        }
    }

    /// The stream was reset or its connection broke.
    pub fn disconnected(&mut self, out: &mut Outputs) {
        if !self.closed {
            self.close(Status::ok(), Close::Disconnected, out);
        }
    }

    /// Whether the next message may be read: no more than a window of body bytes waits for the
    /// Worker. Not reading lets Envoy's HTTP/2 window fill and stops the sender.
    pub fn wants_messages(&self) -> bool {
        !(self.request.is_full() || self.response.is_full())
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn leg(&mut self, side: Side) -> &mut Leg {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }

    fn response_headers(&mut self, headers: HttpHeaders, out: &mut Outputs) -> Result<(), Status> {
        if self.response.head != Head::Awaited {
            return Err(Status::out_of_order("response_headers came a second time"));
        }
        let has_body = !headers.end_of_stream;
        let head = heads::response(headers.headers.unwrap_or_default(), has_body)?;
        self.response.head_arrived(has_body);
        self.response_head = head;
        if !self.continued && !self.observability {
            // Envoy itself answered (a timeout, a limit) while the Worker had the request.
            self.send(reply::headers(Side::Response, None, None), out);
            self.close(Status::ok(), Close::Disconnected, out);
        }
        Ok(())
    }

    fn body(&mut self, side: Side, body: HttpBody, out: &mut Outputs) -> Result<(), Status> {
        let leg = self.leg(side);
        let name = texts::name(side);
        if leg.head == Head::Awaited {
            return Err(Status::out_of_order(format!("{name}_body came before {name}_headers")));
        }
        if leg.arriving == Arriving::Ended {
            return Err(Status::out_of_order(format!(
                "{name}_body came after the end of the {name}"
            )));
        }
        if leg.mode == BodyMode::None {
            if leg.configured == BodyMode::None {
                return Err(Status::out_of_order(format!(
                    "{name}_body came though {name}_body_mode is NONE"
                )));
            }
            leg.mode = leg.configured;
            self.override_ignored(side);
        }
        let leg = self.leg(side);
        leg.arriving = Arriving::Started;
        if leg.mode != BodyMode::FullDuplexStreamed {
            leg.owed_bodies += 1;
        }
        let buffered = leg.mode.is_buffered();
        let cut = leg.mode == BodyMode::BufferedPartial && !body.end_of_stream;
        if cut && !self.is_whole(side, body.body.len()) {
            self.body_was_cut(side, body.body, out);
            return Ok(());
        }
        let leg = self.leg(side);
        leg.chunk(body.body, &mut out.events);
        // In BUFFERED the one message is the whole body; trailers may follow it.
        if body.end_of_stream || buffered {
            leg.end(&mut out.events);
        }
        Ok(())
    }

    /// Whether a body that `BUFFERED_PARTIAL` gave without `end_of_stream` is all there is. Envoy does
    /// not say whether the rest of the body follows, or trailers: that the length is as announced
    /// shows the one, and where trailers were announced, a size within the limit the other. In
    /// doubt it was cut: a wrong error can be seen, half a body can't.
    fn is_whole(&self, side: Side, bytes: usize) -> bool {
        let headers = match side {
            Side::Request => &self.request_head.headers,
            Side::Response => &self.response_head.headers,
        };
        let bytes = bytes as u64;
        match headers.content_length() {
            Some(length) => bytes == length,
            None => heads::announces_trailers(headers) && bytes <= self.response_buffer_bytes,
        }
    }

    /// Only a part of a body came and can be replaced; the rest will follow as it is.
    fn body_was_cut(&mut self, side: Side, body: Bytes, out: &mut Outputs) {
        let reason = match side {
            Side::Response if self.overrides => {
                out.response_did_not_fit = true;
                texts::response_too_large(None, self.response_buffer_bytes)
            }
            _ => texts::larger_than_buffer(side),
        };
        let leg = self.leg(side);
        leg.cut = Some(reason);
        leg.chunk(body, &mut out.events);
        leg.end(&mut out.events);
    }

    fn override_ignored(&mut self, side: Side) {
        if self.overrides {
            self.overrides = false;
            tracing::warn!(
                side = texts::name(side),
                "Envoy ignored a mode_override: set allow_mode_override in the ext_proc filter, \
                 or mode_override = off here"
            );
        }
    }

    fn trailers(&mut self, side: Side, out: &mut Outputs) -> Result<(), Status> {
        let leg = self.leg(side);
        let name = texts::name(side);
        if leg.head == Head::Awaited {
            return Err(Status::out_of_order(format!(
                "{name}_trailers came before {name}_headers"
            )));
        }
        if leg.owes_trailers || (leg.arriving == Arriving::Ended && !leg.mode.is_buffered()) {
            return Err(Status::out_of_order(format!(
                "{name}_trailers came after the end of the {name}"
            )));
        }
        leg.owes_trailers = true;
        if leg.arriving != Arriving::Ended {
            leg.end(&mut out.events);
        }
        Ok(())
    }

    fn command(&mut self, command: Command, out: &mut Outputs) {
        match command {
            Command::Body(side, chunk) => self.leaving_chunk(side, chunk, out),
            _ if self.closed => {}
            Command::ReadBody(side) => self.read_body(side, out),
            Command::Consumed(side, bytes) => {
                let leg = self.leg(side);
                leg.unconsumed = leg.unconsumed.saturating_sub(bytes);
            }
            Command::CancelBody(side) => self.leg(side).drop_arriving(),
            Command::Continue(Continue { head, body }) => self.go_on(head, body),
            Command::Respond(Respond { head, body }) => self.respond(head, body),
            Command::BodyEnd(side) => {
                if let Some(leaving) = self.leg(side).own() {
                    leaving.ended = true;
                }
            }
            Command::BodyError(side, reason) => {
                if let Some(leaving) = self.leg(side).own() {
                    leaving.error = Some(reason);
                }
            }
            Command::PassThrough => self.pass_through(),
            Command::Metadata(values) => match &mut self.metadata {
                Some(metadata) => metadata.extend(values),
                None => self.metadata = Some(values),
            },
        }
    }

    fn leaving_chunk(&mut self, side: Side, chunk: Bytes, out: &mut Outputs) {
        let bytes = chunk.len();
        let closed = self.closed;
        match self.leg(side).own() {
            Some(leaving) if !closed && !leaving.ended => leaving.push_counted(chunk),
            _ => out.released[side as usize] += bytes,
        }
    }

    fn read_body(&mut self, side: Side, out: &mut Outputs) {
        let leg = self.leg(side);
        match (leg.reader, &leg.plan) {
            (Reader::Reading | Reader::Finished, _) => {}
            (Reader::Dropping, _) | (_, Plan::Done | Plan::AsItCame) if leg.has_body => {
                leg.fail_reader(texts::body_gone(side), &mut out.events);
            }
            _ => leg.deliver_queue(&mut out.events),
        }
    }

    fn go_on(&mut self, head: Option<RequestHead>, body: OutBody) {
        if self.continued || self.answer.is_some() {
            return;
        }
        self.continued = true;
        self.request.plan = match body {
            OutBody::AsItCame => Plan::AsItCame,
            own => Plan::Own(Leaving::new(own, head.as_ref().map(|head| &head.headers))),
        };
        self.request.changes = head.map(|wanted| diff::request(&self.request_head, &wanted));
    }

    fn respond(&mut self, head: Option<ResponseHead>, body: OutBody) {
        if self.answer.is_some() || !matches!(self.response.plan, Plan::Undecided) {
            return;
        }
        match (self.continued, head, body) {
            (false, None, _) => self.pass_through(),
            (false, Some(head), body) => {
                self.response.plan = Plan::Own(Leaving::new(body, Some(&head.headers)));
                self.answer = Some(answer::Answer::new(head));
            }
            (true, head, OutBody::AsItCame) => {
                // Without changes the response phase is not needed, if Envoy can still be told.
                self.skip_response = head.is_none() && self.request.head == Head::Owed;
                self.response.plan = Plan::AsItCame;
                self.wanted_response = head;
            }
            (true, head, own) => {
                let fields = head.as_ref().map(|head| &head.headers);
                self.response.plan = Plan::Own(Leaving::new(own, fields));
                self.wanted_response = head;
            }
        }
    }

    fn pass_through(&mut self) {
        if !self.continued {
            self.go_on(None, OutBody::AsItCame);
        }
        self.respond(None, OutBody::AsItCame);
    }

    fn close(&mut self, status: Status, close: Close, out: &mut Outputs) {
        self.closed = true;
        for leg in [&mut self.request, &mut self.response] {
            if let Some(leaving) = leg.own() {
                out.released[leg.side as usize] += leaving.collect();
            }
        }
        out.events.push(Event::Closed(close));
        out.close = Some(status);
    }
}

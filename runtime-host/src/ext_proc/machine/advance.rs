//! What can be done now, in each direction.

use super::diff::{self, Changes};
use super::leg::{Arriving, Head, Plan, Reader};
use super::mode::{BodyMode, processing_mode};
use super::{Machine, Outputs, reply, texts};
use crate::exchange::{Close, Event, ResponseHead, Side};
use crate::ext_proc::attributes;
use crate::ext_proc::proto::{ProcessingMode, ProcessingResponse};
use crate::ext_proc::settings::{COLLECT_LIMIT_BYTES, MAX_CHUNK_BYTES};
use crate::ext_proc::status::Status;

impl Machine {
    pub(super) fn advance(&mut self, out: &mut Outputs) {
        if self.answer.is_some() {
            self.advance_answer(out);
        } else {
            self.announce_response(out);
            for side in [Side::Request, Side::Response] {
                if !self.closed && self.leg(side).head == Head::Owed {
                    self.advance_head(side, out);
                }
                if !self.closed && self.leg(side).head == Head::Replied {
                    self.advance_body(side, out);
                }
            }
        }
        if !self.closed && self.is_finished() {
            self.close(Status::ok(), Close::Complete, out);
        }
    }

    /// Tells the Worker of the response. In observability mode it can be here before the Worker
    /// continued the exchange.
    fn announce_response(&mut self, out: &mut Outputs) {
        let arrived = self.response.head != Head::Awaited;
        if arrived && self.continued && !self.announced && !self.skip_response {
            self.announced = true;
            out.events.push(Event::Response(self.response_head.clone()));
        }
    }

    /// Nothing is left to do here. A response that nobody waits for must still be passed on when
    /// Envoy sends its body: what is on its way at a close is lost.
    pub(super) fn is_finished(&self) -> bool {
        let no_response = self.skip_response && self.response.mode == BodyMode::None;
        self.request.is_done() && (no_response || self.response.is_done())
    }

    /// Every reply goes through here. In observability mode Envoy ignores them: none is sent.
    pub(super) fn send(&mut self, mut reply: ProcessingResponse, out: &mut Outputs) {
        if self.observability {
            return;
        }
        if reply.response.is_some() {
            reply.dynamic_metadata = self.metadata.take().map(attributes::dynamic_metadata);
        }
        out.replies.push(reply);
    }

    fn advance_head(&mut self, side: Side, out: &mut Outputs) {
        let overrides = self.overrides;
        let leg = self.leg(side);
        match leg.plan {
            Plan::Undecided => {
                if leg.reader == Reader::Reading {
                    self.ask_for_body(side, out);
                }
            }
            Plan::AsItCame => {
                let fds = leg.mode == BodyMode::FullDuplexStreamed && leg.has_body;
                let mode = if overrides && !fds { BodyMode::None } else { leg.mode };
                let done = !leg.has_body || mode == BodyMode::None;
                let changes = self.take_changes(side);
                self.reply_head(side, changes, mode, out);
                if done {
                    self.leg(side).plan = Plan::Done;
                }
            }
            Plan::Own(_) => self.leave_head(side, out),
            Plan::Done => {}
        }
    }

    /// The Worker reads the body and has not decided yet: makes Envoy send it, if it does not
    /// come by itself, while the head can still be changed.
    pub(super) fn ask_for_body(&mut self, side: Side, out: &mut Outputs) {
        let (overrides, observability) = (self.overrides, self.observability);
        let (early, limit) = (self.body_comes_early, self.response_buffer_bytes);
        let length = self.response_head.headers.content_length();
        let leg = self.leg(side);
        match (side, leg.mode) {
            (_, BodyMode::Streamed) if early => {}
            (_, BodyMode::FullDuplexStreamed) if !observability => {}
            (Side::Request, BodyMode::None | BodyMode::Streamed) if overrides => {
                self.override_request_body(out);
            }
            (Side::Response, _) if overrides => match length {
                Some(length) if length > limit => {
                    let reason = texts::response_too_large(Some(length), limit);
                    leg.fail_reader(reason, &mut out.events);
                    out.response_did_not_fit = true;
                }
                _ => self.reply_head(side, None, BodyMode::BufferedPartial, out),
            },
            (Side::Request, mode) if mode.is_buffered() && overrides => {
                self.reply_head(side, None, BodyMode::Buffered, out);
            }
            (_, mode) if mode.is_buffered() && !observability => {
                self.reply_head(side, None, mode, out);
            }
            (_, mode) => {
                leg.fail_reader(texts::body_not_sent(side, mode, observability), &mut out.events);
            }
        }
    }

    /// The standalone override: the request body comes, and the header reply can wait.
    fn override_request_body(&mut self, out: &mut Outputs) {
        self.request.mode = BodyMode::FullDuplexStreamed;
        let mode = processing_mode(BodyMode::FullDuplexStreamed, self.response.mode, false);
        self.send(reply::standalone(mode), out);
    }

    /// The reply to the headers of a message whose body the Worker makes.
    fn leave_head(&mut self, side: Side, out: &mut Outputs) {
        let overrides = self.overrides;
        let leg = self.leg(side);
        let (mode, has_body) = (leg.mode, leg.has_body);
        let sent_early = self.sent_early(side);
        // In FULL_DUPLEX_STREAMED the body is on its way, and can only be followed by another.
        let follows =
            mode == BodyMode::FullDuplexStreamed && has_body && self.immediate_is_inexact();
        let Some(leaving) = self.leg(side).own() else { return };
        let whole = leaving.is_whole();
        if let Some(reason) = leaving.error.take() {
            return self.abort(side, reason, out);
        }
        let fds = BodyMode::FullDuplexStreamed;
        match mode {
            _ if whole && side == Side::Response && !follows => self.replace_response(out),
            _ if whole && (!has_body || (mode != fds && !sent_early)) => self.replace_request(out),
            _ if !has_body => self.collect(side, out),
            BodyMode::FullDuplexStreamed => self.reply_own_head(side, fds, out),
            BodyMode::None | BodyMode::Streamed if overrides && side == Side::Request => {
                self.override_request_body(out);
                self.reply_own_head(side, fds, out);
            }
            _ if overrides => self.reply_own_head(side, fds, out),
            BodyMode::Streamed => self.reply_own_head(side, mode, out),
            BodyMode::Buffered | BodyMode::BufferedPartial => {
                self.reply_head(side, None, mode, out);
            }
            BodyMode::None => {
                self.refuse_reader(side, out);
                self.collect(side, out);
            }
        }
    }

    /// Body messages may be here or on their way before the header reply: Envoy then refuses to
    /// replace the body with that.
    fn sent_early(&mut self, side: Side) -> bool {
        let early = self.body_comes_early;
        let leg = self.leg(side);
        early && leg.has_body && leg.mode == BodyMode::Streamed
    }

    /// The body stays with Envoy, whether the Worker wants it or not.
    fn refuse_reader(&mut self, side: Side, out: &mut Outputs) {
        let observability = self.observability;
        let leg = self.leg(side);
        if leg.reader == Reader::Reading {
            let reason = texts::body_not_sent(side, leg.mode, observability);
            leg.fail_reader(reason, &mut out.events);
        }
    }

    fn reply_own_head(&mut self, side: Side, mode: BodyMode, out: &mut Outputs) {
        let mut changes = self.take_changes(side).unwrap_or_default();
        self.frame_own(side, &mut changes);
        self.reply_head(side, Some(changes), mode, out);
    }

    /// Makes `content-length` true for a body of the Worker's, or takes it away where Envoy does
    /// not take another one. A message with it can't have trailers in HTTP/1.1, so where none came
    /// it is given only to a stream whose length the Worker said.
    fn frame_own(&mut self, side: Side, changes: &mut Changes) {
        let arrived = match side {
            Side::Request => self.request_head.headers.get("content-length"),
            Side::Response => self.response_head.headers.get("content-length"),
        }
        .cloned();
        let Some(leaving) = self.leg(side).own() else { return };
        let whole = leaving.is_whole().then_some(leaving.bytes as u64);
        let length = leaving.length.or(whole.filter(|_| arrived.is_some()));
        let length = length.map(|length| length.to_string());
        if arrived.as_deref() == length.as_deref().map(str::as_bytes) {
            return;
        }
        if arrived.is_some() {
            changes.remove("content-length");
        }
        if let Some(length) = length {
            changes.set("content-length", length);
        }
    }

    /// Replaces the request's body, or its absence, in the header reply.
    fn replace_request(&mut self, out: &mut Outputs) {
        let changes = self.take_changes(Side::Request).unwrap_or_default();
        let has_body = self.request.has_body;
        let Some(leaving) = self.request.own() else { return };
        let (body, released) = leaving.take();
        out.released[Side::Request as usize] += released;
        self.request.plan = Plan::Done;
        if body.is_empty() && !has_body {
            return self.reply_head(Side::Request, Some(changes), BodyMode::None, out);
        }
        let mut reply = reply::replace(Side::Request, changes, body);
        reply.mode_override = self.head_override(Side::Request, BodyMode::None);
        self.request.head = Head::Replied;
        self.send(reply, out);
    }

    /// Replaces the whole response, or what Envoy still holds back of it. An `ImmediateResponse` is
    /// exact but for the `content-type` it adds, and becomes trailers for a gRPC client.
    fn replace_response(&mut self, out: &mut Outputs) {
        let head = self.wanted_response.clone().unwrap_or_else(|| self.response_head.clone());
        let inexact = self.immediate_is_inexact();
        let sent_early = self.sent_early(Side::Response);
        let Some(leaving) = self.response.own() else { return };
        let (body, released) = leaving.take();
        out.released[Side::Response as usize] += released;
        self.response.plan = Plan::Done;
        let head_is_owed = self.response.head == Head::Owed;
        if inexact && head_is_owed && !sent_early {
            let changes = self.take_changes(Side::Response).unwrap_or_default();
            let mut reply = reply::replace(Side::Response, changes, body);
            reply.mode_override = self.head_override(Side::Response, BodyMode::None);
            self.response.head = Head::Replied;
            return self.send(reply, out);
        }
        self.send(reply::immediate(&head, body), out);
        self.close(Status::ok(), Close::Complete, out);
    }

    /// Whether an `ImmediateResponse` would be something else than the Worker's whole response.
    fn immediate_is_inexact(&self) -> bool {
        let head = self.wanted_response.as_ref().unwrap_or(&self.response_head);
        let bytes = if let Plan::Own(leaving) = &self.response.plan { leaving.bytes } else { 0 };
        self.is_grpc() || (bytes > 0 && head.headers.get("content-type").is_none())
    }

    pub(super) fn is_grpc(&self) -> bool {
        let content_type = self.request_head.headers.get("content-type");
        content_type.is_some_and(|value| value.starts_with(b"application/grpc"))
    }

    /// The whole body is needed before anything can be sent.
    pub(super) fn collect(&mut self, side: Side, out: &mut Outputs) {
        let Some(leaving) = self.leg(side).own() else { return };
        let (bytes, released) = (leaving.bytes, leaving.collect());
        out.released[side as usize] += released;
        if bytes > COLLECT_LIMIT_BYTES {
            self.abort(side, texts::too_large_to_collect(side), out);
        }
    }

    fn take_changes(&mut self, side: Side) -> Option<Changes> {
        if side == Side::Response
            && let Some(wanted) = self.wanted_response.take()
        {
            self.response.changes = Some(diff::response(&self.response_head, &wanted));
        }
        self.leg(side).changes.take()
    }

    fn reply_head(
        &mut self,
        side: Side,
        changes: Option<Changes>,
        mode: BodyMode,
        out: &mut Outputs,
    ) {
        let mode = self.head_override(side, mode);
        self.leg(side).head = Head::Replied;
        self.send(reply::headers(side, changes, mode), out);
    }

    /// The override that goes with a header reply, if it is needed: it puts this side's body
    /// into `mode`, and says what is to happen in the response phase.
    fn head_override(&mut self, side: Side, mode: BodyMode) -> Option<ProcessingMode> {
        if !self.overrides {
            return None;
        }
        let (request, response, skip) = match side {
            Side::Request if self.skip_response => (mode, BodyMode::None, true),
            Side::Request if self.hints.reads_response_first => {
                (mode, BodyMode::FullDuplexStreamed, false)
            }
            // NONE: what the response needs is decided when its headers are here.
            Side::Request => (mode, BodyMode::None, false),
            Side::Response => (self.request.mode, mode, false),
        };
        if !skip && self.request.mode == request && self.response.mode == response {
            return None;
        }
        self.request.mode = request;
        self.response.mode = response;
        Some(processing_mode(request, response, skip))
    }

    fn advance_body(&mut self, side: Side, out: &mut Outputs) {
        match self.leg(side).mode {
            BodyMode::FullDuplexStreamed => self.advance_duplex(side, out),
            BodyMode::Streamed => self.advance_streamed(side, out),
            BodyMode::Buffered | BodyMode::BufferedPartial => self.advance_buffered(side, out),
            BodyMode::None => {}
        }
        let leg = self.leg(side);
        if leg.owes_trailers && leg.is_done() {
            leg.owes_trailers = false;
            self.send(reply::trailers(side), out);
        }
    }

    /// `FULL_DUPLEX_STREAMED`: pieces go out as they are there, the end after what arrives ended.
    fn advance_duplex(&mut self, side: Side, out: &mut Outputs) {
        let leg = self.leg(side);
        // A body that is sent before anything arrived is lost.
        if matches!(leg.plan, Plan::Own(_)) && leg.arriving == Arriving::NotStarted {
            return;
        }
        if let Some(reason) = leg.own().and_then(|leaving| leaving.error.take()) {
            return self.abort(side, reason, out);
        }
        loop {
            let leg = self.leg(side);
            let piece = match &mut leg.plan {
                Plan::AsItCame => leg.take_queued().map(|chunk| (chunk, 0)),
                Plan::Own(leaving) => leaving.pop(MAX_CHUNK_BYTES),
                Plan::Undecided | Plan::Done => return,
            };
            let arrived = leg.arriving == Arriving::Ended;
            let ended = arrived
                && match &leg.plan {
                    Plan::Own(leaving) => leaving.is_whole() && leaving.chunks.is_empty(),
                    _ => leg.queue.is_empty(),
                };
            let end_of_stream = ended && !leg.owes_trailers;
            let (piece, released) = match piece {
                Some(piece) => piece,
                None if end_of_stream => Default::default(),
                None if ended => {
                    leg.plan = Plan::Done;
                    return;
                }
                None => return,
            };
            if ended {
                leg.plan = Plan::Done;
            }
            out.released[side as usize] += released;
            self.send(reply::streamed(side, piece, end_of_stream), out);
        }
    }

    /// STREAMED: one reply for each message. Each carries what is there of the Worker's body, and
    /// waits until the Worker took what the message brought; the last one waits for all of it.
    fn advance_streamed(&mut self, side: Side, out: &mut Outputs) {
        loop {
            let leg = self.leg(side);
            let ended = leg.arriving == Arriving::Ended;
            let last = ended && leg.owed_bodies == 1 && !leg.owes_trailers;
            let Plan::Own(leaving) = &mut leg.plan else {
                return self.pass_bodies(side, out);
            };
            if let Some(reason) = leaving.error.take() {
                return self.abort(side, reason, out);
            }
            let in_work = leg.reader == Reader::Reading && leg.unconsumed > 0;
            if leg.owed_bodies == 0 || (last && !leaving.ended) {
                if !ended {
                    // What it makes of the rest of a message that was answered goes with the next
                    // reply; for that message to be read the Worker must be able to take this rest.
                    if in_work {
                        self.collect(side, out);
                    }
                    return;
                }
                if leaving.ended && leaving.bytes == 0 {
                    leg.plan = Plan::Done;
                } else if leaving.ended {
                    self.abort(side, texts::output_after_trailers(side), out);
                } else {
                    self.collect(side, out);
                }
                return;
            }
            if in_work && leg.owed_bodies == 1 && leaving.bytes == 0 && !ended {
                return;
            }
            let (body, released) = leaving.take();
            leg.owed_bodies -= 1;
            if last {
                leg.plan = Plan::Done;
            }
            out.released[side as usize] += released;
            self.send(reply::body(side, None, Some(body)), out);
        }
    }

    /// BUFFERED and `BUFFERED_PARTIAL`: the reply to the one body message still takes the header
    /// changes.
    fn advance_buffered(&mut self, side: Side, out: &mut Outputs) {
        let limit = self.response_buffer_bytes;
        let leg = self.leg(side);
        if leg.owed_bodies == 0 {
            return;
        }
        if let Some(reason) = leg.own().and_then(|leaving| leaving.error.take()) {
            return self.abort(side, reason, out);
        }
        let (buffered, cut) = (leg.mode == BodyMode::Buffered, leg.cut.is_some());
        match &mut leg.plan {
            Plan::Undecided => {}
            Plan::AsItCame | Plan::Done => self.pass_bodies(side, out),
            // A body reply would leave the rest of the old body behind the new one.
            Plan::Own(leaving) if leaving.is_whole() && cut && side == Side::Request => {
                self.abort(side, texts::larger_than_buffer(side), out);
            }
            // Or it would be refused: BUFFERED has its limit for the new body as well.
            Plan::Own(leaving)
                if leaving.is_whole()
                    && side == Side::Response
                    && (cut || (buffered && leaving.bytes as u64 > limit)) =>
            {
                self.replace_response(out);
            }
            Plan::Own(leaving) if leaving.is_whole() => {
                let mut changes = self.take_changes(side).unwrap_or_default();
                self.frame_own(side, &mut changes);
                let leg = self.leg(side);
                let Some(leaving) = leg.own() else { return };
                let (body, released) = leaving.take();
                leg.owed_bodies -= 1;
                leg.plan = Plan::Done;
                out.released[side as usize] += released;
                self.send(reply::body(side, Some(changes), Some(body)), out);
            }
            Plan::Own(_) => self.collect(side, out),
        }
    }

    /// Replies to body messages whose content stays as it is.
    fn pass_bodies(&mut self, side: Side, out: &mut Outputs) {
        while self.leg(side).owed_bodies > 0 {
            let changes = self.take_changes(side);
            let leg = self.leg(side);
            leg.owed_bodies -= 1;
            while leg.take_queued().is_some() {}
            self.send(reply::body(side, changes, None), out);
        }
        let leg = self.leg(side);
        if leg.arriving == Arriving::Ended && matches!(leg.plan, Plan::AsItCame) {
            leg.plan = Plan::Done;
        }
    }

    /// The Worker's body failed or can't be sent. An `ImmediateResponse` is an error page where
    /// nothing was sent yet; later Envoy resets the message with it, so that its receiver sees it
    /// is broken. An error of the stream would not do: with `failure_mode_allow` Envoy appends
    /// what is left of the original body (tried on 1.40, STREAMED).
    pub(super) fn abort(&mut self, side: Side, reason: String, out: &mut Outputs) {
        tracing::warn!(side = texts::name(side), reason, "a Worker's body failed");
        let mut head = ResponseHead { status: 500, ..ResponseHead::default() };
        head.headers.push("content-type", "text/plain; charset=utf-8");
        self.send(reply::immediate(&head, "The Worker's body failed.\n".into()), out);
        self.close(Status::ok(), Close::Complete, out);
    }
}

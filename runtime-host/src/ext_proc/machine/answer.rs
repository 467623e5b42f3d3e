//! The Worker's own answer, given before the request went on.

use bytes::Bytes;

use super::by_name::ByName;
use super::leg::{Head, Reader};
use super::mode::BodyMode;
use super::{Machine, Outputs, reply};
use crate::exchange::{Close, ResponseHead, Side};
use crate::ext_proc::settings::MAX_CHUNK_BYTES;
use crate::ext_proc::status::Status;

/// The head of the answer; its body is the response direction's leaving body.
pub(super) struct Answer {
    head: ResponseHead,
    /// Several fields have one name.
    repeats: bool,
    /// A streamed immediate response has begun.
    started: bool,
}

impl Answer {
    pub fn new(head: ResponseHead) -> Self {
        let repeats = ByName::new(&head.headers).repeats();
        Self { head, repeats, started: false }
    }
}

impl Machine {
    pub(super) fn advance_answer(&mut self, out: &mut Outputs) {
        let Some(answer) = &self.answer else { return };
        if answer.started {
            return self.stream_answer(out);
        }
        let whole = self.response.own().is_some_and(|leaving| leaving.is_whole());
        if !whole && self.request.head == Head::Owed && self.request.reader == Reader::Reading {
            // It can't be asked for once the answer has begun.
            self.ask_for_body(Side::Request, out);
            if self.request.reader == Reader::Finished {
                // The Worker learns that it can't be had, and may answer with an error.
                return;
            }
        }
        let streams = self.answer_can_stream();
        let is_head = self.request_head.method.as_ref() == b"HEAD";
        let grpc = self.is_grpc();
        let Some(answer) = &mut self.answer else { return };
        let Some(leaving) = self.response.own() else { return };
        if let Some(reason) = leaving.error.take() {
            return self.abort(Side::Response, reason, out);
        }
        if leaving.is_whole() {
            let untyped = leaving.bytes > 0 && answer.head.headers.get("content-type").is_none();
            if !(streams && (untyped || grpc)) || is_head {
                let (body, released) = leaving.take();
                out.released[Side::Response as usize] += released;
                let reply = reply::immediate(&answer.head, body);
                self.send(reply, out);
                return self.close(Status::ok(), Close::Complete, out);
            }
            let length = leaving.bytes as u64;
            answer.started = true;
            let reply = reply::immediate_head(&answer.head, Some(length), false);
            self.send(reply, out);
            return self.stream_answer(out);
        }
        let length = leaving.length;
        if is_head {
            // Nobody will see the body, so nobody needs to wait for it.
            let reply = if streams {
                reply::immediate_head(&answer.head, length, true)
            } else {
                reply::immediate(&answer.head, Bytes::new())
            };
            self.send(reply, out);
            return self.close(Status::ok(), Close::Complete, out);
        }
        if !streams {
            return self.collect(Side::Response, out);
        }
        if leaving.bytes == 0 && self.may_still_read() {
            return;
        }
        let Some(answer) = &mut self.answer else { return };
        answer.started = true;
        let reply = reply::immediate_head(&answer.head, length, false);
        self.send(reply, out);
        self.stream_answer(out);
    }

    /// Whether to wait for the answer's first chunk: it may come from a request body that is
    /// about to be read, and which can't be asked for once the answer has begun.
    fn may_still_read(&self) -> bool {
        self.overrides
            && self.request.has_body
            && self.request.mode == BodyMode::None
            && self.request.reader == Reader::Untouched
    }

    /// Envoy takes a streamed immediate response as the reply to request headers, in the body
    /// modes NONE and `FULL_DUPLEX_STREAMED`.
    fn answer_can_stream(&self) -> bool {
        let fits = |mode| matches!(mode, BodyMode::None | BodyMode::FullDuplexStreamed);
        self.streamed_immediate
            && !self.answer_repeats_a_field()
            && self.request.head == Head::Owed
            && fits(self.request.mode)
            && fits(self.response.mode)
    }

    /// Envoy keeps only the last of several fields of one name in a streamed immediate response
    /// (tried on 1.40, `set-cookie`): such an answer is collected.
    fn answer_repeats_a_field(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.repeats)
    }

    fn stream_answer(&mut self, out: &mut Outputs) {
        loop {
            let Some(leaving) = self.response.own() else { return };
            if let Some(reason) = leaving.error.take() {
                return self.abort(Side::Response, reason, out);
            }
            let piece = leaving.pop(MAX_CHUNK_BYTES);
            let end = leaving.is_whole() && leaving.chunks.is_empty();
            let Some((piece, released)) = piece.or_else(|| end.then(Default::default)) else {
                return;
            };
            out.released[Side::Response as usize] += released;
            self.send(reply::immediate_body(piece, end), out);
            if end {
                return self.close(Status::ok(), Close::Complete, out);
            }
        }
    }
}

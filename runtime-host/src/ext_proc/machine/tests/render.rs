//! Outputs as lines that tests can compare and people can read.

use std::fmt::Write as _;

use bytes::Bytes;

use super::super::Outputs;
use super::super::texts;
use crate::exchange::Event;
use crate::ext_proc::proto::body_mutation::Mutation;
use crate::ext_proc::proto::processing_response::Response;
use crate::ext_proc::proto::streamed_immediate_response::Response as Streamed;
use crate::ext_proc::proto::{
    CommonResponse, HeaderMutation, ProcessingMode, ProcessingResponse, StreamedBodyResponse,
};

/// Takes all there is, in the order in which it is to be done.
pub(super) fn outputs(out: &mut Outputs) -> Vec<String> {
    let replies = out.replies.drain(..).map(|answer| reply(&answer));
    let mut lines: Vec<String> = replies.collect();
    lines.extend(out.events.drain(..).map(|posted| event(&posted)));
    if let Some(status) = out.close.take() {
        lines.push(format!("close {status}"));
    }
    lines
}

fn event(event: &Event) -> String {
    match event {
        Event::Chunk(side, chunk) => format!("event {} chunk {}", texts::name(*side), text(chunk)),
        Event::End(side) => format!("event {} end", texts::name(*side)),
        Event::BodyError(side, why) => format!("event {} error: {why}", texts::name(*side)),
        Event::Response(head) => format!("event response {}", head.status),
        Event::Closed(close) => format!("event closed {close:?}"),
        other => format!("event {other:?}"),
    }
}

fn reply(reply: &ProcessingResponse) -> String {
    let mut line = match &reply.response {
        None => "alone".to_owned(),
        Some(Response::RequestHeaders(r)) => common("request_headers", r.response.as_ref()),
        Some(Response::ResponseHeaders(r)) => common("response_headers", r.response.as_ref()),
        Some(Response::RequestBody(r)) => common("request_body", r.response.as_ref()),
        Some(Response::ResponseBody(r)) => common("response_body", r.response.as_ref()),
        Some(Response::RequestTrailers(_)) => "request_trailers".to_owned(),
        Some(Response::ResponseTrailers(_)) => "response_trailers".to_owned(),
        Some(Response::Immediate(r)) => format!(
            "immediate {}{} {}",
            r.status.as_ref().unwrap().code,
            mutation(r.headers.as_ref()),
            text(&r.body)
        ),
        Some(Response::StreamedImmediate(r)) => streamed_immediate(r.response.as_ref().unwrap()),
    };
    if let Some(mode) = &reply.mode_override {
        line.push_str(&mode_override(mode));
    }
    if reply.dynamic_metadata.is_some() {
        line.push_str(" metadata");
    }
    line
}

fn common(name: &str, response: Option<&CommonResponse>) -> String {
    let mut line = name.to_owned();
    let Some(response) = response else { return line };
    line.push_str(&mutation(response.header_mutation.as_ref()));
    if response.clear_route_cache {
        line.push_str(" reroute");
    }
    if response.status == 1 {
        line.push_str(" replace");
    }
    match response.body_mutation.as_ref().and_then(|body| body.mutation.as_ref()) {
        None => {}
        Some(Mutation::Body(body)) => write!(line, " {}", text(body)).unwrap(),
        Some(Mutation::ClearBody(_)) => line.push_str(" \"\""),
        Some(Mutation::Streamed(piece)) => line.push_str(&streamed(piece)),
    }
    line
}

fn streamed(piece: &StreamedBodyResponse) -> String {
    let end = if piece.end_of_stream { " end" } else { "" };
    format!(" > {}{end}", text(&piece.body))
}

fn streamed_immediate(part: &Streamed) -> String {
    match part {
        Streamed::Headers(headers) => {
            let mut line = "answer".to_owned();
            for field in &headers.headers.as_ref().unwrap().headers {
                write!(line, " {}={}", plain(&field.key), plain(&field.raw_value)).unwrap();
            }
            if headers.end_of_stream {
                line.push_str(" end");
            }
            line
        }
        Streamed::Body(piece) => format!("answer{}", streamed(piece)),
        Streamed::Trailers(_) => "answer trailers".to_owned(),
    }
}

/// ` +name=value` sets, ` &name=value` appends, ` -name` removes.
fn mutation(mutation: Option<&HeaderMutation>) -> String {
    let mut line = String::new();
    let Some(mutation) = mutation else { return line };
    for option in &mutation.set_headers {
        let header = option.header.as_ref().unwrap();
        let sign = if option.append.is_some() { '&' } else { '+' };
        write!(line, " {sign}{}={}", plain(&header.key), plain(&header.raw_value)).unwrap();
    }
    for name in &mutation.remove_headers {
        write!(line, " -{}", plain(name)).unwrap();
    }
    line
}

fn mode_override(mode: &ProcessingMode) -> String {
    const NAMES: [&str; 5] = ["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FDS"];
    let skip = if mode.response_header_mode == 2 { " skip response" } else { "" };
    for (body, trailers) in [
        (mode.request_body_mode, mode.request_trailer_mode),
        (mode.response_body_mode, mode.response_trailer_mode),
    ] {
        // FULL_DUPLEX_STREAMED requires trailer mode SEND; in NONE nobody would reply to them.
        assert_eq!(trailers, [2, 0, 0, 0, 1][body as usize]);
    }
    format!(
        " [{}/{}{skip}]",
        NAMES[mode.request_body_mode as usize], NAMES[mode.response_body_mode as usize]
    )
}

fn plain(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn text(bytes: &Bytes) -> String {
    match bytes.len() {
        0..=40 => format!("{:?}", plain(bytes)),
        length => format!("({length} bytes)"),
    }
}

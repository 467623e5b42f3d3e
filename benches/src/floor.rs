//! What the floor answers: the same changes as the Workers it is compared with, made in advance.

use clap::ValueEnum;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::ProcessingMode;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::{
    BodySendMode, HeaderSendMode,
};
use envoy_types::pb::envoy::service::ext_proc::v3::body_mutation::Mutation;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyMutation, BodyResponse, CommonResponse, HeaderMutation, HeadersResponse, ImmediateResponse,
    ProcessingResponse, StreamedBodyResponse,
};
use envoy_types::pb::envoy::r#type::v3::{HttpStatus, StatusCode};

/// The request's header that Workers and floor set.
pub const EDGE: (&str, &str) = ("x-edge", "nano");
/// The request's header that they remove.
pub const DEBUG: &str = "x-debug";
/// The response's headers that they set.
pub const SECURITY: [(&str, &str); 3] = [
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
];
/// The response's header that they remove.
pub const POWERED_BY: &str = "x-powered-by";
/// What `short-circuit` answers.
pub const SHORT: &str = r#"{"ok":true,"message":"answered at the edge"}"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// The header changes, to each phase that Envoy is configured to send.
    Headers,
    /// The same, and to the request's phase that the response's be skipped.
    Skip,
    /// A JSON answer at once.
    Immediate,
    /// The response's body in one message (`BUFFERED_PARTIAL`), and given back.
    Buffered,
    /// The response's body in pieces (`FULL_DUPLEX_STREAMED`), given back when all of it is there.
    Collected,
}

/// As much of a body as goes in one message where it goes in pieces: what Envoy's API comments
/// recommend, and NANO does.
const PIECE_BYTES: usize = 64 * 1024;

/// Its replies.
#[derive(Debug)]
pub struct Answers {
    request: ProcessingResponse,
    response: ProcessingResponse,
    answer: Answer,
}

impl Answers {
    pub fn new(answer: Answer) -> Self {
        let of_request = CommonResponse {
            header_mutation: Some(mutation(&[EDGE], &[DEBUG])),
            ..CommonResponse::default()
        };
        let mut request = reply(Response::RequestHeaders(headers(of_request)));
        let set: &[_] = if answer.takes_body() { &[EDGE] } else { &SECURITY };
        let of_response = CommonResponse {
            header_mutation: Some(mutation(set, &[POWERED_BY])),
            ..CommonResponse::default()
        };
        let mut response = reply(Response::ResponseHeaders(headers(of_response)));
        match answer {
            Answer::Headers => {}
            Answer::Skip => {
                request.mode_override = Some(ProcessingMode {
                    response_header_mode: HeaderSendMode::Skip.into(),
                    ..ProcessingMode::default()
                });
            }
            Answer::Immediate => request = reply(Response::ImmediateResponse(immediate())),
            Answer::Buffered => {
                response.mode_override = Some(body_mode(BodySendMode::BufferedPartial));
            }
            Answer::Collected => {
                request.mode_override = Some(body_mode(BodySendMode::FullDuplexStreamed));
            }
        }
        Self { request, response, answer }
    }

    /// The replies to a message: mostly one, which takes no list. `body` is what came of the
    /// exchange's body before.
    ///
    /// # Errors
    /// A message that Envoy was not asked for comes back.
    pub fn replies(&self, message: Request, body: &mut Vec<u8>) -> Result<Replies, Request> {
        let one = |reply| Ok((Some(reply), Vec::new()));
        match message {
            Request::RequestHeaders(_) => one(self.request.clone()),
            Request::ResponseHeaders(_) => one(self.response.clone()),
            Request::ResponseBody(part) if self.answer == Answer::Buffered => {
                one(body_reply(Mutation::Body(part.body)))
            }
            Request::ResponseBody(part) if self.answer == Answer::Collected => {
                body.extend_from_slice(&part.body);
                let pieces = if part.end_of_stream { pieces(body) } else { Vec::new() };
                Ok((None, pieces))
            }
            other => Err(other),
        }
    }
}

/// The only or first of some replies, and the others.
pub type Replies = (Option<ProcessingResponse>, Vec<ProcessingResponse>);

fn pieces(body: &[u8]) -> Vec<ProcessingResponse> {
    let last = body.len().div_ceil(PIECE_BYTES).saturating_sub(1);
    let piece = |(at, piece): (usize, &[u8])| {
        body_reply(Mutation::StreamedResponse(StreamedBodyResponse {
            body: piece.to_vec(),
            end_of_stream: at == last,
            ..StreamedBodyResponse::default()
        }))
    };
    body.chunks(PIECE_BYTES).enumerate().map(piece).collect()
}

impl Answer {
    /// Whether the response's body goes through the server.
    pub fn takes_body(self) -> bool {
        matches!(self, Self::Buffered | Self::Collected)
    }
}

fn headers(response: CommonResponse) -> HeadersResponse {
    HeadersResponse { response: Some(response) }
}

fn body_mode(mode: BodySendMode) -> ProcessingMode {
    let trailers = match mode {
        BodySendMode::FullDuplexStreamed => HeaderSendMode::Send,
        _ => HeaderSendMode::Default,
    };
    ProcessingMode {
        response_body_mode: mode.into(),
        response_trailer_mode: trailers.into(),
        ..ProcessingMode::default()
    }
}

fn body_reply(mutation: Mutation) -> ProcessingResponse {
    let response = CommonResponse {
        body_mutation: Some(BodyMutation { mutation: Some(mutation) }),
        ..CommonResponse::default()
    };
    reply(Response::ResponseBody(BodyResponse { response: Some(response) }))
}

fn reply(response: Response) -> ProcessingResponse {
    ProcessingResponse { response: Some(response), ..ProcessingResponse::default() }
}

fn immediate() -> ImmediateResponse {
    ImmediateResponse {
        status: Some(HttpStatus { code: StatusCode::Ok.into() }),
        headers: Some(mutation(&[("content-type", "application/json"), ("x-edge", "nano")], &[])),
        body: SHORT.into(),
        ..ImmediateResponse::default()
    }
}

fn mutation(set: &[(&str, &str)], remove: &[&str]) -> HeaderMutation {
    HeaderMutation {
        set_headers: set
            .iter()
            .map(|(name, value)| HeaderValueOption {
                header: Some(HeaderValue {
                    key: (*name).into(),
                    raw_value: (*value).into(),
                    ..HeaderValue::default()
                }),
                append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
                ..HeaderValueOption::default()
            })
            .collect(),
        remove_headers: remove.iter().map(|name| (*name).into()).collect(),
    }
}

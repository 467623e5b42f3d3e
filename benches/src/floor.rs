//! What the floor answers: the same changes as the Workers it is compared with, made in advance.

use clap::ValueEnum;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::ProcessingMode;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::HeaderSendMode;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    CommonResponse, HeaderMutation, HeadersResponse, ImmediateResponse, ProcessingResponse,
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
}

/// One reply for each phase.
#[derive(Debug)]
pub struct Answers {
    pub request: ProcessingResponse,
    pub response: ProcessingResponse,
}

impl Answers {
    pub fn new(answer: Answer) -> Self {
        let headers = HeadersResponse {
            response: Some(CommonResponse {
                header_mutation: Some(mutation(&[EDGE], &[DEBUG])),
                ..CommonResponse::default()
            }),
        };
        let mut request = reply(Response::RequestHeaders(headers));
        match answer {
            Answer::Headers => {}
            Answer::Skip => {
                request.mode_override = Some(ProcessingMode {
                    response_header_mode: HeaderSendMode::Skip.into(),
                    ..ProcessingMode::default()
                });
            }
            Answer::Immediate => request = reply(Response::ImmediateResponse(immediate())),
        }
        let headers = HeadersResponse {
            response: Some(CommonResponse {
                header_mutation: Some(mutation(&SECURITY, &[POWERED_BY])),
                ..CommonResponse::default()
            }),
        };
        Self { request, response: reply(Response::ResponseHeaders(headers)) }
    }
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

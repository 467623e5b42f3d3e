//! Body modes of Envoy's `ext_proc` filter.

use crate::ext_proc::proto::{HeaderSendMode, ProcessingMode};
use crate::ext_proc::status::Status;

/// `ProcessingMode.BodySendMode`, without GRPC: Envoy 1.40 does not implement that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BodyMode {
    #[default]
    None,
    Streamed,
    Buffered,
    BufferedPartial,
    FullDuplexStreamed,
}

impl BodyMode {
    pub(super) fn from_wire(value: i32, field: &str) -> Result<Self, Status> {
        match value {
            0 => Ok(Self::None),
            1 => Ok(Self::Streamed),
            2 => Ok(Self::Buffered),
            3 => Ok(Self::BufferedPartial),
            4 => Ok(Self::FullDuplexStreamed),
            other => Err(Status::out_of_order(format!(
                "{field} {other} is not supported: configure NONE (with allow_mode_override), \
                 STREAMED, BUFFERED, BUFFERED_PARTIAL or FULL_DUPLEX_STREAMED"
            ))),
        }
    }

    fn to_wire(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Streamed => 1,
            Self::Buffered => 2,
            Self::BufferedPartial => 3,
            Self::FullDuplexStreamed => 4,
        }
    }

    /// The name in Envoy's configuration, for error texts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Streamed => "STREAMED",
            Self::Buffered => "BUFFERED",
            Self::BufferedPartial => "BUFFERED_PARTIAL",
            Self::FullDuplexStreamed => "FULL_DUPLEX_STREAMED",
        }
    }

    /// The body comes as one message, which Envoy holds together with the headers.
    pub(super) fn is_buffered(self) -> bool {
        matches!(self, Self::Buffered | Self::BufferedPartial)
    }

    /// What has to go with the body mode: `FULL_DUPLEX_STREAMED` requires the trailers.
    fn trailers(self) -> HeaderSendMode {
        match self {
            Self::None => HeaderSendMode::Skip,
            Self::FullDuplexStreamed => HeaderSendMode::Send,
            _ => HeaderSendMode::Default,
        }
    }
}

/// An override that puts both bodies into the given modes.
pub(super) fn processing_mode(
    request: BodyMode,
    response: BodyMode,
    skip_response: bool,
) -> ProcessingMode {
    let response_headers =
        if skip_response { HeaderSendMode::Skip } else { HeaderSendMode::Default };
    ProcessingMode {
        request_header_mode: 0,
        response_header_mode: response_headers.into(),
        request_body_mode: request.to_wire(),
        response_body_mode: response.to_wire(),
        request_trailer_mode: request.trailers().into(),
        response_trailer_mode: response.trailers().into(),
    }
}

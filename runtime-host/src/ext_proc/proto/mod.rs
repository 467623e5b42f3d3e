//! The protobuf messages of Envoy's external processing API, as far as this program uses them.
//!
//! Written by hand instead of generated so that a body is a [`bytes::Bytes`] that shares the
//! network buffer, and so that fields nobody reads cost nothing. Field numbers come from
//! `envoy/service/ext_proc/v3/external_processor.proto` and what that imports. Fields left out
//! are skipped on decoding, as protobuf prescribes.
//!
//! `string` fields that a peer fills are `bytes` here (the two are the same on the wire): text
//! that is not UTF-8 is then judged where it is used instead of failing the whole message.

mod common;
mod health;
mod messages;
#[cfg(test)]
mod tests;
mod well_known;

pub use common::{BoolValue, HeaderMap, HeaderMutation, HeaderValue, HeaderValueOption};
pub use health::{HealthCheckRequest, HealthCheckResponse, ServingStatus};
pub use messages::{
    AttributesEntry, BodyMutation, BodyResponse, CommonResponse, GrpcStatus, HeaderSendMode,
    HeadersResponse, HttpBody, HttpHeaders, HttpStatus, HttpTrailers, ImmediateResponse,
    ProcessingMode, ProcessingRequest, ProcessingResponse, ProtocolConfiguration, ResponseStatus,
    StreamedBodyResponse, StreamedImmediateResponse, TrailersResponse, body_mutation,
    processing_request, processing_response, streamed_immediate_response,
};
pub use well_known::{Duration, ListValue, Struct, StructEntry, Value, value};

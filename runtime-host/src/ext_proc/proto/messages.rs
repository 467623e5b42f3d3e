//! `envoy.service.ext_proc.v3`.

use bytes::Bytes;

use super::{Duration, HeaderMap, HeaderMutation, Struct};

/// What Envoy sends.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProcessingRequest {
    #[prost(oneof = "processing_request::Request", tags = "2, 3, 4, 5, 6, 7")]
    pub request: Option<processing_request::Request>,
    /// A map of filter name to attributes; Envoy sends one entry.
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<AttributesEntry>,
    #[prost(bool, tag = "10")]
    pub observability_mode: bool,
    /// On the first message only.
    #[prost(message, optional, tag = "11")]
    pub protocol_config: Option<ProtocolConfiguration>,
}

pub mod processing_request {
    use super::{HttpBody, HttpHeaders, HttpTrailers};

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Request {
        #[prost(message, tag = "2")]
        RequestHeaders(HttpHeaders),
        #[prost(message, tag = "3")]
        ResponseHeaders(HttpHeaders),
        #[prost(message, tag = "4")]
        RequestBody(HttpBody),
        #[prost(message, tag = "5")]
        ResponseBody(HttpBody),
        #[prost(message, tag = "6")]
        RequestTrailers(HttpTrailers),
        #[prost(message, tag = "7")]
        ResponseTrailers(HttpTrailers),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributesEntry {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(message, optional, tag = "2")]
    pub value: Option<Struct>,
}

/// The body modes that the filter is configured with.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ProtocolConfiguration {
    /// A `BodySendMode`.
    #[prost(int32, tag = "1")]
    pub request_body_mode: i32,
    /// A `BodySendMode`.
    #[prost(int32, tag = "2")]
    pub response_body_mode: i32,
    #[prost(bool, tag = "3")]
    pub send_body_without_waiting_for_header_response: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpHeaders {
    #[prost(message, optional, tag = "1")]
    pub headers: Option<HeaderMap>,
    #[prost(bool, tag = "3")]
    pub end_of_stream: bool,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct HttpBody {
    #[prost(bytes = "bytes", tag = "1")]
    pub body: Bytes,
    #[prost(bool, tag = "2")]
    pub end_of_stream: bool,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct HttpTrailers {
    #[prost(message, optional, tag = "1")]
    pub trailers: Option<HeaderMap>,
}

/// What the server sends.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProcessingResponse {
    #[prost(oneof = "processing_response::Response", tags = "1, 2, 3, 4, 5, 6, 7, 11")]
    pub response: Option<processing_response::Response>,
    #[prost(message, optional, tag = "8")]
    pub dynamic_metadata: Option<Struct>,
    #[prost(message, optional, tag = "9")]
    pub mode_override: Option<ProcessingMode>,
    #[prost(message, optional, tag = "10")]
    pub override_message_timeout: Option<Duration>,
}

pub mod processing_response {
    use super::{
        BodyResponse, HeadersResponse, ImmediateResponse, StreamedImmediateResponse,
        TrailersResponse,
    };

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Response {
        #[prost(message, tag = "1")]
        RequestHeaders(HeadersResponse),
        #[prost(message, tag = "2")]
        ResponseHeaders(HeadersResponse),
        #[prost(message, tag = "3")]
        RequestBody(BodyResponse),
        #[prost(message, tag = "4")]
        ResponseBody(BodyResponse),
        #[prost(message, tag = "5")]
        RequestTrailers(TrailersResponse),
        #[prost(message, tag = "6")]
        ResponseTrailers(TrailersResponse),
        #[prost(message, tag = "7")]
        Immediate(ImmediateResponse),
        #[prost(message, tag = "11")]
        StreamedImmediate(StreamedImmediateResponse),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HeadersResponse {
    #[prost(message, optional, tag = "1")]
    pub response: Option<CommonResponse>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BodyResponse {
    #[prost(message, optional, tag = "1")]
    pub response: Option<CommonResponse>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TrailersResponse {
    #[prost(message, optional, tag = "1")]
    pub header_mutation: Option<HeaderMutation>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CommonResponse {
    #[prost(enumeration = "ResponseStatus", tag = "1")]
    pub status: i32,
    #[prost(message, optional, tag = "2")]
    pub header_mutation: Option<HeaderMutation>,
    #[prost(message, optional, tag = "3")]
    pub body_mutation: Option<BodyMutation>,
    #[prost(bool, tag = "5")]
    pub clear_route_cache: bool,
}

/// `CommonResponse.ResponseStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ResponseStatus {
    Continue = 0,
    ContinueAndReplace = 1,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BodyMutation {
    #[prost(oneof = "body_mutation::Mutation", tags = "1, 2, 3")]
    pub mutation: Option<body_mutation::Mutation>,
}

pub mod body_mutation {
    use bytes::Bytes;

    #[derive(Clone, PartialEq, Eq, prost::Oneof)]
    pub enum Mutation {
        #[prost(bytes = "bytes", tag = "1")]
        Body(Bytes),
        #[prost(bool, tag = "2")]
        ClearBody(bool),
        #[prost(message, tag = "3")]
        Streamed(super::StreamedBodyResponse),
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StreamedBodyResponse {
    #[prost(bytes = "bytes", tag = "1")]
    pub body: Bytes,
    #[prost(bool, tag = "2")]
    pub end_of_stream: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ImmediateResponse {
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    #[prost(message, optional, tag = "2")]
    pub headers: Option<HeaderMutation>,
    #[prost(bytes = "bytes", tag = "3")]
    pub body: Bytes,
    #[prost(message, optional, tag = "4")]
    pub grpc_status: Option<GrpcStatus>,
    #[prost(bytes = "bytes", tag = "5")]
    pub details: Bytes,
}

/// `envoy.type.v3.HttpStatus`; Envoy takes any code from 200 to 599.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct HttpStatus {
    #[prost(int32, tag = "1")]
    pub code: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct GrpcStatus {
    #[prost(uint32, tag = "1")]
    pub status: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamedImmediateResponse {
    #[prost(oneof = "streamed_immediate_response::Response", tags = "1, 2, 3")]
    pub response: Option<streamed_immediate_response::Response>,
}

pub mod streamed_immediate_response {
    use super::{HeaderMap, HttpHeaders, StreamedBodyResponse};

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Response {
        #[prost(message, tag = "1")]
        Headers(HttpHeaders),
        #[prost(message, tag = "2")]
        Body(StreamedBodyResponse),
        #[prost(message, tag = "3")]
        Trailers(HeaderMap),
    }
}

/// `envoy.extensions.filters.http.ext_proc.v3.ProcessingMode`. In an override the body fields
/// are always explicit (0 is NONE); 0 in a header or trailer field leaves that as it is.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ProcessingMode {
    #[prost(enumeration = "HeaderSendMode", tag = "1")]
    pub request_header_mode: i32,
    #[prost(enumeration = "HeaderSendMode", tag = "2")]
    pub response_header_mode: i32,
    /// A `BodySendMode`.
    #[prost(int32, tag = "3")]
    pub request_body_mode: i32,
    /// A `BodySendMode`.
    #[prost(int32, tag = "4")]
    pub response_body_mode: i32,
    #[prost(enumeration = "HeaderSendMode", tag = "5")]
    pub request_trailer_mode: i32,
    #[prost(enumeration = "HeaderSendMode", tag = "6")]
    pub response_trailer_mode: i32,
}

/// `ProcessingMode.HeaderSendMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum HeaderSendMode {
    Default = 0,
    Send = 1,
    Skip = 2,
}

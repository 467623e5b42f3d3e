//! Every message against generated code: what one side encodes the other decodes.

mod fuzz;

use std::fmt::Debug;

use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3 as filter;
use envoy_types::pb::envoy::service::ext_proc::v3 as theirs;
use envoy_types::pb::envoy::r#type::v3 as types;
use envoy_types::pb::google::protobuf;
use prost::Message;

use super::*;

/// Asserts that `mine` and `theirs` are the same on the wire, in both directions.
fn same<M, T>(mine: &M, theirs: &T)
where
    M: Message + Default + PartialEq + Debug,
    T: Message + Default + PartialEq + Debug,
{
    assert_eq!(&T::decode(&*mine.encode_to_vec()).unwrap(), theirs);
    assert_eq!(&M::decode(&*theirs.encode_to_vec()).unwrap(), mine);
}

fn header_value() -> (HeaderValue, core::HeaderValue) {
    let mine = HeaderValue {
        key: "x-name".into(),
        value: "text".into(),
        raw_value: b"\xff\x00raw".as_slice().into(),
    };
    let theirs = core::HeaderValue {
        key: "x-name".into(),
        value: "text".into(),
        raw_value: b"\xff\x00raw".to_vec(),
    };
    (mine, theirs)
}

fn header_map() -> (HeaderMap, core::HeaderMap) {
    let (mine, theirs) = header_value();
    (HeaderMap { headers: vec![mine] }, core::HeaderMap { headers: vec![theirs] })
}

fn header_mutation() -> (HeaderMutation, theirs::HeaderMutation) {
    let (mine, theirs) = header_value();
    let mine = HeaderMutation {
        set_headers: vec![HeaderValueOption {
            header: Some(mine),
            append: Some(BoolValue { value: true }),
        }],
        remove_headers: vec!["x-gone".into(), "x-too".into()],
    };
    #[expect(deprecated, reason = "the field that ext_proc reads")]
    let theirs = theirs::HeaderMutation {
        set_headers: vec![core::HeaderValueOption {
            header: Some(theirs),
            append: Some(protobuf::BoolValue { value: true }),
            ..core::HeaderValueOption::default()
        }],
        remove_headers: vec!["x-gone".into(), "x-too".into()],
    };
    (mine, theirs)
}

fn http_headers() -> (HttpHeaders, theirs::HttpHeaders) {
    let (mine, theirs) = header_map();
    (
        HttpHeaders { headers: Some(mine), end_of_stream: true },
        theirs::HttpHeaders {
            headers: Some(theirs),
            end_of_stream: true,
            ..theirs::HttpHeaders::default()
        },
    )
}

fn http_body() -> (HttpBody, theirs::HttpBody) {
    (
        HttpBody { body: "body".into(), end_of_stream: true },
        theirs::HttpBody {
            body: b"body".to_vec(),
            end_of_stream: true,
            ..theirs::HttpBody::default()
        },
    )
}

fn http_trailers() -> (HttpTrailers, theirs::HttpTrailers) {
    let (mine, theirs) = header_map();
    (HttpTrailers { trailers: Some(mine) }, theirs::HttpTrailers { trailers: Some(theirs) })
}

fn structs() -> (Struct, protobuf::Struct) {
    use protobuf::value::Kind as Theirs;
    let list = |kind| Value { kind: Some(kind) };
    let field = |key: &'static str, kind| StructEntry {
        key: key.into(),
        value: Some(Value { kind: Some(kind) }),
    };
    let mine = Struct {
        fields: vec![field(
            "object",
            value::Kind::Struct(Struct {
                fields: vec![field(
                    "list",
                    value::Kind::List(ListValue {
                        values: vec![
                            list(value::Kind::Null(0)),
                            list(value::Kind::Number(1.5)),
                            list(value::Kind::String("text".into())),
                            list(value::Kind::Bool(true)),
                        ],
                    }),
                )],
            }),
        )],
    };
    let value = |kind| protobuf::Value { kind: Some(kind) };
    let one = |key: &str, kind| protobuf::Struct { fields: [(key.to_owned(), value(kind))].into() };
    let theirs = one(
        "object",
        Theirs::StructValue(one(
            "list",
            Theirs::ListValue(protobuf::ListValue {
                values: vec![
                    value(Theirs::NullValue(0)),
                    value(Theirs::NumberValue(1.5)),
                    value(Theirs::StringValue("text".into())),
                    value(Theirs::BoolValue(true)),
                ],
            }),
        )),
    );
    (mine, theirs)
}

#[test]
fn every_request_kind_is_read_and_written_alike() {
    use processing_request::Request as Mine;
    use theirs::processing_request::Request as Theirs;
    let ((headers, h), (body, b), (trailers, t)) = (http_headers(), http_body(), http_trailers());
    for (mine, theirs) in [
        (Mine::RequestHeaders(headers.clone()), Theirs::RequestHeaders(h.clone())),
        (Mine::ResponseHeaders(headers), Theirs::ResponseHeaders(h)),
        (Mine::RequestBody(body.clone()), Theirs::RequestBody(b.clone())),
        (Mine::ResponseBody(body), Theirs::ResponseBody(b)),
        (Mine::RequestTrailers(trailers.clone()), Theirs::RequestTrailers(t.clone())),
        (Mine::ResponseTrailers(trailers), Theirs::ResponseTrailers(t)),
    ] {
        let (attributes, a) = structs();
        let key = "envoy.filters.http.ext_proc";
        let mine = ProcessingRequest {
            request: Some(mine),
            attributes: vec![AttributesEntry { key: key.into(), value: Some(attributes) }],
            observability_mode: true,
            protocol_config: Some(ProtocolConfiguration {
                request_body_mode: 4,
                response_body_mode: 2,
                send_body_without_waiting_for_header_response: true,
            }),
        };
        let theirs = theirs::ProcessingRequest {
            request: Some(theirs),
            attributes: [(key.to_owned(), a)].into(),
            observability_mode: true,
            protocol_config: Some(theirs::ProtocolConfiguration {
                request_body_mode: filter::processing_mode::BodySendMode::FullDuplexStreamed.into(),
                response_body_mode: filter::processing_mode::BodySendMode::Buffered.into(),
                send_body_without_waiting_for_header_response: true,
            }),
            ..theirs::ProcessingRequest::default()
        };
        same(&mine, &theirs);
    }
}

#[test]
fn every_body_mutation_is_read_and_written_alike() {
    use body_mutation::Mutation as Mine;
    use theirs::body_mutation::Mutation as Theirs;
    let streamed = theirs::StreamedBodyResponse {
        body: b"piece".to_vec(),
        end_of_stream: true,
        ..theirs::StreamedBodyResponse::default()
    };
    let piece = StreamedBodyResponse { body: "piece".into(), end_of_stream: true };
    for (mine, theirs) in [
        (Mine::Body("body".into()), Theirs::Body(b"body".to_vec())),
        (Mine::ClearBody(true), Theirs::ClearBody(true)),
        (Mine::Streamed(piece), Theirs::StreamedResponse(streamed)),
    ] {
        let (headers, h) = header_mutation();
        let mine = CommonResponse {
            status: ResponseStatus::ContinueAndReplace.into(),
            header_mutation: Some(headers),
            body_mutation: Some(BodyMutation { mutation: Some(mine) }),
            clear_route_cache: true,
        };
        let theirs = theirs::CommonResponse {
            status: theirs::common_response::ResponseStatus::ContinueAndReplace.into(),
            header_mutation: Some(h),
            body_mutation: Some(theirs::BodyMutation { mutation: Some(theirs) }),
            clear_route_cache: true,
            ..theirs::CommonResponse::default()
        };
        same(&mine, &theirs);
    }
}

#[test]
fn every_response_kind_is_read_and_written_alike() {
    use processing_response::Response as Mine;
    use theirs::processing_response::Response as Theirs;
    let (mutation, their_mutation) = header_mutation();
    let common = CommonResponse { clear_route_cache: true, ..CommonResponse::default() };
    let their_common = theirs::CommonResponse { clear_route_cache: true, ..Default::default() };
    let headers = HeadersResponse { response: Some(common.clone()) };
    let their_headers = theirs::HeadersResponse { response: Some(their_common.clone()) };
    let body = BodyResponse { response: Some(common) };
    let their_body = theirs::BodyResponse { response: Some(their_common) };
    let trailers = TrailersResponse { header_mutation: Some(mutation.clone()) };
    let their_trailers = theirs::TrailersResponse { header_mutation: Some(their_mutation.clone()) };
    let immediate = ImmediateResponse {
        status: Some(HttpStatus { code: 418 }),
        headers: Some(mutation),
        body: "body".into(),
        grpc_status: Some(GrpcStatus { status: 7 }),
        details: "why".into(),
    };
    let their_immediate = theirs::ImmediateResponse {
        status: Some(types::HttpStatus { code: 418 }),
        headers: Some(their_mutation),
        body: b"body".to_vec(),
        grpc_status: Some(theirs::GrpcStatus { status: 7 }),
        details: "why".into(),
    };
    for (mine, theirs) in [
        (Mine::RequestHeaders(headers.clone()), Theirs::RequestHeaders(their_headers.clone())),
        (Mine::ResponseHeaders(headers), Theirs::ResponseHeaders(their_headers)),
        (Mine::RequestBody(body.clone()), Theirs::RequestBody(their_body.clone())),
        (Mine::ResponseBody(body), Theirs::ResponseBody(their_body)),
        (Mine::RequestTrailers(trailers.clone()), Theirs::RequestTrailers(their_trailers.clone())),
        (Mine::ResponseTrailers(trailers), Theirs::ResponseTrailers(their_trailers)),
        (Mine::Immediate(immediate), Theirs::ImmediateResponse(their_immediate)),
    ] {
        let (metadata, their_metadata) = structs();
        let (mode, their_mode) = processing_mode();
        let mine = ProcessingResponse {
            response: Some(mine),
            dynamic_metadata: Some(metadata),
            mode_override: Some(mode),
            override_message_timeout: Some(Duration { seconds: 3, nanos: 5 }),
        };
        let theirs = theirs::ProcessingResponse {
            response: Some(theirs),
            dynamic_metadata: Some(their_metadata),
            mode_override: Some(their_mode),
            override_message_timeout: Some(protobuf::Duration { seconds: 3, nanos: 5 }),
            ..theirs::ProcessingResponse::default()
        };
        same(&mine, &theirs);
    }
}

fn processing_mode() -> (ProcessingMode, filter::ProcessingMode) {
    use filter::processing_mode::{BodySendMode, HeaderSendMode as Send};
    let mine = ProcessingMode {
        request_header_mode: HeaderSendMode::Default.into(),
        response_header_mode: HeaderSendMode::Skip.into(),
        request_body_mode: 4,
        response_body_mode: 1,
        request_trailer_mode: HeaderSendMode::Send.into(),
        response_trailer_mode: HeaderSendMode::Skip.into(),
    };
    let theirs = filter::ProcessingMode {
        request_header_mode: Send::Default.into(),
        response_header_mode: Send::Skip.into(),
        request_body_mode: BodySendMode::FullDuplexStreamed.into(),
        response_body_mode: BodySendMode::Streamed.into(),
        request_trailer_mode: Send::Send.into(),
        response_trailer_mode: Send::Skip.into(),
    };
    (mine, theirs)
}

#[test]
fn every_part_of_a_streamed_answer_is_read_and_written_alike() {
    use streamed_immediate_response::Response as Mine;
    use theirs::streamed_immediate_response::Response as Theirs;
    let ((headers, h), (map, m)) = (http_headers(), header_map());
    let piece = StreamedBodyResponse { body: "piece".into(), end_of_stream: true };
    let p = theirs::StreamedBodyResponse {
        body: b"piece".to_vec(),
        end_of_stream: true,
        ..theirs::StreamedBodyResponse::default()
    };
    for (mine, theirs) in [
        (Mine::Headers(headers), Theirs::HeadersResponse(h)),
        (Mine::Body(piece), Theirs::BodyResponse(p)),
        (Mine::Trailers(map), Theirs::TrailersResponse(m)),
    ] {
        let mine = ProcessingResponse {
            response: Some(processing_response::Response::StreamedImmediate(
                StreamedImmediateResponse { response: Some(mine) },
            )),
            ..ProcessingResponse::default()
        };
        let theirs = theirs::ProcessingResponse {
            response: Some(theirs::processing_response::Response::StreamedImmediateResponse(
                theirs::StreamedImmediateResponse { response: Some(theirs) },
            )),
            ..theirs::ProcessingResponse::default()
        };
        same(&mine, &theirs);
    }
}

/// `grpc.health.v1` is not among the generated messages; its wire form is this short.
#[test]
fn health_messages_have_the_published_wire_form() {
    let request = HealthCheckRequest { service: "nano".into() };
    assert_eq!(request.encode_to_vec(), b"\x0a\x04nano");
    let response = HealthCheckResponse { status: ServingStatus::NotServing.into() };
    assert_eq!(response.encode_to_vec(), [0x08, 2]);
}

#[test]
fn fields_nobody_reads_are_skipped() {
    let theirs = theirs::ProcessingRequest {
        metadata_context: Some(core::Metadata::default()),
        flow_control_init: Some(theirs::processing_request::FlowControlInit::default()),
        observability_mode: true,
        ..theirs::ProcessingRequest::default()
    };
    let mine = ProcessingRequest::decode(&*theirs.encode_to_vec()).unwrap();
    assert_eq!(mine, ProcessingRequest { observability_mode: true, ..Default::default() });
}

#[test]
fn text_that_is_not_utf8_does_not_fail_the_message() {
    let value = HeaderValue { key: b"\xff".as_slice().into(), ..HeaderValue::default() };
    assert_eq!(HeaderValue::decode(&*value.encode_to_vec()).unwrap(), value);
}

#[test]
fn a_body_shares_the_memory_of_the_message() {
    let request = processing_request::Request::RequestBody(http_body().0);
    let message = ProcessingRequest { request: Some(request), ..Default::default() };
    let wire = bytes::Bytes::from(message.encode_to_vec());
    let decoded = ProcessingRequest::decode(wire.clone()).unwrap();
    let Some(processing_request::Request::RequestBody(body)) = decoded.request else {
        panic!("another kind");
    };
    assert!(wire.as_ptr_range().contains(&body.body.as_ptr()));
}

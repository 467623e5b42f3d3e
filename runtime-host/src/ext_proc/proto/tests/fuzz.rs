//! Arbitrary bytes, and arbitrary replies as Envoy's own types read them.

use proptest::prelude::*;

use super::*;
use crate::ext_proc::attributes;
use crate::fuzz;

#[test]
fn any_bytes_are_a_message_or_refused() {
    fuzz::check(500, &prop::collection::vec(any::<u8>(), 0..200), |bytes| {
        bytes_are_read(&bytes);
    });
}

/// Nearly right: what a mistake, or an attacker, makes of a message.
#[test]
fn any_change_to_a_message_is_a_message_or_refused() {
    use processing_request::Request as Mine;
    let (headers, body) = (http_headers().0, http_body().0);
    let attributes = AttributesEntry { key: "envoy.filters".into(), value: Some(structs().0) };
    let message = ProcessingRequest {
        request: Some(Mine::RequestHeaders(headers)),
        attributes: vec![attributes],
        observability_mode: true,
        protocol_config: Some(ProtocolConfiguration {
            request_body_mode: 4,
            response_body_mode: 4,
            send_body_without_waiting_for_header_response: true,
        }),
    };
    let other = ProcessingRequest { request: Some(Mine::RequestBody(body)), ..message.clone() };
    let valid = [message.encode_to_vec(), other.encode_to_vec()].concat();
    let change =
        (any::<prop::sample::Index>(), 0_usize..4, prop::collection::vec(any::<u8>(), 0..4));
    fuzz::check(500, &prop::collection::vec(change, 1..6), |changes| {
        let mut bytes = valid.clone();
        for (at, taken, put) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + taken).min(bytes.len());
            bytes.splice(at..end, put);
        }
        bytes_are_read(&bytes);
    });
}

fn bytes_are_read(bytes: &[u8]) {
    let Ok(message) = ProcessingRequest::decode(bytes) else { return };
    let again = ProcessingRequest::decode(&*message.encode_to_vec());
    // Numbers that are none are not equal to themselves.
    assert_eq!(format!("{again:?}"), format!("{:?}", Ok::<_, prost::DecodeError>(&message)));
    let facts = attributes::facts(message.attributes, &http::HeaderMap::new());
    // It is shown to JavaScript as JSON.
    assert!(serde_json::to_string(&facts.cf).is_ok());
}

/// Values that nest: an attribute can be any of Envoy's.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<f64>().prop_map(value::Kind::Number),
        any::<bool>().prop_map(value::Kind::Bool),
        prop::collection::vec(any::<u8>(), 0..6)
            .prop_map(|bytes| value::Kind::String(bytes.into())),
        Just(value::Kind::Null(0)),
    ];
    let leaf = prop::option::of(leaf).prop_map(|kind| Value { kind });
    leaf.prop_recursive(8, 64, 4, |inner| {
        let entry = (prop::collection::vec(any::<u8>(), 0..6), prop::option::of(inner.clone()))
            .prop_map(|(key, value)| StructEntry { key: key.into(), value });
        prop_oneof![
            prop::collection::vec(inner, 0..4)
                .prop_map(|values| value::Kind::List(ListValue { values })),
            prop::collection::vec(entry, 0..4)
                .prop_map(|fields| value::Kind::Struct(Struct { fields })),
        ]
        .prop_map(|kind| Value { kind: Some(kind) })
    })
}

#[test]
fn any_attribute_becomes_json() {
    fuzz::check(200, &(values(), fuzz::text(3)), |(value, key)| {
        let entry = StructEntry { key: key.into(), value: Some(value) };
        let fields = Struct { fields: vec![entry.clone(), entry] };
        let entry = AttributesEntry { key: "x".into(), value: Some(fields) };
        bytes_are_read(
            &ProcessingRequest { attributes: vec![entry], ..ProcessingRequest::default() }
                .encode_to_vec(),
        );
    });
}

fn mutations() -> impl Strategy<Value = HeaderMutation> {
    let name = "[a-z:][a-z-]{0,5}";
    let option = (name, prop::collection::vec(any::<u8>(), 0..6), any::<bool>()).prop_map(
        |(key, raw_value, append)| HeaderValueOption {
            header: Some(HeaderValue {
                key: key.into(),
                value: bytes::Bytes::new(),
                raw_value: raw_value.into(),
            }),
            append: append.then_some(BoolValue { value: true }),
        },
    );
    (prop::collection::vec(option, 0..5), prop::collection::vec(name, 0..3)).prop_map(
        |(set_headers, removed)| HeaderMutation {
            set_headers,
            remove_headers: removed.into_iter().map(Into::into).collect(),
        },
    )
}

#[test]
fn what_is_written_is_what_envoy_reads() {
    use theirs::body_mutation::Mutation;
    use theirs::processing_response::Response;
    let body = prop::collection::vec(any::<u8>(), 0..40);
    fuzz::check(
        300,
        &(mutations(), body, any::<bool>(), 0_i32..2),
        |(mutation, body, end, status)| {
            let mine = ProcessingResponse {
                response: Some(processing_response::Response::RequestHeaders(HeadersResponse {
                    response: Some(CommonResponse {
                        status,
                        header_mutation: Some(mutation.clone()),
                        body_mutation: Some(BodyMutation {
                            mutation: Some(body_mutation::Mutation::Streamed(
                                StreamedBodyResponse {
                                    body: body.clone().into(),
                                    end_of_stream: end,
                                },
                            )),
                        }),
                        clear_route_cache: end,
                    }),
                })),
                ..ProcessingResponse::default()
            };
            let read =
                theirs::ProcessingResponse::decode(&*mine.encode_to_vec()).expect("readable");
            let Some(Response::RequestHeaders(read)) = read.response else { panic!("{read:?}") };
            let read = read.response.expect("a response");
            assert_eq!((read.status, read.clear_route_cache), (status, end));
            let Some(Mutation::StreamedResponse(piece)) =
                read.body_mutation.and_then(|b| b.mutation)
            else {
                panic!("no piece")
            };
            assert_eq!((piece.body, piece.end_of_stream), (body, end));
            let read = read.header_mutation.expect("a mutation");
            assert_eq!(read.set_headers.len(), mutation.set_headers.len());
            for (theirs, mine) in read.set_headers.iter().zip(&mutation.set_headers) {
                #[expect(deprecated, reason = "the field that ext_proc reads")]
                let append = theirs.append.is_some_and(|append| append.value);
                assert_eq!(append, mine.append.is_some());
                let (theirs, mine) = (theirs.header.as_ref(), mine.header.as_ref());
                let (theirs, mine) = (theirs.expect("a field"), mine.expect("a field"));
                assert_eq!(theirs.key.as_bytes(), mine.key);
                assert_eq!(theirs.raw_value, mine.raw_value);
                assert!(theirs.value.is_empty());
            }
            assert!(read.remove_headers.iter().map(String::as_bytes).eq(&mutation.remove_headers));
        },
    );
}

//! Bodies that Envoy can't hold back as a whole while a Worker reads them before it decides.

use super::*;

/// A GET that went on, a response with these fields, and a Worker that reads it.
fn reading(fields: &[(&'static str, &str)]) -> (Driver, Vec<String>) {
    let mut driver = Setup { has_body: false, method: "GET", ..NONE }.open();
    driver.commands([go_on(OutBody::AsItCame)]);
    let mut all = vec![(":status", "200")];
    all.extend_from_slice(fields);
    driver.message(Request::ResponseHeaders(headers(&all, false)));
    let lines = driver.commands([Command::ReadBody(Side::Response)]);
    (driver, lines)
}

fn names_the_settings(line: &str) -> bool {
    line.starts_with("event response error: ")
        && line.contains("per_connection_buffer_limit_bytes")
        && line.contains("reads_responses = true")
}

#[test]
fn a_length_above_the_limit_is_an_error_at_once() {
    let (mut driver, lines) = reading(&[("content-length", "1048577")]);
    assert!(names_the_settings(&lines[0]), "{lines:?}");
    assert!(driver.out.response_did_not_fit);
    let answer = driver.commands([respond(500, &[], OutBody::Empty)]);
    assert_eq!(answer[0], "immediate 500 \"\"");
}

#[test]
fn a_body_that_was_cut_is_an_error_and_not_a_short_body() {
    let (mut driver, lines) = reading(&[]);
    assert_eq!(lines, ["response_headers [NONE/BUFFERED_PARTIAL]"]);
    let lines = driver.response_body("only the first part", false);
    assert_eq!(lines[0], "event response chunk \"only the first part\"");
    assert!(names_the_settings(&lines[1]), "{lines:?}");
    assert!(driver.out.response_did_not_fit);
}

#[test]
fn a_response_that_was_cut_can_be_replaced() {
    let (mut driver, _) = reading(&[]);
    driver.response_body("only the first part", false);
    // A body reply would leave the rest behind it, also where only that adds no content-type.
    let lines = driver.commands([respond(502, &[], OutBody::Full("sorry".into()))]);
    assert_eq!(lines, ["immediate 502 \"sorry\"", "event closed Complete", "close Ok: "]);
}

#[test]
fn a_response_that_was_cut_passes_when_nobody_needs_it() {
    let (mut driver, _) = reading(&[]);
    driver.response_body("only the first part", false);
    let lines = driver.commands([as_it_came()]);
    assert_eq!(lines, ["response_body", "event closed Complete", "close Ok: "]);
}

#[test]
fn a_request_that_was_cut_is_an_error_and_is_never_mixed_with_another() {
    let setup = Setup { request: BodyMode::BufferedPartial, overrides: false, ..NONE };
    let mut driver = setup.open();
    assert_eq!(driver.commands([Command::ReadBody(Side::Request)]), ["request_headers"]);
    let lines = driver.request_body("only the first part", false);
    assert!(lines[1].contains("larger than the buffer limit"), "{lines:?}");
    assert!(!driver.out.response_did_not_fit);
    let lines = driver.commands([go_on(OutBody::Full("another".into()))]);
    assert!(lines[0].starts_with("immediate 500"), "{lines:?}");
}

#[test]
fn a_cut_body_that_is_read_late_is_an_error_too() {
    let setup = Setup { request: BodyMode::BufferedPartial, overrides: false, ..NONE };
    let mut driver = setup.open();
    assert_eq!(driver.commands([go_on(OutBody::Stream)]), ["request_headers"]);
    driver.request_body("only the first part", false);
    let lines = driver.commands([Command::ReadBody(Side::Request)]);
    assert_eq!(lines[0], "event request chunk \"only the first part\"");
    assert!(lines[1].contains("larger than the buffer limit"), "{lines:?}");
}

/// Envoy announces them as it does a body that was cut.
#[test]
fn a_body_before_trailers_is_whole_where_that_can_be_known() {
    let whole = ["event response chunk \"abcd\"", "event response end"];
    for fields in [
        [("content-length", "4")],
        [("trailer", "x-checksum")],
        [("content-type", "application/grpc+proto")],
    ] {
        let (mut driver, _) = reading(&fields);
        assert_eq!(driver.response_body("abcd", false), whole, "{fields:?}");
        assert!(!driver.out.response_did_not_fit);
    }
    let (mut driver, _) = reading(&[("content-length", "5")]);
    let lines = driver.response_body("abcd", false);
    assert!(names_the_settings(&lines[1]), "{lines:?}");
}

#[test]
fn announced_trailers_do_not_make_a_cut_body_whole() {
    let (mut driver, _) = reading(&[("trailer", "x-checksum")]);
    let limit = Settings::default().response_buffer_bytes as usize;
    let body = HttpBody { body: vec![b'x'; limit + 1].into(), end_of_stream: false };
    let lines = driver.message(Request::ResponseBody(body));
    assert!(names_the_settings(&lines[1]), "{lines:?}");
}

#[test]
fn a_replacement_above_the_limit_of_buffered_is_immediate() {
    let buffered = BodyMode::Buffered;
    let mut driver = Setup { response: buffered, overrides: false, ..NONE }.open();
    driver.commands([go_on(OutBody::AsItCame)]);
    driver.response("200", true);
    assert_eq!(driver.commands([Command::ReadBody(Side::Response)]), ["response_headers"]);
    driver.response_body("body", true);
    let limit = Settings::default().response_buffer_bytes as usize;
    let large = OutBody::Full(vec![b'x'; limit + 1].into());
    let lines = driver.commands([respond(200, &[("content-type", "x")], large)]);
    assert_eq!(lines[0], "immediate 200 +content-type=x (1048577 bytes)");
}

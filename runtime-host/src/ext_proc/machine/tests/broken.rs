//! Clients that break the protocol, and modes that can't do what the Worker wants.

use super::*;
use crate::ext_proc::status::Code;

fn refused(opened: Result<(Machine, Opened), Status>) -> Status {
    opened.map(drop).unwrap_err()
}

fn open(request: Option<Request>) -> Result<(Machine, Opened), Status> {
    let first = ProcessingRequest { request, ..ProcessingRequest::default() };
    Machine::open(first, &Settings::default())
}

#[test]
fn a_first_message_that_is_not_request_headers_is_refused() {
    let status = refused(open(None));
    assert_eq!(status.code, Code::InvalidArgument);
    let status = refused(open(Some(Request::RequestBody(http_body("x", true)))));
    assert_eq!(status.code, Code::FailedPrecondition);
    let early = Request::ResponseHeaders(headers(&[(":status", "200")], true));
    assert!(refused(open(Some(early))).message.contains("request_header_mode"));
    let bare = Request::RequestHeaders(headers(&[("accept", "*/*")], true));
    assert!(refused(open(Some(bare))).message.contains(":method"));
}

#[test]
fn a_body_mode_that_nobody_knows_is_refused_by_name() {
    let mut first = NONE.first();
    first.protocol_config.as_mut().unwrap().response_body_mode = 5;
    let status = refused(Machine::open(first, &Settings::default()));
    assert_eq!(status.code, Code::FailedPrecondition);
    assert!(status.message.starts_with("response_body_mode 5 is not supported"), "{status}");
}

/// What a second message leads to, after the request went on in the configured modes.
fn after_continue(mode: BodyMode, messages: impl IntoIterator<Item = Request>) -> String {
    let setup = Setup { request: mode, response: mode, overrides: false, ..NONE };
    let mut driver = setup.open();
    driver.commands([go_on(OutBody::AsItCame)]);
    let mut lines = Vec::new();
    for message in messages {
        lines = driver.message(message);
    }
    lines.pop().unwrap_or_default()
}

#[test]
fn messages_out_of_order_end_the_stream_with_a_reason() {
    let request = || Request::RequestHeaders(headers(&[(":method", "GET")], true));
    let response = || Request::ResponseHeaders(headers(&[(":status", "200")], false));
    let end = || Request::RequestBody(http_body("", true));
    let fds = BodyMode::FullDuplexStreamed;
    for (mode, messages, reason) in [
        (fds, vec![request()], "request_headers came a second time"),
        (fds, vec![response(), response()], "response_headers came a second time"),
        (
            fds,
            vec![Request::ResponseBody(http_body("x", false))],
            "response_body came before response_headers",
        ),
        (fds, vec![end(), end()], "request_body came after the end of the request"),
        (
            fds,
            vec![Request::ResponseTrailers(trailers())],
            "response_trailers came before response_headers",
        ),
        (
            fds,
            vec![end(), Request::RequestTrailers(trailers())],
            "request_trailers came after the end of the request",
        ),
        (
            BodyMode::None,
            vec![response(), Request::ResponseBody(http_body("x", false))],
            "response_body came though response_body_mode is NONE",
        ),
    ] {
        let status = format!("close FailedPrecondition: {reason}");
        assert_eq!(after_continue(mode, messages), status);
    }
    let status =
        after_continue(fds, [Request::ResponseHeaders(headers(&[(":status", "x")], true))]);
    assert!(status.starts_with("close InvalidArgument: response_headers without"), "{status}");
}

#[test]
fn nothing_happens_after_the_end() {
    let mut driver = NONE.open();
    driver.commands([go_on(OutBody::AsItCame), as_it_came()]);
    assert!(driver.machine.is_closed());
    let silence: Vec<String> = Vec::new();
    assert_eq!(driver.message(Request::RequestTrailers(trailers())), silence);
    assert_eq!(driver.commands([Command::ReadBody(Side::Request), as_it_came()]), silence);
    driver.machine.disconnected(&mut driver.out);
    assert_eq!(render::outputs(&mut driver.out), silence);
    // Bytes that a Worker writes too late are still given back to it.
    driver.machine.commands(&mut vec![body(Side::Response, "late")], &mut driver.out);
    assert_eq!(driver.out.released, [0, 4]);
}

#[test]
fn a_client_that_leaves_is_told_apart_from_a_finished_exchange() {
    let mut driver = NONE.open();
    driver.machine.disconnected(&mut driver.out);
    assert_eq!(render::outputs(&mut driver.out)[0], "event closed Disconnected");
    let mut driver = NONE.open();
    driver.commands([go_on(OutBody::AsItCame)]);
    driver.machine.half_closed(&mut driver.out);
    assert_eq!(render::outputs(&mut driver.out), ["event closed Disconnected", "close Ok: "]);
}

#[test]
fn a_body_that_envoy_will_not_send_is_an_error_that_names_the_setting() {
    for (mode, setting) in [
        (BodyMode::None, "request_body_mode NONE"),
        (BodyMode::Streamed, "request_body_mode STREAMED"),
    ] {
        let setup = Setup { request: mode, overrides: false, ..NONE };
        let lines = setup.open().commands([Command::ReadBody(Side::Request)]);
        assert!(lines[0].starts_with("event request error: "), "{lines:?}");
        assert!(
            lines[0].contains(setting) && lines[0].contains("allow_mode_override"),
            "{lines:?}"
        );
    }
    let mut driver = Setup { overrides: false, ..NONE }.open();
    driver.commands([go_on(OutBody::AsItCame)]);
    driver.response("200", true);
    let lines = driver.commands([Command::ReadBody(Side::Response)]);
    assert!(lines[0].contains("response_body_mode NONE"), "{lines:?}");
}

#[test]
fn a_stream_that_must_be_collected_is_bounded() {
    let mut driver = Setup { has_body: false, ..NONE }.open();
    assert!(driver.commands([go_on(OutBody::Stream)]).is_empty());
    let big = Bytes::from(vec![b'x'; 5 << 20]);
    let mut batch = vec![Command::Body(Side::Request, big.clone())];
    driver.machine.commands(&mut batch, &mut driver.out);
    assert_eq!(driver.out.released, [5 << 20, 0], "a writer must not wait for what waits for it");
    let lines = driver.commands([Command::Body(Side::Request, big)]);
    assert!(lines[0].starts_with("immediate 500"), "{lines:?}");
    assert_eq!(lines[2], "close Ok: ");
}

#[test]
fn a_failed_body_is_an_error_page_or_a_cut_off_message() {
    let mut driver = Setup { has_body: false, ..NONE }.open();
    driver.commands([go_on(OutBody::Stream)]);
    let lines = driver.commands([Command::BodyError(Side::Request, "boom".into())]);
    assert!(lines[0].starts_with("immediate 500"), "{lines:?}");

    // Envoy resets a response that has begun.
    let mut driver = NONE.open();
    driver.commands([go_on(OutBody::AsItCame)]);
    driver.response("200", true);
    driver.commands([respond(200, &[], OutBody::Stream)]);
    driver.response_body("x", false);
    let lines = driver.commands([Command::BodyError(Side::Response, "boom".into())]);
    assert!(lines[0].starts_with("immediate 500"), "{lines:?}");

    let mut driver = NONE.open();
    driver.commands([respond(200, &[], OutBody::Stream), body(Side::Response, "begun")]);
    let lines = driver.commands([Command::BodyError(Side::Response, "boom".into())]);
    assert!(lines[0].starts_with("immediate 500"), "{lines:?}");
    assert_eq!(lines[1..], ["event closed Complete", "close Ok: "]);
}

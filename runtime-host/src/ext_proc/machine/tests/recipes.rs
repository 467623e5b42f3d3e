//! What is replied to what, for each thing that a handler can do, in mode NONE with overrides:
//! the configuration that is shipped. Other modes are played through in `simulation`.

use super::*;

const SILENCE: [&str; 0] = [];

fn get() -> Setup {
    Setup { has_body: false, method: "GET", ..NONE }
}

/// A GET that went on, and its response.
fn responded(has_body: bool) -> Driver {
    let mut driver = get().open();
    assert_eq!(driver.commands([go_on(OutBody::AsItCame)]), ["request_headers"]);
    assert_eq!(driver.response("200", has_body), ["event response 200"]);
    driver
}

#[test]
fn a_handler_that_does_not_look_at_the_response_costs_no_response_phase() {
    let lines = NONE.open().commands([go_on(OutBody::AsItCame), as_it_came()]);
    assert_eq!(
        lines,
        ["request_headers [NONE/NONE skip response]", "event closed Complete", "close Ok: "]
    );
    let lines = NONE.open().commands([Command::PassThrough]);
    assert_eq!(lines[0], "request_headers [NONE/NONE skip response]");
}

#[test]
fn request_changes_are_a_difference() {
    let mut driver = get().open();
    let mut head = driver.head.clone();
    head.path = "/other?x=1".into();
    head.method = "PUT".into();
    head.headers.remove("accept");
    head.headers.push("x-many", "1");
    head.headers.push("x-many", "2");
    let lines = driver.commands([go_on_with(head, OutBody::AsItCame)]);
    assert_eq!(
        lines,
        ["request_headers +:method=PUT +:path=/other?x=1 +x-many=1 &x-many=2 -accept reroute"]
    );
}

#[test]
fn a_head_without_changes_changes_nothing() {
    let mut driver = get().open();
    let head = driver.head.clone();
    assert_eq!(driver.commands([go_on_with(head, OutBody::AsItCame)]), ["request_headers"]);
}

#[test]
fn a_field_without_a_value_is_added_too() {
    let mut driver = get().open();
    let mut head = driver.head.clone();
    head.headers.push("x-empty", "");
    let lines = driver.commands([go_on_with(head, OutBody::AsItCame)]);
    assert_eq!(lines, ["request_headers +x-empty= reroute"]);
}

#[test]
fn the_request_body_is_asked_for_when_it_is_read() {
    let mut driver = NONE.open();
    assert_eq!(driver.commands([Command::ReadBody(Side::Request)]), ["alone [FDS/NONE]"]);
    assert_eq!(driver.request_body("ab", false), ["event request chunk \"ab\""]);
    driver.commands([Command::Consumed(Side::Request, 2)]);
    assert_eq!(driver.request_body("", true), ["event request end"]);
    let lines = driver.commands([go_on(OutBody::Full("changed".into()))]);
    assert_eq!(
        lines,
        ["request_headers +content-length=7 -content-length", "request_body > \"changed\" end"]
    );
}

#[test]
fn a_transformed_request_streams() {
    let mut driver = NONE.open();
    let lines = driver.commands([go_on(OutBody::Stream), Command::ReadBody(Side::Request)]);
    assert_eq!(lines, ["alone [FDS/NONE]", "request_headers -content-length"]);
    assert_eq!(driver.commands([body(Side::Request, "too early")]), SILENCE);
    assert_eq!(
        driver.request_body("ab", false),
        ["request_body > \"too early\"", "event request chunk \"ab\""]
    );
    assert_eq!(driver.commands([body(Side::Request, "AB")]), ["request_body > \"AB\""]);
    assert_eq!(driver.commands([Command::BodyEnd(Side::Request)]), SILENCE);
    assert_eq!(driver.request_body("", true), ["request_body > \"\" end", "event request end"]);
}

#[test]
fn trailers_follow_the_body_that_replaces_another() {
    let mut driver = NONE.open();
    driver.commands([go_on(OutBody::Stream), Command::ReadBody(Side::Request)]);
    driver.request_body("ab", false);
    let lines = driver.message(Request::RequestTrailers(trailers()));
    assert_eq!(lines, ["event request end"]);
    let lines = driver.commands([body(Side::Request, "AB"), Command::BodyEnd(Side::Request)]);
    assert_eq!(lines, ["request_body > \"AB\"", "request_trailers"]);
}

#[test]
fn a_request_body_can_be_replaced_added_and_taken_away() {
    let full = || go_on(OutBody::Full("new".into()));
    assert_eq!(NONE.open().commands([full()]), ["request_headers replace \"new\""]);
    assert_eq!(get().open().commands([full()]), ["request_headers replace \"new\""]);
    assert_eq!(NONE.open().commands([go_on(OutBody::Empty)]), ["request_headers replace \"\""]);
    assert_eq!(get().open().commands([go_on(OutBody::Empty)]), ["request_headers"]);
    let mut driver = get().open();
    assert_eq!(driver.commands([go_on(OutBody::Stream), body(Side::Request, "a")]), SILENCE);
    let lines = driver.commands([body(Side::Request, "b"), Command::BodyEnd(Side::Request)]);
    assert_eq!(lines, ["request_headers replace \"ab\""]);
}

#[test]
fn response_changes_are_a_difference_and_the_body_stays_with_envoy() {
    let mut driver = responded(true);
    let fields = [("x-up", "2"), ("set-cookie", "a=1"), ("set-cookie", "b=2")];
    let lines = driver.commands([respond(201, &fields, OutBody::AsItCame)]);
    assert_eq!(
        lines,
        [
            "response_headers +:status=201 +x-up=2 &set-cookie=b=2",
            "event closed Complete",
            "close Ok: "
        ]
    );
}

#[test]
fn a_response_decided_before_it_came_is_replied_to_at_once() {
    let mut driver = get().open();
    driver.commands([go_on(OutBody::AsItCame)]);
    assert_eq!(driver.commands([as_it_came()]), SILENCE);
    let lines = driver.response("200", true);
    assert_eq!(lines[..2], ["response_headers", "event response 200"]);
}

#[test]
fn a_response_is_replaced_exactly() {
    let mut driver = responded(true);
    let fields = [
        ("content-type", "text/html"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-length", "9"),
    ];
    let lines = driver.commands([respond(418, &fields, OutBody::Full("tea".into()))]);
    assert_eq!(
        lines[0],
        "immediate 418 +content-type=text/html +set-cookie=a=1 &set-cookie=b=2 \"tea\""
    );
    // Envoy would add a content-type to this one.
    let lines = responded(true).commands([respond(200, &[], OutBody::Full("x".into()))]);
    assert_eq!(lines[0], "response_headers -x-up -set-cookie replace \"x\"");
    let lines = responded(true).commands([respond(204, &[], OutBody::Empty)]);
    assert_eq!(lines[0], "immediate 204 \"\"");
}

#[test]
fn a_response_read_before_the_answer_is_buffered_by_envoy() {
    let mut driver = responded(true);
    let lines = driver.commands([Command::ReadBody(Side::Response)]);
    assert_eq!(lines, ["response_headers [NONE/BUFFERED_PARTIAL]"]);
    let lines = driver.response_body("body", true);
    assert_eq!(lines, ["event response chunk \"body\"", "event response end"]);
    let lines = driver.commands([respond(201, &[("x-up", "1")], OutBody::Full("BODY!".into()))]);
    // Still possible here: the status, the fields, the length.
    assert_eq!(
        lines[0],
        "response_body +:status=201 +content-length=5 -set-cookie -content-length \"BODY!\""
    );
}

#[test]
fn a_worker_known_to_read_the_response_gets_it_without_a_limit() {
    let mut driver = Setup { hint: true, ..get() }.open();
    assert_eq!(driver.commands([go_on(OutBody::AsItCame)]), ["request_headers [NONE/FDS]"]);
    driver.response("200", true);
    assert_eq!(driver.commands([Command::ReadBody(Side::Response)]), SILENCE);
    assert_eq!(driver.response_body("ab", false), ["event response chunk \"ab\""]);
    driver.commands([Command::Consumed(Side::Response, 2)]);
    driver.response_body("", true);
    let lines = driver.commands([respond(200, &[], OutBody::Stream), body(Side::Response, "AB")]);
    assert_eq!(
        lines,
        ["response_headers -x-up -set-cookie -content-length", "response_body > \"AB\""]
    );
    assert_eq!(driver.commands([Command::BodyEnd(Side::Response)])[0], "response_body > \"\" end");
}

#[test]
fn a_transformed_response_streams() {
    let mut driver = responded(true);
    let fields = [("x-up", "1"), ("set-cookie", "a=1")];
    let lines = driver
        .commands([respond(200, &fields, OutBody::Stream), Command::ReadBody(Side::Response)]);
    assert_eq!(lines, ["response_headers -content-length [NONE/FDS]"]);
    assert_eq!(
        driver.response_body("ab", true),
        ["event response chunk \"ab\"", "event response end"]
    );
    let lines = driver.commands([body(Side::Response, "AB"), Command::BodyEnd(Side::Response)]);
    assert_eq!(lines, ["response_body > \"AB\" end", "event closed Complete", "close Ok: "]);
}

#[test]
fn both_directions_stream_at_once() {
    let mut driver = NONE.open();
    driver.commands([go_on(OutBody::Stream), Command::ReadBody(Side::Request)]);
    driver.request_body("ab", false);
    driver.response("200", true);
    let lines = driver.commands([respond(200, &[], OutBody::Stream)]);
    // The override of the response repeats that of the request.
    assert_eq!(lines, ["response_headers -x-up -set-cookie -content-length [FDS/FDS]"]);
    driver.response_body("up", true);
    driver.commands([body(Side::Response, "x"), Command::BodyEnd(Side::Response)]);
    assert!(!driver.machine.is_closed(), "the request body is still on its way");
}

#[test]
fn a_short_circuit_is_immediate() {
    let fields = [("content-type", "text/plain")];
    let lines = NONE.open().commands([respond(403, &fields, OutBody::Full("no".into()))]);
    assert_eq!(
        lines,
        ["immediate 403 +content-type=text/plain \"no\"", "event closed Complete", "close Ok: "]
    );
    // Envoy would add a content-type.
    let lines = NONE.open().commands([respond(200, &[], OutBody::Full("x".into()))]);
    assert_eq!(lines[..2], ["answer :status=200 content-length=1", "answer > \"x\" end"]);
}

#[test]
fn a_streamed_short_circuit_streams() {
    let mut driver = get().open();
    let lines = driver.commands([respond(200, &[("x", "1")], OutBody::Stream)]);
    assert_eq!(lines, ["answer :status=200 x=1"]);
    assert_eq!(driver.commands([body(Side::Response, "a")]), ["answer > \"a\""]);
    assert_eq!(driver.out.released, [0, 1]);
    let lines = driver.commands([body(Side::Response, "b"), Command::BodyEnd(Side::Response)]);
    assert_eq!(lines[0], "answer > \"b\" end");
}

#[test]
fn a_stream_of_known_length_keeps_it() {
    let fields = [("content-length", "2")];
    let lines = get().open().commands([respond(200, &fields, OutBody::Stream)]);
    assert_eq!(lines, ["answer :status=200 content-length=2"]);
    let head = Setup { method: "HEAD", ..get() };
    let lines = head.open().commands([respond(200, &fields, OutBody::Stream)]);
    assert_eq!(lines[0], "answer :status=200 content-length=2 end");

    // The response came with 4.
    let changes = [("2", " +content-length=2 -content-length"), ("4", "")];
    for (declared, change) in changes {
        let mut driver = responded(true);
        let fields = [("x-up", "1"), ("set-cookie", "a=1"), ("content-length", declared)];
        let lines = driver.commands([respond(200, &fields, OutBody::Stream)]);
        assert_eq!(lines, [format!("response_headers{change} [NONE/FDS]")]);
    }
    for (declared, change) in changes {
        let mut driver = NONE.open();
        let mut head = driver.head.clone();
        head.headers.remove("content-length");
        head.headers.push("content-length", declared);
        let lines = driver.commands([go_on_with(head, OutBody::Stream)]);
        assert_eq!(lines, ["alone [FDS/NONE]".to_owned(), format!("request_headers{change}")]);
    }
}

#[test]
fn an_echo_asks_for_the_body_before_it_answers() {
    let mut driver = NONE.open();
    // The body may still be read: Envoy would not send it after the answer began.
    assert_eq!(driver.commands([respond(200, &[], OutBody::Stream)]), SILENCE);
    let lines = driver.commands([Command::ReadBody(Side::Request)]);
    assert_eq!(lines, ["alone [FDS/NONE]", "answer :status=200"]);
    assert_eq!(driver.request_body("ab", false), ["event request chunk \"ab\""]);
    assert_eq!(driver.commands([body(Side::Response, "ab")]), ["answer > \"ab\""]);
}

#[test]
fn a_stream_where_envoy_can_not_stream_is_collected() {
    let mut driver = Setup { response: BodyMode::Buffered, ..NONE }.open();
    let fields = [("content-type", "text/plain")];
    let batch = [respond(200, &fields, OutBody::Stream), body(Side::Response, "a")];
    assert_eq!(driver.commands(batch), SILENCE);
    let lines = driver.commands([body(Side::Response, "b"), Command::BodyEnd(Side::Response)]);
    assert_eq!(lines[0], "immediate 200 +content-type=text/plain \"ab\"");
}

#[test]
fn metadata_goes_out_with_the_next_reply() {
    let mut driver = get().open();
    let values = serde_json::json!({"tenant": "a"}).as_object().unwrap().clone();
    assert_eq!(driver.commands([Command::Metadata(values)]), SILENCE);
    assert_eq!(driver.commands([go_on(OutBody::AsItCame)]), ["request_headers metadata"]);
}

#[test]
fn in_observability_mode_nothing_is_replied() {
    let mut driver = Setup { observability: true, request: BodyMode::Streamed, ..NONE }.open();
    // Envoy does not wait, so the response can be first.
    assert_eq!(driver.response("200", true), SILENCE);
    assert_eq!(driver.commands([Command::ReadBody(Side::Request)]), SILENCE);
    assert_eq!(driver.request_body("ab", true)[0], "event request chunk \"ab\"");
    let lines = driver.commands([go_on(OutBody::Full("AB".into()))]);
    assert_eq!(lines, ["event response 200"]);
    let lines = driver.commands([respond(500, &[], OutBody::Empty)]);
    assert_eq!(lines, ["event closed Complete", "close Ok: "]);
}

#[test]
fn an_answer_of_envoys_own_passes_while_the_worker_has_the_request() {
    let mut driver = NONE.open();
    assert_eq!(
        driver.response("504", true),
        ["response_headers", "event closed Disconnected", "close Ok: "]
    );
}

#[test]
fn reading_stops_above_the_window_and_goes_on_when_bytes_were_taken() {
    let mut driver = NONE.open();
    driver.commands([Command::ReadBody(Side::Request)]);
    let window = crate::exchange::BODY_WINDOW_BYTES;
    let chunk = HttpBody { body: vec![0; window + 1].into(), end_of_stream: false };
    driver.machine.message(message(Request::RequestBody(chunk)), &mut driver.out);
    assert!(!driver.machine.wants_messages());
    driver.machine.commands(&mut vec![Command::Consumed(Side::Request, 1)], &mut driver.out);
    assert!(driver.machine.wants_messages());
}

#[test]
fn a_body_nobody_reads_does_not_hold_up_the_response() {
    let mut driver = Setup { request: BodyMode::FullDuplexStreamed, ..NONE }.open();
    driver.commands([go_on(OutBody::Stream), body(Side::Request, "own")]);
    for _ in 0..8 {
        let chunk = HttpBody { body: vec![0; 256 * 1024].into(), end_of_stream: false };
        driver.machine.message(message(Request::RequestBody(chunk)), &mut driver.out);
        assert!(driver.machine.wants_messages());
    }
    render::outputs(&mut driver.out);
    let lines = driver.commands([Command::ReadBody(Side::Request)]);
    assert!(lines[0].contains("sent on or replaced already"), "{lines:?}");
}

//! Bodies both ways: straight through, read, written, held back, broken off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::engine::{Handle, Scripted, as_it_came, go_on, respond};
use super::{Front, sizes, soon, whole};
use crate::client::tests::read;
use crate::client::tests::server::{Server, http, reply};
use crate::client::{ErrorKind, FetchBody, upload};
use crate::exchange::{BODY_WINDOW_BYTES, Close, Command, Continue, Event, OutBody, Respond, Side};

/// Sends the request's body back, streaming.
async fn echo() -> Server {
    http(|request| async {
        http::Response::new(request.into_body().map_err(Into::into).boxed_unsync())
    })
    .await
}

/// The body, once with its length declared and once chunked.
async fn both_framings(front: &Front, body: &Bytes) -> [Bytes; 2] {
    let full = front.post("/", FetchBody::Full(body.clone())).await.expect("a response");
    let full = whole(full).await;
    let (sender, stream) = upload(None);
    let chunks = body.clone();
    tokio::spawn(async move {
        for chunk in chunks.chunks(30_000) {
            sender.send(Bytes::copy_from_slice(chunk)).await.expect("room");
        }
        sender.finish();
    });
    let chunked = front.post("/", FetchBody::Stream(stream)).await.expect("a response");
    [full, whole(chunked).await]
}

#[tokio::test]
async fn untouched_bodies_go_straight_through() {
    let origin = echo().await;
    let engine = Scripted(|mut handle: Handle| async move {
        handle.give([go_on()]);
        let head = handle.response().await;
        handle.give([Command::Respond(Respond { head: Some(head), body: OutBody::AsItCame })]);
        // Not one chunk is shown to the engine.
        assert_eq!(handle.closed().await, Close::Complete);
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    for body in sizes() {
        for came in soon(both_framings(&front, &body)).await {
            assert!(came == body, "{} B", body.len());
        }
    }
}

#[tokio::test]
async fn javascript_reads_and_writes_both_bodies() {
    let origin = echo().await;
    let engine = Scripted(|mut handle: Handle| async move {
        let body = handle.read(Side::Request).await.expect("the request's body");
        handle.give([Command::Continue(Continue { head: None, body: OutBody::Stream })]);
        for chunk in body.chunks(70_000) {
            assert!(handle.write(Side::Request, Bytes::copy_from_slice(chunk)).await);
        }
        handle.give([Command::BodyEnd(Side::Request)]);
        loop {
            match handle.event().await {
                Some(Event::Drained(Side::Request)) => {}
                Some(Event::Response(_)) => break,
                other => panic!("a response was expected, not {other:?}"),
            }
        }
        let body = handle.read(Side::Response).await.expect("the response's body");
        handle.give([respond(200, OutBody::Stream)]);
        handle.write_all(Side::Response, &body).await;
        assert_eq!(handle.closed().await, Close::Complete);
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    for body in sizes() {
        // The echo of a large body comes while it is being sent: small ones only, here.
        let body = body.slice(..body.len().min(100_000));
        for came in soon(both_framings(&front, &body)).await {
            assert!(came == body, "{} B", body.len());
        }
    }
}

#[tokio::test]
async fn bodies_of_all_sizes_are_read_and_written() {
    let engine = Scripted(|mut handle: Handle| async move {
        let body = handle.read(Side::Request).await.expect("the request's body");
        handle.give([respond(200, OutBody::Stream)]);
        handle.write_all(Side::Response, &body).await;
        assert_eq!(handle.closed().await, Close::Complete);
    });
    let front = Front::new(engine, None).await;
    for body in sizes() {
        for came in soon(both_framings(&front, &body)).await {
            assert!(came == body, "{} B", body.len());
        }
    }
}

#[tokio::test]
async fn a_reader_that_lags_holds_the_client_back() {
    let (go, mut gate) = mpsc::unbounded_channel::<()>();
    let got = Arc::new(AtomicUsize::new(0));
    let count = got.clone();
    let gate = Arc::new(tokio::sync::Mutex::new(gate_of(&mut gate)));
    let engine = Scripted(move |mut handle: Handle| {
        let (count, gate) = (count.clone(), gate.clone());
        async move {
            handle.give([Command::ReadBody(Side::Request)]);
            let mut owed = 0;
            while owed < BODY_WINDOW_BYTES {
                match handle.event().await {
                    Some(Event::Chunk(Side::Request, chunk)) => owed += chunk.len(),
                    other => panic!("a chunk was expected, not {other:?}"),
                }
                count.store(owed, Ordering::SeqCst);
            }
            let held = tokio::time::timeout(Duration::from_millis(300), handle.event()).await;
            assert!(held.is_err(), "{held:?}");
            gate.lock().await.recv().await;
            handle.give([Command::Consumed(Side::Request, owed)]);
            assert!(matches!(handle.event().await, Some(Event::Chunk(..))));
            handle.give([Command::CancelBody(Side::Request), respond(200, OutBody::Empty)]);
        }
    });
    let front = Front::new(engine, None).await;
    let body = sizes()[3].clone();
    let posting = front.post("/", FetchBody::Full(body));
    let opening = async {
        while got.load(Ordering::SeqCst) < BODY_WINDOW_BYTES {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        go.send(()).expect("a handler");
    };
    let (response, ()) = soon(async { tokio::join!(posting, opening) }).await;
    // The rest of the body was read and dropped, so the client saw the response.
    assert_eq!(response.expect("a response").status, 200);
}

fn gate_of(gate: &mut mpsc::UnboundedReceiver<()>) -> mpsc::UnboundedReceiver<()> {
    let (_, closed) = mpsc::unbounded_channel();
    std::mem::replace(gate, closed)
}

#[tokio::test]
async fn a_client_that_lags_holds_the_writer_back() {
    let full = Arc::new(AtomicBool::new(false));
    let flag = full.clone();
    let engine = Scripted(move |mut handle: Handle| {
        let flag = flag.clone();
        async move {
            handle.give([respond(200, OutBody::Stream)]);
            let mut written: usize = 0;
            loop {
                let chunk = Bytes::from(vec![7; 64 * 1024]);
                let writing = handle.write(Side::Response, chunk);
                match tokio::time::timeout(Duration::from_millis(500), writing).await {
                    Ok(went_on) => assert!(went_on),
                    Err(_) => break,
                }
                written += 64 * 1024;
                assert!(written < 64 * 1024 * 1024, "nothing holds the writer back");
            }
            flag.store(true, Ordering::SeqCst);
            // Once the client reads, there is room again.
            assert!(handle.write(Side::Response, "end".into()).await);
            handle.give([Command::BodyEnd(Side::Response)]);
            assert_eq!(handle.closed().await, Close::Complete);
        }
    });
    let front = Front::new(engine, None).await;
    let response = front.get("/").await.expect("a response");
    soon(async {
        while !full.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let body = soon(whole(response)).await;
    assert!(body.ends_with(b"end"));
}

#[tokio::test]
async fn an_unread_request_body_does_not_spoil_the_answer() {
    let engine = Scripted(|handle: Handle| async move {
        handle.give([respond(403, OutBody::Full("no".into()))]);
    });
    let front = Front::new(engine, None).await;
    for body in sizes() {
        let response = soon(front.post("/", FetchBody::Full(body))).await.expect("a response");
        assert_eq!(whole(response).await, "no");
    }
}

#[tokio::test]
async fn a_failed_stream_cuts_the_response_off() {
    let engine = Scripted(|mut handle: Handle| async move {
        handle.give([respond(200, OutBody::Stream)]);
        assert!(handle.write(Side::Response, "part".into()).await);
        // What the network has not taken yet is lost with the connection.
        tokio::time::sleep(Duration::from_millis(200)).await;
        handle.give([Command::BodyError(Side::Response, "the Worker's stream failed".into())]);
        assert_eq!(handle.closed().await, Close::Disconnected);
    });
    let front = Front::new(engine, None).await;
    let mut response = front.get("/").await.expect("a response");
    let error = soon(read(&mut response.body)).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Peer, "{error}");
}

#[tokio::test]
async fn a_failed_stream_cuts_the_request_off() {
    let complete = Arc::new(AtomicBool::new(false));
    let flag = complete.clone();
    let origin = http(move |request| {
        let flag = flag.clone();
        async move {
            let body = request.into_body().collect().await;
            flag.store(body.is_ok(), Ordering::SeqCst);
            reply("")
        }
    })
    .await;
    let engine = Scripted(|mut handle: Handle| async move {
        handle.give([Command::Continue(Continue { head: None, body: OutBody::Stream })]);
        assert!(handle.write(Side::Request, "part".into()).await);
        handle.give([Command::BodyError(Side::Request, "the Worker's stream failed".into())]);
        match handle.event().await {
            Some(Event::ResponseFailed(_)) => {}
            other => panic!("a failure was expected, not {other:?}"),
        }
        handle.give([respond(500, OutBody::Empty)]);
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let response = soon(front.post("/", FetchBody::Empty)).await.expect("a response");
    assert_eq!(response.status, 500);
    assert!(!complete.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_origin_that_stops_reading_does_not_block_the_writer() {
    let origin = http(|_| async { reply("early") }).await;
    let engine = Scripted(|mut handle: Handle| async move {
        let stream = Continue { head: None, body: OutBody::Stream };
        handle.give([Command::Continue(stream), as_it_came()]);
        let chunk = Bytes::from(vec![0; 64 * 1024]);
        while handle.write(Side::Request, chunk.clone()).await {}
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let response = soon(front.post("/", FetchBody::Empty)).await.expect("a response");
    // The origin closes with bytes unread, which may take its answer away (RFC 9112 §9.6): either
    // way the exchange ends.
    let body = soon(whole(response)).await;
    assert!(body == "early" || body.starts_with(b"The origin failed"), "{body:?}");
}

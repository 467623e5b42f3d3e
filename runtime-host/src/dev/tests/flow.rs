//! Each command, and what the origin and the client see of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::engine::{Handle, NoWorker, Scripted, as_it_came, go_on, respond};
use super::{Front, soon, whole};
use crate::client::tests::client;
use crate::client::tests::server::{Server, answer, describe, http, reply};
use crate::client::{FetchBody, FetchRequest};
use crate::exchange::{Close, Command, Continue, Event, OutBody, Respond, Side};

/// Tells what it saw.
async fn mirror() -> Server {
    http(|request| async { reply(describe(request).await) }).await
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn the_request_as_the_engine_gets_it() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let engine = Scripted(move |handle: Handle| {
        let tell = tell.clone();
        async move {
            handle.give([respond(200, OutBody::Empty)]);
            let _ = tell.send(handle.start);
        }
    });
    let front = Front::new(engine, None).await;
    let mut request = FetchRequest::get(front.url("/a%2Fb?c=d"));
    request.headers.push("x-one", "1");
    request.headers.push("x-request-id", "given");
    client().fetch(request).await.expect("a response");
    let start = told.recv().await.expect("a start");
    assert_eq!(start.request.method, "GET");
    assert_eq!(start.request.scheme, "http");
    assert_eq!(start.request.authority, front.address.to_string());
    assert_eq!(start.request.path, "/a%2Fb?c=d");
    assert!(!start.request.has_body);
    assert_eq!(start.request.headers.get("x-one").map(AsRef::as_ref), Some(&b"1"[..]));
    assert!(start.request.headers.get("host").is_none());
    assert_eq!(start.request_id, "given");
    front.post("/", FetchBody::Full("x".into())).await.expect("a response");
    let start = told.recv().await.expect("a start");
    assert!(start.request.has_body);
    assert_eq!(start.request_id.len(), 32);
}

#[tokio::test]
async fn a_short_circuit_never_reaches_the_origin() {
    let origin = mirror().await;
    let engine = Scripted(|mut handle: Handle| async move {
        handle.give([respond(418, OutBody::Full("short".into()))]);
        assert_eq!(handle.closed().await, Close::Complete);
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let response = front.get("/").await.expect("a response");
    assert_eq!(response.status, 418);
    assert_eq!(response.headers.get("x-worker").map(AsRef::as_ref), Some(&b"yes"[..]));
    assert_eq!(response.headers.get("content-length").map(AsRef::as_ref), Some(&b"5"[..]));
    assert_eq!(whole(response).await, "short");
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_continued_request_keeps_the_clients_host() {
    let origin = mirror().await;
    let engine = Scripted(|handle: Handle| async move {
        let mut head = handle.start.request.clone();
        head.method = "PUT".into();
        head.path = "/changed".into();
        head.headers.push("x-added", "1");
        let body = OutBody::Full("new body".into());
        handle.give([Command::Continue(Continue { head: Some(head), body }), as_it_came()]);
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let response = front.post("/came", FetchBody::Full("old".into())).await.expect("a response");
    let seen = whole(response).await;
    let seen = text(&seen);
    assert!(seen.starts_with("PUT /changed\n"), "{seen}");
    assert!(seen.contains(&format!("host: {}\n", front.address)), "{seen}");
    assert!(seen.contains("x-added: 1\n") && seen.contains("content-length: 8\n"), "{seen}");
    assert!(seen.ends_with("new body"), "{seen}");
}

#[tokio::test]
async fn the_response_resumes_the_handler() {
    let origin = http(|_| async { answer(203, "x-origin", "1") }).await;
    let engine = Scripted(|mut handle: Handle| async move {
        handle.give([go_on()]);
        let mut head = handle.response().await;
        assert_eq!(head.status, 203);
        head.headers.push("x-worker", "1");
        handle.give([Command::Respond(Respond { head: Some(head), body: OutBody::AsItCame })]);
        assert_eq!(handle.closed().await, Close::Complete);
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let response = front.get("/").await.expect("a response");
    assert_eq!(response.status, 203);
    assert!(
        response.headers.get("x-origin").is_some() && response.headers.get("x-worker").is_some()
    );
}

#[tokio::test]
async fn an_answer_may_replace_the_origins() {
    let origin = mirror().await;
    for waits in [true, false] {
        let engine = Scripted(move |mut handle: Handle| async move {
            if waits {
                handle.give([go_on()]);
                handle.response().await;
                handle.give([respond(201, OutBody::Full("other".into()))]);
            } else {
                handle.give([go_on(), respond(201, OutBody::Full("other".into()))]);
            }
            assert_eq!(handle.closed().await, Close::Complete);
        });
        let front = Front::new(engine, Some(&origin.url("/"))).await;
        let response = front.get("/").await.expect("a response");
        assert_eq!(response.status, 201);
        assert_eq!(whole(response).await, "other");
    }
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn pass_through_before_and_after_the_continuation() {
    let origin = mirror().await;
    for after in [false, true] {
        let engine = Scripted(move |mut handle: Handle| async move {
            if after {
                handle.give([go_on()]);
                handle.response().await;
            }
            handle.give([Command::PassThrough]);
            assert_eq!(handle.closed().await, Close::Complete);
        });
        let front = Front::new(engine, Some(&origin.url("/"))).await;
        let response = front.post("/x", FetchBody::Full("body".into())).await.expect("a response");
        let seen = whole(response).await;
        assert!(seen.starts_with(b"POST /x\n") && seen.ends_with(b"body"), "{seen:?}");
    }
}

#[tokio::test]
async fn without_a_worker_requests_go_on() {
    let origin = mirror().await;
    let front = Front::new(NoWorker, Some(&origin.url("/"))).await;
    let response = front.post("/x", FetchBody::Full("body".into())).await.expect("a response");
    assert!(whole(response).await.ends_with(b"body"));
}

#[tokio::test]
async fn without_an_origin_a_page_names_the_option() {
    let engine = Scripted(|mut handle: Handle| async move {
        handle.give([go_on()]);
        // The Worker sees it as the origin's response.
        assert_eq!(handle.response().await.status, 502);
        handle.give([as_it_came()]);
    });
    for front in [Front::new(engine, None).await, Front::new(NoWorker, None).await] {
        let response = front.get("/").await.expect("a response");
        assert_eq!(response.status, 502);
        assert!(text(&whole(response).await).contains("--origin"));
    }
}

#[tokio::test]
async fn an_origin_that_is_down() {
    let origin = mirror().await;
    let url = origin.url("/");
    drop(origin);
    tokio::task::yield_now().await;
    let engine = Scripted(|mut handle: Handle| async move {
        if handle.start.request.path == "/unseen" {
            return handle.give([go_on(), as_it_came()]);
        }
        handle.give([go_on()]);
        match handle.event().await {
            Some(Event::ResponseFailed(reason)) => {
                handle.give([respond(503, OutBody::Full(reason.into()))]);
            }
            other => panic!("a failure was expected, not {other:?}"),
        }
    });
    let front = Front::new(engine, Some(&url)).await;
    let response = front.get("/").await.expect("a response");
    assert_eq!(response.status, 503);
    assert!(text(&whole(response).await).contains("connection refused"));
    let response = front.get("/unseen").await.expect("a response");
    assert_eq!(response.status, 502);
    assert!(text(&whole(response).await).contains("connection refused"));
}

#[tokio::test]
async fn messages_without_body() {
    let origin = http(|_| async { answer(200, "content-length", "5") }).await;
    let engine = Scripted(|mut handle: Handle| async move {
        match handle.start.request.path.as_ref() {
            b"/origin" => handle.give([go_on(), as_it_came()]),
            b"/full" => handle.give([respond(200, OutBody::Full("five!".into()))]),
            b"/stream" => {
                handle.give([respond(200, OutBody::Stream)]);
                handle.write_all(Side::Response, &Bytes::from(vec![0; 1_000_000])).await;
            }
            _ => handle.give([respond(204, OutBody::Full("ignored".into()))]),
        }
        assert_eq!(handle.closed().await, Close::Complete);
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    for path in ["/origin", "/full", "/stream"] {
        let mut request = FetchRequest::get(front.url(path));
        request.method = "HEAD".into();
        let response = soon(client().fetch(request)).await.expect("a response");
        let length = response.headers.get("content-length").map(AsRef::as_ref);
        let expected = if path == "/origin" { Some(&b"5"[..]) } else { None };
        assert_eq!(length, expected, "{path}");
    }
    let response = front.get("/204").await.expect("a response");
    assert!(response.status == 204 && response.body.is_end());
}

#[tokio::test]
async fn metadata_and_bad_heads_do_no_harm() {
    let engine = Scripted(|handle: Handle| async move {
        handle.give([Command::Metadata(serde_json::Map::new())]);
        match handle.start.request.path.as_ref() {
            b"/status" => handle.give([respond(99, OutBody::Empty)]),
            b"/nothing" => handle.give([as_it_came()]),
            _ => {
                let mut answer = respond(200, OutBody::Empty);
                if let Command::Respond(Respond { head: Some(head), .. }) = &mut answer {
                    head.headers.push("x", "a\r\nb: c");
                }
                handle.give([answer]);
            }
        }
    });
    let front = Front::new(engine, None).await;
    for path in ["/status", "/nothing", "/value"] {
        assert_eq!(soon(front.get(path)).await.expect("a response").status, 500, "{path}");
    }
}

#[tokio::test]
async fn shutdown_lets_requests_finish() {
    let started = Arc::new(AtomicUsize::new(0));
    let (go, gate) = tokio::sync::watch::channel(false);
    let count = started.clone();
    let engine = Scripted(move |handle: Handle| {
        let (count, mut gate) = (count.clone(), gate.clone());
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            gate.wait_for(|open| *open).await.expect("a gate");
            handle.give([respond(200, OutBody::Full("late".into()))]);
        }
    });
    let mut front = Front::new(engine, None).await;
    let url = front.url("/");
    let running = tokio::spawn(async move { client().fetch(FetchRequest::get(url)).await });
    while started.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    front.shutdown.cancel();
    while tokio::net::TcpStream::connect(front.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!front.task.is_finished());
    go.send(true).expect("a handler");
    let response = soon(running).await.expect("no panic").expect("a response");
    assert_eq!(whole(response).await, "late");
    soon(&mut front.task).await.expect("no panic");
}

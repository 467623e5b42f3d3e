//! Clients and origins that leave, upgrade, send trailers, or speak HTTP/2.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::engine::{Handle, Scripted, as_it_came, go_on, respond};
use super::{Front, sizes, soon};
use crate::client::BoxError;
use crate::client::tests::read;
use crate::client::tests::server::{http, raw, reply};
use crate::exchange::{Close, Command, Event, OutBody, Side};

/// An engine that runs `handler` and tells how the exchange was closed.
fn telling<F, R>(handler: F) -> (impl crate::exchange::Engine, mpsc::UnboundedReceiver<Close>)
where
    F: Fn(Handle) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Handle> + Send + 'static,
{
    let (tell, told) = mpsc::unbounded_channel();
    let engine = Scripted(move |handle: Handle| {
        let (tell, handler) = (tell.clone(), handler.clone());
        async move {
            let mut handle = handler(handle).await;
            if let Some(close) = handle.seen {
                let _ = tell.send(close);
            }
            while let Some(event) = handle.event().await {
                if let Event::Closed(close) = event {
                    let _ = tell.send(close);
                }
            }
        }
    });
    (engine, told)
}

async fn connected(front: &Front, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(front.address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_client_that_leaves_before_the_response() {
    let (engine, mut told) = telling(|handle: Handle| async { handle });
    let front = Front::new(engine, None).await;
    let stream = connected(&front, GET).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(told.try_recv().is_err());
    drop(stream);
    assert_eq!(soon(told.recv()).await, Some(Close::Disconnected));
}

#[tokio::test]
async fn a_client_that_leaves_while_its_body_is_read() {
    let (engine, mut told) = telling(|mut handle: Handle| async {
        handle.give([Command::ReadBody(Side::Request)]);
        assert!(matches!(handle.event().await, Some(Event::Chunk(..))));
        handle
    });
    let front = Front::new(engine, None).await;
    let request = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\npart";
    let stream = connected(&front, request).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(stream);
    assert_eq!(soon(told.recv()).await, Some(Close::Disconnected));
}

#[tokio::test]
async fn a_client_that_leaves_during_the_response() {
    let (engine, mut told) = telling(|mut handle: Handle| async {
        handle.give([respond(200, OutBody::Stream)]);
        while handle.write(Side::Response, Bytes::from(vec![0; 64 * 1024])).await {}
        handle
    });
    let front = Front::new(engine, None).await;
    let mut stream = connected(&front, GET).await;
    let mut some = [0; 1000];
    stream.read_exact(&mut some).await.expect("a part");
    drop(stream);
    assert_eq!(soon(told.recv()).await, Some(Close::Disconnected));
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_origins_work() {
    let (gone, mut left) = mpsc::unbounded_channel();
    let origin = raw(move |mut stream| {
        let gone = gone.clone();
        async move {
            let mut bytes = [0; 1024];
            while stream.read(&mut bytes).await.is_ok_and(|n| n > 0) {}
            let _ = gone.send(());
        }
    })
    .await;
    let (engine, mut told) = telling(|handle: Handle| async {
        handle.give([go_on()]);
        handle
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let stream = connected(&front, GET).await;
    while origin.connections() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    assert_eq!(soon(told.recv()).await, Some(Close::Disconnected));
    soon(left.recv()).await.expect("the origin saw it");
}

#[tokio::test]
async fn an_origin_that_breaks_off() {
    let origin = raw(|mut stream| async move {
        let mut bytes = [0; 1024];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart").await;
    })
    .await;
    // Passed on untouched: the client sees the break.
    let (engine, _told) = telling(|handle: Handle| async {
        handle.give([go_on(), as_it_came()]);
        handle
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let mut response = front.get("/").await.expect("a response");
    assert!(soon(read(&mut response.body)).await.is_err());
    // Read by JavaScript: the Worker sees it.
    let engine = Scripted(|mut handle: Handle| async move {
        handle.give([go_on()]);
        handle.response().await;
        let reason = handle.read(Side::Response).await.expect_err("an error");
        handle.give([respond(200, OutBody::Full(reason.into()))]);
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let text = super::whole(front.get("/").await.expect("a response")).await;
    assert!(text.starts_with(b"the origin broke its response off"), "{text:?}");
}

#[tokio::test]
async fn upgrades_pass_through() {
    let origin = raw(|mut stream| async move {
        let mut head = [0; 1024];
        let n = stream.read(&mut head).await.expect("a request");
        let head = String::from_utf8_lossy(&head[..n]).to_ascii_lowercase();
        assert!(
            head.contains("upgrade: websocket") && head.contains("connection: upgrade"),
            "{head}"
        );
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                      upgrade: websocket\r\nsec-websocket-accept: x\r\n\r\nhello";
        stream.write_all(answer.as_bytes()).await.expect("sent");
        let (mut reader, mut writer) = stream.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    })
    .await;
    for looks in [false, true] {
        let (engine, mut told) = telling(move |mut handle: Handle| async move {
            handle.give([go_on()]);
            if looks {
                assert_eq!(handle.response().await.status, 101);
            }
            handle.give([as_it_came()]);
            handle
        });
        let front = Front::new(engine, Some(&origin.url("/"))).await;
        let request = "GET /chat HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\n\
                       upgrade: websocket\r\nsec-websocket-key: y\r\n\r\n";
        let mut stream = connected(&front, request).await;
        let mut seen = Vec::new();
        while !seen.ends_with(b"hello") {
            assert_ne!(soon(stream.read_buf(&mut seen)).await.expect("bytes"), 0);
        }
        let head = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101") && head.contains("upgrade: websocket"), "{head}");
        assert!(head.contains("sec-websocket-accept: x"), "{head}");
        stream.write_all(b"ping").await.expect("sent");
        let mut pong = [0; 4];
        soon(stream.read_exact(&mut pong)).await.expect("an echo");
        assert_eq!(&pong, b"ping");
        assert_eq!(soon(told.recv()).await, Some(Close::Complete));
    }
}

#[tokio::test]
async fn trailers_pass_through() {
    let origin = http(|request| async {
        let body = request.into_body().collect().await.expect("a body");
        let trailer = body.trailers().and_then(|t| t.get("x-sum")).cloned();
        assert_eq!(trailer, Some(HeaderValue::from_static("7")));
        let mut trailers = HeaderMap::new();
        trailers.insert("x-end", HeaderValue::from_static("9"));
        let frames =
            [Ok::<_, BoxError>(Frame::data(body.to_bytes())), Ok(Frame::trailers(trailers))];
        let mut response =
            http::Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
        response.headers_mut().insert("trailer", HeaderValue::from_static("x-end"));
        response
    })
    .await;
    let (engine, _told) = telling(|handle: Handle| async {
        handle.give([go_on(), as_it_came()]);
        handle
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let request = "POST / HTTP/1.1\r\nhost: x\r\nte: trailers\r\ntrailer: x-sum\r\n\
                   transfer-encoding: chunked\r\nconnection: close\r\n\r\n\
                   4\r\nbody\r\n0\r\nx-sum: 7\r\n\r\n";
    let mut stream = connected(&front, request).await;
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.expect("an answer");
    assert!(answer.ends_with("4\r\nbody\r\n0\r\nx-end: 9\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn http2_clients_are_served() {
    let origin = http(|request| async {
        let host = request.headers().get("host").cloned();
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let mut response = reply(body);
        response.headers_mut().insert("x-host", host.expect("a host"));
        response
    })
    .await;
    let (engine, mut told) = telling(|mut handle: Handle| async {
        assert_eq!(handle.start.cf["httpProtocol"], "HTTP/2");
        handle.give([go_on()]);
        handle.response().await;
        handle.give([as_it_came()]);
        handle
    });
    let front = Front::new(engine, Some(&origin.url("/"))).await;
    let pool = Pool::builder(TokioExecutor::new())
        .http2_only(true)
        .build::<_, Full<Bytes>>(HttpConnector::new());
    for body in sizes() {
        let request = Request::post(front.url("/").as_str()).version(Version::HTTP_2);
        let request = request.body(Full::new(body.clone())).expect("a request");
        let response = soon(pool.request(request)).await.expect("a response");
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.headers()["x-host"], front.address.to_string().as_str());
        let came = soon(response.into_body().collect()).await.expect("a body").to_bytes();
        assert!(came == body, "{} B", body.len());
        assert_eq!(soon(told.recv()).await, Some(Close::Complete));
    }
}

#[tokio::test]
async fn an_http2_client_that_resets_its_stream() {
    let (engine, mut told) = telling(|handle: Handle| async {
        handle.give([respond(200, OutBody::Stream)]);
        handle
    });
    let front = Front::new(engine, None).await;
    let stream = TcpStream::connect(front.address).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a handshake");
    tokio::spawn(connection);
    let request = Request::get(front.url("/").as_str()).body(Full::new(Bytes::new()));
    let response = sender.send_request(request.expect("a request")).await.expect("a response");
    assert!(told.try_recv().is_err());
    drop(response);
    assert_eq!(soon(told.recv()).await, Some(Close::Disconnected));
    // The connection lives on.
    assert!(sender.ready().await.is_ok());
}

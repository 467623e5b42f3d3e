//! Streaming both ways, content codings, cancellation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_compression::tokio::bufread::{
    BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
};
use async_compression::{Level, zstd::CParameter};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;

use super::server::{answer, http, https, reply};
use super::{
    BoxError, Client, ClientConfig, ErrorKind, FetchBody, FetchRequest, RawBody, client, open,
    read, text, upload,
};
use crate::exchange::BODY_WINDOW_BYTES;

/// An endless body that counts the bytes it gave.
fn endless(given: Arc<AtomicUsize>) -> RawBody {
    let chunks = stream::repeat_with(move || {
        given.fetch_add(16 * 1024, Ordering::SeqCst);
        Ok::<_, BoxError>(Frame::data(Bytes::from(vec![b'x'; 16 * 1024])))
    });
    StreamBody::new(chunks).boxed_unsync()
}

fn megabytes() -> Bytes {
    (0..10 * 1024 * 1024_u32).map(|i| (i / 7) as u8).collect::<Vec<_>>().into()
}

async fn wait_for(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain: {what}");
}

async fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let done = match coding {
        "gzip" => GzipEncoder::new(plain).read_to_end(&mut encoded).await,
        "br" => BrotliEncoder::new(plain).read_to_end(&mut encoded).await,
        "deflate" => ZlibEncoder::new(plain).read_to_end(&mut encoded).await,
        "raw deflate" => DeflateEncoder::new(plain).read_to_end(&mut encoded).await,
        "zstd" => ZstdEncoder::new(plain).read_to_end(&mut encoded).await,
        "zstd with a window of 16 MiB" => {
            let params = [CParameter::window_log(24)];
            let mut encoder = ZstdEncoder::with_quality_and_params(plain, Level::Fastest, &params);
            encoder.read_to_end(&mut encoded).await
        }
        other => panic!("unknown coding {other}"),
    };
    done.expect("encoded");
    encoded
}

#[tokio::test]
async fn bodies_of_all_sizes_come_and_go_unharmed() {
    let server = http(|request| async {
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        reply(body)
    })
    .await;
    let http = client();
    for body in [Bytes::new(), "x".into(), megabytes().slice(..65536), megabytes()] {
        let mut request = FetchRequest::get(server.url("/"));
        request.method = "POST".into();
        request.body = FetchBody::Full(body.clone());
        let mut response = http.fetch(request).await.expect("a response");
        assert!(read(&mut response.body).await.expect("the body") == body, "{} B", body.len());

        let (sender, stream) = upload(None);
        let mut request = FetchRequest::get(server.url("/"));
        request.method = "POST".into();
        request.body = FetchBody::Stream(stream);
        let chunks = body.clone();
        tokio::spawn(async move {
            for chunk in chunks.chunks(10_000) {
                sender.send(Bytes::copy_from_slice(chunk)).await.expect("room");
            }
            sender.finish();
        });
        let mut response = http.fetch(request).await.expect("a response");
        assert!(read(&mut response.body).await.expect("the body") == body, "{} B", body.len());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn content_codings_are_undone() {
    let plain = megabytes();
    for coding in ["gzip", "br", "deflate", "raw deflate", "zstd"] {
        let encoded = Bytes::from(encode(coding, &plain[..1_000_000]).await);
        let server = http(move |_| {
            let mut response = reply(encoded.clone());
            let name = coding.trim_start_matches("raw ").parse().expect("a value");
            response.headers_mut().insert("content-encoding", name);
            async { response }
        })
        .await;
        let mut response =
            client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
        assert!(response.headers.get("content-encoding").is_none());
        assert!(response.headers.get("content-length").is_none());
        let body = read(&mut response.body).await.expect(coding);
        assert!(body == plain[..1_000_000], "{coding}");
    }
}

#[tokio::test]
async fn stacked_and_unknown_codings() {
    let inner = encode("gzip", b"twice").await;
    let both = Bytes::from(encode("br", &inner).await);
    let server = http(move |request| {
        let unknown = request.uri().path() == "/unknown";
        let mut response = reply(both.clone());
        let value = if unknown { "gzip, future" } else { "gzip, br" };
        response.headers_mut().insert("content-encoding", value.parse().expect("a value"));
        async { response }
    })
    .await;
    let response = client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
    assert_eq!(text(response).await, "twice");
    let mut response =
        client().fetch(FetchRequest::get(server.url("/unknown"))).await.expect("a response");
    assert!(response.headers.get("content-encoding").is_some());
    assert!(read(&mut response.body).await.expect("bytes") != b"twice");
}

#[tokio::test]
async fn a_body_that_does_not_decode_is_an_error() {
    let good = encode("gzip", &vec![7; 100_000]).await;
    let cut = Bytes::copy_from_slice(&good[..good.len() - 6]);
    for bytes in [Bytes::from_static(b"this is not gzip"), cut] {
        let server = http(move |_| {
            let mut response = reply(bytes.clone());
            response.headers_mut().insert("content-encoding", "gzip".parse().expect("a value"));
            async { response }
        })
        .await;
        let mut response =
            client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
        let error = read(&mut response.body).await.expect_err("an error");
        assert_eq!(error.kind, ErrorKind::Decode, "{error}");
        assert!(response.body.chunk().await.is_none());
    }
}

#[tokio::test]
async fn a_zstd_window_that_needs_much_memory_is_refused() {
    let encoded = Bytes::from(encode("zstd with a window of 16 MiB", &megabytes()).await);
    let server = http(move |_| {
        let mut response = reply(encoded.clone());
        response.headers_mut().insert("content-encoding", "zstd".parse().expect("a value"));
        async { response }
    })
    .await;
    let mut response =
        client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
    let error = read(&mut response.body).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Decode, "{error}");
}

#[tokio::test]
async fn an_empty_encoded_body_is_empty() {
    let server = http(|_| async {
        let mut response = answer(200, "content-encoding", "gzip");
        // Chunked, so that the emptiness is not known from the head.
        *response.body_mut() =
            StreamBody::new(stream::empty::<Result<Frame<Bytes>, BoxError>>()).boxed_unsync();
        response
    })
    .await;
    let response = client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn a_small_bomb_is_unpacked_only_as_it_is_pulled() {
    let bomb = Bytes::from(encode("gzip", &vec![0; 64 * 1024 * 1024]).await);
    let server = http(move |_| {
        let mut response = reply(bomb.clone());
        response.headers_mut().insert("content-encoding", "gzip".parse().expect("a value"));
        async { response }
    })
    .await;
    let mut response =
        client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
    for _ in 0..10 {
        let chunk = response.body.chunk().await.expect("a chunk").expect("decoded");
        assert!(chunk.len() <= 64 * 1024);
    }
}

#[tokio::test]
async fn what_is_not_pulled_stays_with_the_peer() {
    for h2 in [false, true] {
        let given = Arc::new(AtomicUsize::new(0));
        let count = given.clone();
        let protocols: &[&str] = if h2 { &["h2"] } else { &["http/1.1"] };
        let (server, authority) = https(protocols, move |_| {
            let response = http::Response::new(endless(count.clone()));
            async { response }
        })
        .await;
        let http = trusting(&authority);
        let mut response =
            http.fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
        response.body.chunk().await.expect("a chunk").expect("bytes");
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = given.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(given.load(Ordering::SeqCst), before, "h2: {h2}");
        // The system's socket buffers hold some megabytes.
        assert!(before < 16 * 1024 * 1024, "{before} B in flight, h2: {h2}");
    }
}

#[tokio::test]
async fn writers_wait_for_a_slow_peer() {
    let (_release, gate) = oneshot::channel::<()>();
    let gate = Arc::new(tokio::sync::Mutex::new(Some(gate)));
    let server = http(move |request| {
        let gate = gate.clone();
        async move {
            // Holds the request without reading its body.
            let gate = gate.lock().await.take();
            if let Some(gate) = gate {
                let _ = gate.await;
            }
            drop(request);
            reply("")
        }
    })
    .await;
    let (sender, body) = upload(None);
    let mut request = FetchRequest::get(server.url("/"));
    request.method = "POST".into();
    request.body = FetchBody::Stream(body);
    let http = client();
    let fetching = tokio::spawn(async move { http.fetch(request).await });
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let sending = tokio::spawn(async move {
        loop {
            sender.send(vec![0; 64 * 1024].into()).await?;
            count.fetch_add(64 * 1024, Ordering::SeqCst);
        }
        #[allow(unreachable_code)]
        Ok::<(), super::UploadClosed>(())
    });
    wait_for("the window to fill", || sent.load(Ordering::SeqCst) >= BODY_WINDOW_BYTES).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = sent.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sent.load(Ordering::SeqCst), before);
    // Cancelling the fetch tells the writer.
    fetching.abort();
    assert!(sending.await.expect("no panic").is_err());
}

#[tokio::test]
async fn an_upload_that_fails_breaks_the_request_off() {
    let server = http(|request| async {
        let complete = request.into_body().collect().await.is_ok();
        assert!(!complete, "the server must not take it for complete");
        reply("")
    })
    .await;
    for (how, words) in [(0, "abandoned"), (1, "no more paper"), (2, "shorter")] {
        let (sender, body) = upload((how == 2).then_some(100));
        let mut request = FetchRequest::get(server.url("/"));
        request.method = "POST".into();
        request.body = FetchBody::Stream(body);
        sender.send("part".into()).await.expect("room");
        match how {
            0 => drop(sender),
            1 => sender.abort("no more paper"),
            _ => sender.finish(),
        }
        let error = client().fetch(request).await.expect_err("an error");
        assert_eq!(error.kind, ErrorKind::Upload, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[tokio::test]
async fn dropping_the_response_cancels_the_upload() {
    // HTTP/2, where the answer may come while the request is still being sent.
    let (server, authority) = https(&["h2"], |request| async {
        tokio::spawn(async move { request.into_body().collect().await.map(drop) });
        http::Response::new(endless(Arc::default()))
    })
    .await;
    let (sender, body) = upload(None);
    let mut request = FetchRequest::get(server.url("/"));
    request.method = "POST".into();
    request.body = FetchBody::Stream(body);
    let response = trusting(&authority).fetch(request).await.expect("a response");
    sender.send("part".into()).await.expect("room");
    drop(response);
    for _ in 0..200 {
        if sender.send("part".into()).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the upload goes on");
}

#[tokio::test]
async fn a_body_cut_off_is_an_error() {
    let server = super::server::raw(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart").await;
    })
    .await;
    let mut response =
        client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
    let error = read(&mut response.body).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Peer);
    assert!(error.message.contains("closed the connection before"), "{error}");
}

fn trusting(authority: &str) -> Client {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), authority).expect("written");
    open(&ClientConfig::load(Some(file.path())).expect("roots"))
}

#[tokio::test]
async fn a_stream_of_known_length_declares_it_and_must_keep_to_it() {
    let server = http(|request| async {
        let declared = request.headers().get("content-length").cloned();
        let body = request.into_body().collect().await;
        match (declared, body) {
            (Some(declared), Ok(body)) => {
                reply(format!("{} {}", declared.to_str().expect("text"), body.to_bytes().len()))
            }
            other => reply(format!("{other:?}")),
        }
    })
    .await;
    for (declared, sent) in [(5, "hello"), (5, "hell"), (5, "hello!"), (0, "")] {
        let (sender, stream) = upload(Some(declared));
        let mut request = FetchRequest::get(server.url("/"));
        request.method = "POST".into();
        request.body = FetchBody::Stream(stream);
        let http = client();
        let (result, ()) = tokio::join!(http.fetch(request), async {
            // A body that is too long may be given up before its end.
            let _ = sender.send(sent.into()).await;
            sender.finish();
        });
        if declared == sent.len() as u64 {
            let response = result.expect("a response");
            let body = format!("{declared} {declared}");
            assert_eq!(response.body.length(), Some(body.len() as u64));
            assert_eq!(text(response).await, body);
        } else {
            let error = result.expect_err("the declared length does not hold");
            assert_eq!(error.kind, ErrorKind::Upload, "{error}");
            assert!(error.message.contains("than its declared length"), "{error}");
        }
    }
}

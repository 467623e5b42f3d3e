//! Connections: TLS, failures, reuse, limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Version;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::server::{describe, http, https, raw, reply};
use super::{
    ClientConfig, ErrorKind, FetchBody, FetchRequest, RawBody, client, open, text, upload,
};

fn config(authority: &str) -> ClientConfig {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), authority).expect("written");
    ClientConfig::load(Some(file.path())).expect("roots")
}

#[tokio::test]
async fn tls_with_the_protocol_that_alpn_chose() {
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let (server, authority) = https(protocols, move |request| async move {
            assert_eq!(request.version(), version);
            let authority = request.uri().authority().map(ToString::to_string);
            reply(format!("{authority:?} {}", describe(request).await))
        })
        .await;
        let seen = text(
            open(&config(&authority))
                .fetch(FetchRequest::get(server.url("/x")))
                .await
                .expect("a response"),
        )
        .await;
        // Over HTTP/2 the authority pseudo-header carries the host, else the host field.
        assert!(seen.contains(&format!("localhost:{}", server.address.port())), "{seen}");
    }
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    let (server, _) = https(&["h2"], |_| async { reply("") }).await;
    let error = client().fetch(FetchRequest::get(server.url("/"))).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Tls);
    assert!(
        error.message.contains("UnknownIssuer") && error.message.contains("localhost:"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (server, authority) = https(&["h2"], |_| async { reply("") }).await;
    let mut url = server.url("/");
    url.set_host(Some("127.0.0.1")).expect("a host");
    let error =
        open(&config(&authority)).fetch(FetchRequest::get(url)).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Tls);
    assert!(error.message.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn tls_to_a_server_without_it() {
    let server = http(|_| async { reply("") }).await;
    let mut url = server.url("/");
    url.set_scheme("https").expect("a scheme");
    let error = client().fetch(FetchRequest::get(url)).await.expect_err("an error");
    assert!(matches!(error.kind, ErrorKind::Tls | ErrorKind::Connect), "{error}");
    assert!(error.message.contains("localhost:"), "{error}");
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let url = format!("http://{address}/").parse().expect("a URL");
    let error = client().fetch(FetchRequest::get(url)).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Connect);
    assert_eq!(error.message, format!("connect to {address} failed: connection refused"));
}

#[tokio::test]
async fn a_name_without_address_says_so() {
    // RFC 6761: .invalid never resolves.
    let url = "http://nowhere.invalid/".parse().expect("a URL");
    let error = client().fetch(FetchRequest::get(url)).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Dns, "{error}");
    assert!(
        error.message.starts_with("connect to nowhere.invalid:80 failed: the name has no address"),
        "{error}"
    );
}

#[tokio::test]
async fn a_silent_peer_times_out_while_connecting() {
    // Accepts, and never shakes hands.
    let server = raw(|stream| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
    })
    .await;
    let mut config = ClientConfig::load(None).expect("roots");
    config.connect_timeout = Duration::from_millis(200);
    let mut url = server.url("/");
    url.set_scheme("https").expect("a scheme");
    let started = Instant::now();
    let error = open(&config).fetch(FetchRequest::get(url)).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::ConnectTimeout);
    assert!(error.message.ends_with("timed out after 0.2 s"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_is_not_http_says_so() {
    let server = raw(|mut stream| async move {
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
    })
    .await;
    let error = client().fetch(FetchRequest::get(server.url("/"))).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Peer);
    assert!(error.message.contains("not a valid HTTP response"), "{error}");
}

/// Answers one request per connection as a keep-alive server, then closes it on the next.
async fn closing_server(requests: Arc<AtomicUsize>) -> super::server::Server {
    raw(move |mut stream| {
        let requests = requests.clone();
        async move {
            let mut head = [0; 1024];
            if stream.read(&mut head).await.is_ok_and(|n| n > 0) {
                requests.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            }
            if stream.read(&mut head).await.is_ok_and(|n| n > 0) {
                requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_stale_connection_is_retried_when_the_request_may_be_repeated() {
    for (method, body, works) in [("GET", "", true), ("PUT", "x", true), ("POST", "x", false)] {
        let requests = Arc::new(AtomicUsize::new(0));
        let server = closing_server(requests.clone()).await;
        let http = client();
        text(http.fetch(FetchRequest::get(server.url("/"))).await.expect("a response")).await;
        let mut request = FetchRequest::get(server.url("/"));
        request.method = method.into();
        if !body.is_empty() {
            request.body = FetchBody::Full(body.into());
        }
        let result = http.fetch(request).await;
        assert_eq!(result.is_ok(), works, "{method}: {result:?}");
        assert_eq!(requests.load(Ordering::SeqCst), if works { 3 } else { 2 }, "{method}");
    }
}

#[tokio::test]
async fn a_fresh_connection_that_closes_is_not_retried() {
    let server = raw(|mut stream| async move {
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await;
    })
    .await;
    let error = client().fetch(FetchRequest::get(server.url("/"))).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Peer);
    assert!(error.message.contains("closed the connection"), "{error}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn connections_are_shared_within_a_client_and_never_between() {
    let server = http(|_| async { reply("x") }).await;
    let (one, other) = (client(), client());
    for _ in 0..3 {
        text(one.fetch(FetchRequest::get(server.url("/"))).await.expect("a response")).await;
    }
    assert_eq!(server.connections(), 1);
    text(other.fetch(FetchRequest::get(server.url("/"))).await.expect("a response")).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_client_opens_no_more_connections_than_it_may() {
    let server = http(|_| async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        reply("")
    })
    .await;
    let mut config = ClientConfig::load(None).expect("roots");
    config.connections = 2;
    config.connect_timeout = Duration::from_millis(300);
    let http = open(&config);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (http, url) = (http.clone(), server.url("/"));
            tokio::spawn(async move { http.fetch(FetchRequest::get(url)).await })
        })
        .collect();
    while server.connections() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = http.fetch(FetchRequest::get(server.url("/"))).await.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::ConnectTimeout);
    assert!(error.message.contains("as many connections open as it may"), "{error}");
    // Cancelled requests give their connections back.
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    let quick = raw(|mut stream| async move {
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 200 Fine\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let response = http.fetch(FetchRequest::get(quick.url("/"))).await.expect("a response");
    assert_eq!(response.status_text, "Fine");
}

/// What follows a response that can't have a body is not the next response.
#[tokio::test]
async fn a_body_where_none_may_be_is_not_the_next_response() {
    let server = raw(|mut stream| async move {
        let mut head = [0; 1024];
        while stream.read(&mut head).await.is_ok_and(|n| n > 0) {
            let _ = stream.write_all(b"HTTP/1.1 204 None\r\ncontent-length: 9\r\n\r\n").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = stream.write_all(b"forbidden").await;
        }
    })
    .await;
    let http = client();
    for connections in 1..=3 {
        let mut request = FetchRequest::get(server.url("/"));
        request.method = "POST".into();
        let response = http.fetch(request).await.expect("a response");
        assert_eq!(response.status_text, "None");
        assert_eq!(server.connections(), connections);
    }
}

/// Takes a request's head and nothing of its body.
async fn takes_nothing(request: http::Request<hyper::body::Incoming>) -> http::Response<RawBody> {
    tokio::time::sleep(Duration::from_mins(1)).await;
    drop(request);
    reply("")
}

/// A connection that can't write hears of its request's end all the same.
#[tokio::test]
async fn an_upload_that_nobody_takes_ends_its_connection_with_its_request() {
    let plain = http(takes_nothing).await;
    let (tls, authority) = https(&["http/1.1"], takes_nothing).await;
    let quick = http(|_| async { reply("quick") }).await;
    for server in [plain, tls] {
        let mut config = config(&authority);
        config.connections = 1;
        let http = open(&config);
        let (sender, body) = upload(None);
        let mut request = FetchRequest::get(server.url("/"));
        request.method = "POST".into();
        request.body = FetchBody::Stream(body);
        let asked = tokio::spawn({
            let http = http.clone();
            async move { http.fetch(request).await }
        });
        // Until the kernel's buffers on both sides are full, and the window before them.
        let chunk = bytes::Bytes::from(vec![0; 64 * 1024]);
        let second = Duration::from_secs(1);
        while tokio::time::timeout(second, sender.send(chunk.clone())).await.is_ok() {}
        asked.abort();
        // Fails after `connect_timeout` when no connection comes free.
        let next = http.fetch(FetchRequest::get(quick.url("/"))).await;
        assert_eq!(text(next.expect("a response")).await, "quick", "{}", server.url("/"));
    }
}

#[test]
fn an_unusable_ca_file_is_named() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let error = ClientConfig::load(Some(file.path())).expect_err("an error").to_string();
    assert!(error.contains("no PEM certificate"), "{error}");
    let error = ClientConfig::load(Some("/nowhere/ca.pem".as_ref())).expect_err("an error");
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

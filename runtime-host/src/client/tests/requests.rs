//! What goes out, and what can't.

use url::Url;

use super::server::{answer, describe, http, reply};
use super::{ErrorKind, FetchBody, FetchRequest, Origin, Override, client, text};

#[tokio::test]
async fn sends_method_path_headers_and_body() {
    let server = http(|request| async { reply(describe(request).await) }).await;
    let mut request = FetchRequest::get(server.url("/a%20b?c=|d#fragment"));
    request.method = "PUT".into();
    request.headers.push("x-one", "1");
    request.headers.push("x-one", "2");
    request.body = FetchBody::Full("hello".into());
    let response = client().fetch(request).await.expect("a response");
    assert_eq!((response.status, response.status_text.as_str()), (200, "OK"));
    assert_eq!(response.url.fragment(), Some("fragment"));
    let seen = text(response).await;
    assert!(seen.starts_with("PUT /a%20b?c=|d\n"), "{seen}");
    assert!(seen.contains("x-one: 1\nx-one: 2\n"), "{seen}");
    assert!(seen.contains(&format!("host: localhost:{}\n", server.address.port())), "{seen}");
    assert!(seen.contains("accept-encoding: gzip, br, deflate, zstd\n"), "{seen}");
    for default in ["accept: */*", "accept-language: *", "user-agent: NANO-Envoy"] {
        assert!(seen.contains(&format!("{default}\n")), "{seen}");
    }
    assert!(seen.ends_with("content-length: 5\nhello"), "{seen}");
}

#[tokio::test]
async fn fields_of_the_connection_are_the_clients_alone() {
    let server = http(|request| async { reply(describe(request).await) }).await;
    let mut request = FetchRequest::get(server.url("/"));
    request.method = "POST".into();
    for name in ["Connection", "transfer-encoding", "host", "content-length", "upgrade", "te"] {
        request.headers.push(name, "chunked");
    }
    request.headers.push("accept-encoding", "identity");
    request.headers.push("user-agent", "mine");
    let seen = text(client().fetch(request).await.expect("a response")).await;
    assert!(!seen.contains("chunked"), "{seen}");
    assert!(seen.contains("content-length: 0\n"), "{seen}");
    assert!(seen.contains("accept-encoding: identity\n"), "{seen}");
    assert!(seen.contains("user-agent: mine\n") && !seen.contains("NANO"), "{seen}");
}

#[tokio::test]
async fn a_part_is_asked_for_without_a_coding() {
    let server = http(|request| async { reply(describe(request).await) }).await;
    let mut request = FetchRequest::get(server.url("/"));
    request.headers.push("range", "bytes=0-1");
    let seen = text(client().fetch(request).await.expect("a response")).await;
    assert!(seen.contains("accept-encoding: identity\n"), "{seen}");
}

#[tokio::test]
async fn refuses_what_would_break_a_message() {
    let url = || "http://127.0.0.1:9/".parse::<Url>().expect("a URL");
    let mut cases = Vec::new();
    for (name, value) in
        [("x", "a\r\nb: c"), ("x", "a\0"), ("x y", "a"), ("x\r\ny", "a"), ("", "a")]
    {
        let mut request = FetchRequest::get(url());
        request.headers.push(name, value);
        cases.push(request);
    }
    for method in ["CONNECT", "track", "GE T", ""] {
        let mut request = FetchRequest::get(url());
        request.method = method.into();
        cases.push(request);
    }
    for text in ["http://user:password@127.0.0.1:9/", "ftp://127.0.0.1:9/", "data:,x"] {
        cases.push(FetchRequest::get(text.parse().expect("a URL")));
    }
    for request in cases {
        let shown = format!("{request:?}");
        let error = client().fetch(request).await.expect_err(&shown);
        assert_eq!(error.kind, ErrorKind::Request, "{shown}: {error}");
    }
}

#[tokio::test]
async fn an_override_changes_the_server_but_not_the_host() {
    let server = http(|request| async { reply(describe(request).await) }).await;
    let target = Origin::of(&server.url("/")).expect("an origin");
    let mut request = FetchRequest::get("https://shop.example/x".parse().expect("a URL"));
    request.override_target = Some(Override { authority: "Shop.example".into(), target });
    let response = client().fetch(request).await.expect("a response");
    assert_eq!(response.url.as_str(), "https://shop.example/x");
    let seen = text(response).await;
    assert!(seen.contains("GET /x\n") && seen.contains("host: shop.example\n"), "{seen}");
}

#[tokio::test]
async fn responses_lose_the_connections_fields_only() {
    let server = http(|_| async { answer(299, "x-kept", "\u{fc}") }).await;
    let response = client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
    assert_eq!(response.status, 299);
    assert_eq!(response.headers.get("x-kept").map(AsRef::as_ref), Some("\u{fc}".as_bytes()));
    assert!(response.headers.get("content-length").is_some());
    assert!(response.headers.get("connection").is_none());
    assert!(response.body.is_end());
}

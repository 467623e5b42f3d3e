//! Fetch standard, HTTP-redirect fetch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::server::{Server, answer, describe, http, reply};
use super::{ErrorKind, FetchBody, FetchError, FetchRequest, Redirect, client, text, upload};

/// `/STATUS/TARGET` redirects there; everything else tells what it saw.
async fn server() -> Server {
    http(|request| async {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        match path.split_once('/') {
            Some((status, target)) if status.parse::<u16>().is_ok() => {
                let target = target.replace("_host_", "http://127.0.0.1");
                answer(status.parse().expect("a status"), "location", &target)
            }
            _ => reply(describe(request).await),
        }
    })
    .await
}

async fn fails(request: FetchRequest) -> FetchError {
    client().fetch(request).await.expect_err("a refusal")
}

#[tokio::test]
async fn methods_and_bodies_follow_the_standard() {
    let server = server().await;
    for (status, method, becomes) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (301, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
    ] {
        let mut request = FetchRequest::get(server.url(&format!("/{status}//seen#here")));
        request.method = method.into();
        request.headers.push("content-type", "text/plain");
        request.body = FetchBody::Full("payload".into());
        let response = client().fetch(request).await.expect("a response");
        assert!(response.redirected);
        assert_eq!(response.url, server.url("/seen#here"));
        let seen = text(response).await;
        assert!(seen.starts_with(&format!("{becomes} /seen\n")), "{status} {method}: {seen}");
        let kept = becomes == method;
        assert_eq!(seen.ends_with("payload"), kept, "{status} {method}: {seen}");
        assert_eq!(seen.contains("content-type"), kept, "{status} {method}: {seen}");
    }
}

#[tokio::test]
async fn head_stays_head() {
    let server = server().await;
    let mut request = FetchRequest::get(server.url("/303//seen"));
    request.method = "HEAD".into();
    let response = client().fetch(request).await.expect("a response");
    assert!(response.redirected && response.body.is_end());
    assert_ne!(response.headers.get("content-length").map(AsRef::as_ref), Some(&b"0"[..]));
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let server = server().await;
    let other = format!("/302/_host_:{}/seen", server.address.port());
    for (path, kept) in [("/302//seen", true), (other.as_str(), false)] {
        let mut request = FetchRequest::get(server.url(path));
        request.headers.push("authorization", "Bearer secret");
        request.headers.push("cookie", "secret=1");
        request.headers.push("x-other", "kept");
        let seen = text(client().fetch(request).await.expect("a response")).await;
        assert_eq!(seen.contains("secret"), kept, "{path}: {seen}");
        assert!(seen.contains("x-other: kept"), "{seen}");
    }
}

#[tokio::test]
async fn manual_and_error_modes() {
    let server = server().await;
    let mut request = FetchRequest::get(server.url("/302//seen"));
    request.redirect = Redirect::Manual;
    let response = client().fetch(request).await.expect("a response");
    assert_eq!((response.status, response.redirected), (302, false));
    assert_eq!(response.headers.get("location").map(AsRef::as_ref), Some(&b"/seen"[..]));

    let mut request = FetchRequest::get(server.url("/302//seen"));
    request.redirect = Redirect::Error;
    let error = fails(request).await;
    assert_eq!(error.kind, ErrorKind::Redirect);
    assert!(error.message.contains("redirect mode"), "{error}");
}

#[tokio::test]
async fn a_location_is_utf_8_or_its_bytes() {
    for (given, url) in [
        (&b"/seen?\xe2\x98\x83"[..], "/seen?%E2%98%83"),
        (b"/seen?\xff", "/seen?%FF"),
        (b"/seen?%\xe2\x98\x83", "/seen?%%E2%98%83"),
        (b"/s%65en?a=%E2%98%83", "/s%65en?a=%E2%98%83"),
    ] {
        let server = http(move |request| {
            let mut response = answer(302, "x-a", "b");
            if request.uri().path() != "/" {
                response = reply("");
            }
            let value = http::HeaderValue::from_bytes(given).expect("a value");
            response.headers_mut().insert("location", value);
            async { response }
        })
        .await;
        let response =
            client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
        assert_eq!(&response.url[url::Position::BeforePath..], url);
    }
}

#[tokio::test]
async fn a_redirect_without_location_is_the_response() {
    let server = http(|_| async { answer(302, "x-a", "b") }).await;
    let response = client().fetch(FetchRequest::get(server.url("/"))).await.expect("a response");
    assert_eq!((response.status, response.redirected), (302, false));
}

#[tokio::test]
async fn redirects_that_lead_nowhere() {
    let server = server().await;
    for (location, words) in [
        ("ftp://localhost/", "not HTTP"),
        ("http://user:pw@localhost/", "credentials"),
        ("http://[", "not a URL"),
    ] {
        let error = fails(FetchRequest::get(server.url(&format!("/302/{location}")))).await;
        assert_eq!(error.kind, ErrorKind::Redirect, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_loop_ends() {
    let server = http(|_| async { answer(302, "location", "/again") }).await;
    let hops = Arc::new(AtomicU32::new(0));
    let count = hops.clone();
    let mut request = FetchRequest::get(server.url("/"));
    request.on_hop = Some(Box::new(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }));
    let error = fails(request).await;
    assert!(error.message.contains("too many redirects"), "{error}");
    assert_eq!(hops.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn the_hook_may_refuse() {
    let server = server().await;
    let mut request = FetchRequest::get(server.url("/302//seen"));
    request.on_hop = Some(Box::new(|url, _| Err(format!("no more: {}", url.path()))));
    let error = fails(request).await;
    assert_eq!(error, FetchError { kind: ErrorKind::Refused, message: "no more: /seen".into() });
}

#[tokio::test]
async fn the_hook_may_change_the_headers() {
    let server = server().await;
    let mut request = FetchRequest::get(server.url("/302//seen"));
    request.headers.push("x-way", "first");
    request.on_hop = Some(Box::new(|_, headers| {
        headers.insert("x-way", http::HeaderValue::from_static("second"));
        Ok(())
    }));
    let seen = text(client().fetch(request).await.expect("a response")).await;
    assert!(seen.contains("second") && !seen.contains("first"), "{seen}");
}

#[tokio::test]
async fn a_streamed_body_is_sent_once() {
    let server = server().await;
    for (status, works) in [(307, false), (302, false), (303, true)] {
        let (sender, body) = upload(None);
        let mut request = FetchRequest::get(server.url(&format!("/{status}//seen")));
        request.method = "POST".into();
        request.body = FetchBody::Stream(body);
        let send = async {
            sender.send("part".into()).await.expect("room");
            sender.finish();
        };
        let http = client();
        let (result, ()) = tokio::join!(http.fetch(request), send);
        match result {
            Ok(response) => assert!(works && text(response).await.starts_with("GET /seen\n")),
            Err(e) => assert!(!works && e.message.contains("can't be sent twice"), "{status}: {e}"),
        }
    }
}

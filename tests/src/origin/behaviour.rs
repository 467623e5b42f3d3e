//! What the origin does for which path.
//!
//! | path | answer |
//! |---|---|
//! | `/bytes/N?piece=K&chunked=1` | N bytes of the pattern, `x-sha256` up to 1 MiB; `content-length` unless `chunked` |
//! | `/text/N?piece=K` | N bytes of pattern text, chunked |
//! | `/list/N?piece=K` | an HTML page with N links, chunked |
//! | `/status/CODE` | that status with a short body (none for 204 and 304) |
//! | `/headers` | several response headers, two `set-cookie` among them |
//! | `/slow?ms=N` | `ok` after N ms |
//! | `/trickle?n=N&ms=M` | N lines, M ms apart |
//! | `/trailers` | a body with trailers `x-checksum` and `x-end` |
//! | `/discard` | reads the body, answers its length and checksum |
//! | `/early` | answers 200 before it reads the body, then reads it |
//! | `/reject` | answers 413 and never reads the body |
//! | `/reset` | breaks the connection before a response |
//! | `/reset-body?after=N` | breaks it after N bytes of the response body |
//! | `/hang` | never answers |
//! | `/mirror` | the request body comes back while it arrives |
//! | `/bomb?mb=N&coding=br` | N MiB of zeros, `content-encoding: gzip` unless `coding` |
//! | `/redirect?to=URL` | a redirect there |
//! | `/redirect-loop?n=N` | a redirect to itself with a larger `n` |
//! | `/header-bomb?n=N&bytes=M` | N response headers of M bytes each |
//! | `/ws` | a WebSocket that echoes |
//! | `application/grpc` | echoes, then trailers `grpc-status: 0` |
//! | see `pages` | pages of the demo |
//! | any other | the request as JSON |

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use hyper::body::Incoming;
use serde_json::json;

use super::body::{self, OriginBody, Watched};
use super::records::{Records, Shared};
use super::{echo, hostile, pages};
use crate::pattern;

/// `Err` makes hyper break the connection (HTTP/1.1) or the stream (HTTP/2).
pub(super) type Answer = io::Result<Response<OriginBody>>;

pub async fn answer(
    request: Request<Incoming>,
    records: &Records,
) -> io::Result<Response<Watched>> {
    let record = records.begin(&request);
    let head_only = request.method() == http::Method::HEAD;
    let mut answer = choose(request, &record).await?;
    if head_only {
        // Over HTTP/2 hyper would send the body all the same.
        *answer.body_mut() = body::full("");
    }
    Ok(answer.map(|body| Watched::new(body, record)))
}

async fn choose(request: Request<Incoming>, record: &Shared) -> Answer {
    let grpc = request
        .headers()
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if grpc {
        return Ok(echo::grpc(request, record));
    }
    let path = request.uri().path().to_owned();
    let query = Query(request.uri().query().unwrap_or("").to_owned());
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (first, rest) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    match first {
        "bytes" => Ok(pattern_bytes(rest.parse().unwrap_or(0), &query)),
        "text" => Ok(pattern_text(rest.parse().unwrap_or(0), &query)),
        "list" => Ok(html_list(rest.parse().unwrap_or(0), &query)),
        "status" => Ok(status(rest.parse().unwrap_or(400))),
        "headers" => Ok(many_headers()),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(query.number("ms", 100))).await;
            Ok(Response::new(body::full("ok\n")))
        }
        "trickle" => Ok(trickle(query.number("n", 5), query.number("ms", 50))),
        "trailers" => Ok(with_trailers()),
        "discard" => {
            let (bytes, _) = body::read(request.into_body(), record).await.ok_or_else(broken)?;
            let sha256 = pattern::sha256(&bytes);
            Ok(echo::json_response(&json!({ "body_bytes": bytes.len(), "body_sha256": sha256 })))
        }
        "early" => {
            let (incoming, record) = (request.into_body(), record.clone());
            tokio::spawn(async move { body::read(incoming, &record).await });
            Ok(Response::new(body::full("early\n")))
        }
        "reject" => Ok(Response::builder()
            .status(413)
            .body(body::full("too large for me\n"))
            .map_err(io::Error::other)?),
        "reset" => Err(broken()),
        "reset-body" => Ok(Response::new(body::broken_after(query.number("after", 1000)))),
        "hang" => std::future::pending().await,
        "mirror" => Ok(echo::stream_back(request, record)),
        "bomb" => hostile::bomb(query.number("mb", 1), query.0.contains("coding=br")).await,
        "redirect-loop" => {
            hostile::redirect(&format!("/redirect-loop?n={}", query.number("n", 0) + 1))
        }
        "redirect" => hostile::redirect(query.0.split_once("to=").map_or("/", |(_, to)| to)),
        "header-bomb" => hostile::headers(query.number("n", 1), query.number("bytes", 1)),
        "ws" => Ok(echo::websocket(request)),
        _ => match pages::page(&path) {
            Some(page) => Ok(page),
            None => echo::describe(request, record).await.ok_or_else(broken),
        },
    }
}

fn broken() -> io::Error {
    io::Error::other("broken off on request")
}

/// Query parameters that are numbers.
struct Query(String);

impl Query {
    fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.0
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(otherwise)
    }
}

/// Longer bodies have no `x-sha256`: they are made while they are sent.
const CHECKSUM_BYTES: u64 = 1 << 20;

fn pattern_bytes(total: u64, query: &Query) -> Response<OriginBody> {
    let piece = usize::try_from(query.number("piece", 16 * 1024)).unwrap_or(1).max(1);
    let mut response = Response::new(body::stream(body::pattern_pieces(total, piece)));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/octet-stream"));
    if total <= CHECKSUM_BYTES {
        let sum = pattern::sha256(&pattern::bytes(0, total as usize));
        headers.insert("x-sha256", header_value(&sum));
    }
    if query.number("chunked", 0) == 0 {
        headers.insert("content-length", HeaderValue::from(total));
    }
    response
}

fn pattern_text(total: usize, query: &Query) -> Response<OriginBody> {
    in_pieces(&pattern::text(total), query, "text/plain; charset=utf-8")
}

fn html_list(links: usize, query: &Query) -> Response<OriginBody> {
    let item = |n| format!("<li><a href=\"/item/{n}\">item {n}</a></li>\n");
    let items = (1..=links).map(item).collect::<Vec<_>>().concat();
    let page = format!(
        "<!doctype html>\n<html><head><title>List</title></head>\n<body><ul>\n{items}</ul></body></html>\n"
    );
    in_pieces(&page, query, "text/html; charset=utf-8")
}

fn in_pieces(text: &str, query: &Query, content_type: &'static str) -> Response<OriginBody> {
    let piece = usize::try_from(query.number("piece", 1000)).unwrap_or(1).max(1);
    let pieces: Vec<_> =
        text.as_bytes().chunks(piece).map(|part| Ok(Frame::data(part.to_vec().into()))).collect();
    let mut response = Response::new(body::stream(futures_util::stream::iter(pieces)));
    response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    response
}

fn status(code: u16) -> Response<OriginBody> {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    let empty = matches!(code.as_u16(), 100..=199 | 204 | 304);
    let text = if empty { String::new() } else { format!("status {code}\n") };
    let mut response = Response::new(body::full(text));
    *response.status_mut() = code;
    response
}

fn many_headers() -> Response<OriginBody> {
    let mut response = Response::new(body::full("headers\n"));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    headers.append("set-cookie", HeaderValue::from_static("a=1; Path=/"));
    headers.append("set-cookie", HeaderValue::from_static("b=2; Path=/"));
    headers.insert("server-secret", HeaderValue::from_static("do not show"));
    headers.insert("x-origin", HeaderValue::from_static("demo"));
    response
}

fn trickle(lines: u64, ms: u64) -> Response<OriginBody> {
    let pieces = futures_util::stream::iter(0..lines).then(move |line| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(Frame::data(format!("line {line}\n").into()))
    });
    Response::new(body::stream(pieces))
}

fn with_trailers() -> Response<OriginBody> {
    let content = pattern::bytes(0, 100_000);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", header_value(&pattern::sha256(&content)));
    trailers.insert("x-end", HeaderValue::from_static("yes"));
    let pieces = [Ok(Frame::data(content)), Ok(Frame::trailers(trailers))];
    let mut response = Response::new(body::stream(futures_util::stream::iter(pieces)));
    // hyper sends HTTP/1.1 trailers only when they were announced.
    response
        .headers_mut()
        .insert(HeaderName::from_static("trailer"), HeaderValue::from_static("x-checksum, x-end"));
    response
}

/// For text of our own making, which is always a valid field value.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

//! Answers that give back what came in.

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::body::{self, OriginBody};
use super::records::Shared;
use crate::pattern;

/// Request bodies up to this many bytes come back as text.
const ECHO_BYTES: usize = 64 * 1024;

/// The request as JSON: `method`, `path`, `version`, `headers` (values joined), `body_bytes`,
/// `body_sha256`, `trailers`, and `body` when it is short text. `None` when its body broke off.
pub async fn describe(request: Request<Incoming>, record: &Shared) -> Option<Response<OriginBody>> {
    let (head, incoming) = request.into_parts();
    let (bytes, trailers) = body::read(incoming, record).await?;
    let text = (bytes.len() <= ECHO_BYTES).then(|| std::str::from_utf8(&bytes).ok()).flatten();
    let host = head.uri.authority().map(ToString::to_string);
    let mut headers = to_json(&head.headers);
    if let Some(host) = host {
        headers.insert("host".into(), host.into());
    }
    let answer = json!({
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map_or("/", |p| p.as_str()),
        "version": format!("{:?}", head.version),
        "headers": headers,
        "body_bytes": bytes.len(),
        "body_sha256": pattern::sha256(&bytes),
        "body": text,
        "trailers": trailers.as_ref().map(to_json),
    });
    Some(json_response(&answer))
}

pub fn json_response(value: &Value) -> Response<OriginBody> {
    let mut response = Response::new(body::full(format!("{value:#}\n")));
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn to_json(headers: &HeaderMap) -> Map<String, Value> {
    let mut map = Map::new();
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
        map.insert(name.to_string(), values.join(", ").into());
    }
    map
}

/// The body comes back byte for byte while it still arrives. Trailers come back too.
pub fn stream_back(request: Request<Incoming>, record: &Shared) -> Response<OriginBody> {
    let content_type = request.headers().get(http::header::CONTENT_TYPE).cloned();
    let record = record.clone();
    let body = request.into_body().map_frame(move |frame| {
        if let Some(data) = frame.data_ref() {
            record.change(|r| r.body_bytes += data.len() as u64);
        }
        frame
    });
    let mut response = Response::new(body.map_err(std::io::Error::other).boxed_unsync());
    if let Some(content_type) = content_type {
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    }
    response
}

/// gRPC in form: DATA comes back as it came, then trailers with `grpc-status: 0`.
pub fn grpc(request: Request<Incoming>, record: &Shared) -> Response<OriginBody> {
    let record = record.clone();
    let data = http_body_util::BodyStream::new(request.into_body()).filter_map(move |frame| {
        let record = record.clone();
        async move {
            match frame {
                Ok(frame) => {
                    let data = frame.into_data().ok()?;
                    record.change(|r| r.body_bytes += data.len() as u64);
                    Some(Ok(Frame::data(data)))
                }
                Err(error) => Some(Err(std::io::Error::other(error))),
            }
        }
    });
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("grpc-message", HeaderValue::from_static("echoed"));
    let end = futures_util::stream::iter([Ok(Frame::trailers(trailers))]);
    let mut response = Response::new(body::stream(data.chain(end)));
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A WebSocket that sends every message back.
pub fn websocket(mut request: Request<Incoming>) -> Response<OriginBody> {
    let key = request.headers().get("sec-websocket-key").map(|k| derive_accept_key(k.as_bytes()));
    let Some(accept) = key.and_then(|k| HeaderValue::try_from(k).ok()) else {
        let mut refused = Response::new(body::full("this path is a WebSocket\n"));
        *refused.status_mut() = StatusCode::UPGRADE_REQUIRED;
        return refused;
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let io = TokioIo::new(upgraded);
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            let wanted = message.is_text() || message.is_binary();
            if wanted && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(body::full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
    headers.insert("connection", HeaderValue::from_static("upgrade"));
    headers.insert("sec-websocket-accept", accept);
    response
}

use futures_util::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::server::{https, reply};
use super::*;

/// Agrees, and sends messages back.
async fn echo(mut request: http::Request<Incoming>) -> http::Response<RawBody> {
    let key = request.headers().get("sec-websocket-key").expect("a key").clone();
    assert_eq!(request.version(), http::Version::HTTP_11);
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let io = TokioIo::new(upgraded.await.expect("upgraded"));
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    });
    let mut response = reply("");
    *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in [
        ("connection", "keep-alive, Upgrade".to_owned()),
        ("upgrade", "WebSocket".to_owned()),
        ("sec-websocket-accept", derive_accept_key(key.as_bytes())),
    ] {
        let name = http::HeaderName::from_static(name);
        response.headers_mut().insert(name, value.parse().expect("a value"));
    }
    response
}

#[tokio::test]
async fn a_websocket_over_tls_is_http_1_whatever_the_server_offers() {
    let (server, authority) = https(&["h2", "http/1.1"], echo).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), authority).expect("written");
    let client = open(&ClientConfig::load(Some(file.path())).expect("roots"));
    let (response, connection) =
        client.websocket(FetchRequest::get(server.url("/"))).await.expect("a response");
    assert_eq!(response.status, 101);
    let connection = connection.expect("it agreed");
    let mut socket = WebSocketStream::from_raw_socket(connection, Role::Client, None).await;
    socket.send(Message::text("hello")).await.expect("sent");
    assert_eq!(socket.next().await.expect("one").expect("a message"), Message::text("hello"));
}

#[tokio::test]
async fn the_rules_hold_for_websockets() {
    let (server, _) = https(&["http/1.1"], echo).await;
    let client = Client::new(&ClientConfig::load(None).expect("roots"));
    let url = format!("https://127.0.0.1:{}/", server.address.port()).parse().expect("a URL");
    let error = client.websocket(FetchRequest::get(url)).await.expect_err("denied");
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(server.connections(), 0);
}

//! WebSocket and gRPC traffic passes through a handler that returns `fetch(request)`.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use nano_tests::client::{Proto, websocket};
use nano_tests::listeners::Mode;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::Message;

use crate::common::{answer, lab};

/// In BUFFERED Envoy waits for the end of a body that never ends: upgrades hang there
/// (envoyproxy/envoy 47081).
const UPGRADING: [Mode; 4] = [Mode::Lazy, Mode::Fixed, Mode::Streamed, Mode::FullDuplex];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in UPGRADING {
        cases.push(Case::new(format!("websocket::{}", mode.name()), move |stack| {
            websocket_passes(stack, mode)
        }));
    }
    for mode in [Mode::Lazy, Mode::Fixed, Mode::Streamed, Mode::FullDuplex] {
        cases.push(Case::new(format!("grpc::{}", mode.name()), move |stack| {
            grpc_passes(stack, mode)
        }));
        cases.push(Case::new(format!("grpc_stream::{}", mode.name()), move |stack| {
            grpc_streams(stack, mode)
        }));
    }
    cases
}

async fn websocket_passes(stack: Arc<Stack>, mode: Mode) {
    for handler in ["pass", "awaited", "responseHeaders"] {
        let url = stack.at(mode, "/ws").replace("http://", "ws://");
        let headers = [("x-test-worker", "lab"), ("x-do", handler)];
        let (mut socket, _) =
            websocket(&url, &headers).await.unwrap_or_else(|error| panic!("{handler}: {error}"));
        for length in [5usize, 70_000] {
            let text = "x".repeat(length);
            socket.send(Message::text(text.clone())).await.expect("sent");
            let back = socket.next().await.expect("a message").expect("a message");
            assert_eq!(back, Message::text(text), "{handler}");
        }
        let binary = Bytes::from_static(&[0, 1, 2, 255]);
        socket.send(Message::binary(binary.clone())).await.expect("sent");
        assert_eq!(socket.next().await.expect("a message").expect("one"), Message::binary(binary));
        socket.close(None).await.expect("closed");
    }
}

/// A length-prefixed message, as gRPC frames it.
fn grpc_message(content: &[u8]) -> Vec<u8> {
    let mut message = vec![0];
    message.extend_from_slice(&(content.len() as u32).to_be_bytes());
    message.extend_from_slice(content);
    message
}

async fn grpc_passes(stack: Arc<Stack>, mode: Mode) {
    for handler in ["pass", "awaited", "responseHeaders"] {
        let message = grpc_message(&[7; 5000]);
        let request = lab(&stack, mode, Proto::H2, "POST", "/nano.test.Echo/Unary", handler)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .chunked(message.clone(), 1000);
        let reply = answer(request).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some("application/grpc"));
        assert_eq!(reply.body, message);
        let trailers = reply.trailers.unwrap_or_else(|| panic!("{handler}: no trailers"));
        assert_eq!(trailers["grpc-status"], "0");
        assert_eq!(trailers["grpc-message"], "echoed");
    }
}

/// A bidirectional stream: each message comes back before the next is sent.
async fn grpc_streams(stack: Arc<Stack>, mode: Mode) {
    let (request, sender) = lab(&stack, mode, Proto::H2, "POST", "/nano.test.Echo/Bidi", "pass")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .streamed();
    let first = grpc_message(b"message 0");
    sender.send(first.clone()).await.unwrap_or_else(|error| panic!("{error}"));
    let mut opened = request.open().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(opened.next().await.expect("a message").expect("a message"), first);
    for number in 1..4 {
        let message = grpc_message(format!("message {number}").as_bytes());
        sender.send(message.clone()).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(opened.next().await.expect("a message").expect("a message"), message);
    }
    drop(sender);
    let end = opened.finish().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(end.trailers.expect("trailers")["grpc-status"], "0");
}

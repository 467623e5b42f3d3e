//! Streams stream: pieces arrive before the end was made, and a slow reader slows the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nano_tests::client::{Proto, WINDOW_BYTES};
use nano_tests::listeners::{BUFFER_LIMIT_BYTES, HOST_WINDOW_BYTES, Mode};
use nano_tests::runner::Case;
use nano_tests::sockets;
use nano_tests::stack::Stack;

use crate::common::{flipped, lab, unique_id};
use crate::matrix;

/// Modes in which Envoy hands pieces on as they come.
const STREAMING: [Mode; 3] = [Mode::Lazy, Mode::Streamed, Mode::FullDuplex];

pub fn cases() -> Vec<Case> {
    matrix!(
        STREAMING;
        hands_on_pieces_of_responses,
        hands_on_pieces_both_ways,
        slow_client_slows_the_upstream,
        slow_upstream_slows_the_client,
    )
}

async fn hands_on_pieces_of_responses(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "responseHeaders", "flipResponse"] {
        let began = Instant::now();
        let request = lab(stack, mode, proto, "GET", "/trickle?n=8&ms=150", handler);
        let mut opened = request.open().await.unwrap_or_else(|error| panic!("{error}"));
        let first = opened.next().await.expect("a piece").unwrap_or_else(|e| panic!("{e}"));
        let first_after = began.elapsed();
        let rest = opened.finish().await.unwrap_or_else(|error| panic!("{error}"));
        let all_after = began.elapsed();
        assert!(!first.is_empty() && !rest.body.is_empty());
        assert!(
            all_after.saturating_sub(first_after) > Duration::from_millis(500),
            "{handler}: the first piece came after {first_after:?}, the last after {all_after:?}"
        );
    }
}

/// Each piece comes back before the next is sent.
async fn hands_on_pieces_both_ways(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "flipBoth", "flipResponse"] {
        let (request, sender) = lab(stack, mode, proto, "POST", "/mirror", handler).streamed();
        sender.send("piece 0").await.unwrap_or_else(|error| panic!("{error}"));
        let mut opened = request.open().await.unwrap_or_else(|error| panic!("{error}"));
        for piece in 0..5 {
            if piece > 0 {
                let text = format!("piece {piece}");
                sender.send(text).await.unwrap_or_else(|error| panic!("{error}"));
            }
            let text = format!("piece {piece}").into_bytes();
            let expected = if handler == "flipResponse" { flipped(&text) } else { text };
            let mut got = Vec::new();
            while got.len() < expected.len() {
                let part = tokio::time::timeout(Duration::from_secs(10), opened.next()).await;
                let part = part.unwrap_or_else(|_| panic!("{handler}: piece {piece} is held back"));
                got.extend_from_slice(&part.expect("more").unwrap_or_else(|e| panic!("{e}")));
            }
            assert_eq!(got, expected, "{handler}");
        }
        drop(sender);
        let rest = opened.finish().await.unwrap_or_else(|error| panic!("{error}"));
        assert!(rest.body.is_empty());
    }
}

/// Nobody reads, so the upstream may not write much: nobody between collects what it has.
async fn slow_client_slows_the_upstream(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["responseHeaders", "flipResponse"] {
        let id = unique_id();
        let path = format!("/bytes/{TOTAL_BYTES}");
        let request = lab(stack, mode, proto, "GET", &path, handler).header("x-test-id", &id);
        let mut opened = request.open().await.unwrap_or_else(|error| panic!("{error}"));
        let first = opened.next().await.expect("a piece").unwrap_or_else(|e| panic!("{e}"));
        assert!(!first.is_empty());
        let sent = settled(|| stack.origin().records(&id)[0].sent_bytes).await;
        assert!(sent < UNDER_WAY_BYTES, "{handler}: the upstream has sent {sent} bytes");
    }
}

/// The upstream does not read, so the client may not write much.
async fn slow_upstream_slows_the_client(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "flipRequest"] {
        let (request, sender) = lab(stack, mode, proto, "POST", "/hang", handler).streamed();
        let running = tokio::spawn(request.send());
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        let sending = tokio::spawn(async move {
            let piece = Bytes::from(vec![1; 16 * 1024]);
            while counted.load(Relaxed) < TOTAL_BYTES {
                sender.send(piece.clone()).await?;
                counted.fetch_add(piece.len() as u64, Relaxed);
            }
            Ok::<_, nano_tests::Error>(())
        });
        let sent = settled(|| sent.load(Relaxed)).await;
        assert!(!running.is_finished(), "{handler}: the exchange ended after {sent} bytes");
        assert!(sent < UNDER_WAY_BYTES, "{handler}: the client could send {sent} bytes");
        sending.abort();
        running.abort();
    }
}

/// What a count is when it no longer grows. On a machine that is busy with others it may be taken
/// too early, and is too small then, never too large.
async fn settled(count: impl Fn() -> u64) -> u64 {
    let mut last = count();
    let mut unchanged = 0;
    while unchanged < 10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = count();
        unchanged = if now == last { unchanged + 1 } else { 0 };
        last = now;
    }
    last
}

/// Far more than can be under way.
const TOTAL_BYTES: u64 = 200_000_000;

/// What can be under way between a writer and a reader that takes nothing, whatever the machine does:
/// the windows on the way, each of which stops whoever writes into it.
const UNDER_WAY_BYTES: u64 = ENDS + SOCKETS + ENVOY + HOST;

/// hyper's buffer of the writer (at most what `h2` takes ahead), and the reader's window.
const ENDS: u64 = 2 * WINDOW_BYTES as u64;

/// Both ends of the client's connection and of the origin's.
const SOCKETS: u64 = 4 * sockets::BUFFER_BYTES;

/// Envoy reads one of the connections and writes to the other. It stops above the limit, and one
/// read, of up to the limit, may take it there.
const ENVOY: u64 = 2 * 2 * BUFFER_LIMIT_BYTES;

/// Through the runtime host: HTTP/2's window and what waits for it, to the host and back; what waits
/// for the Worker and what it wrote; and the messages that exceed either, each as large as a read
/// of Envoy's.
const HOST: u64 = 2 * 2 * HOST_WINDOW_BYTES + 2 * HOST_WINDOW_BYTES + 2 * BUFFER_LIMIT_BYTES;

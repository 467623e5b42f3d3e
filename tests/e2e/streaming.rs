//! Streams stream: pieces arrive before the end was made, and a slow reader slows the writer.

use std::time::{Duration, Instant};

use nano_tests::client::Proto;
use nano_tests::listeners::Mode;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{flipped, lab, unique_id};
use crate::matrix;

/// Modes in which Envoy hands pieces on as they come.
const STREAMING: [Mode; 3] = [Mode::Lazy, Mode::Streamed, Mode::FullDuplex];

/// Modes in which Envoy stops reading when the runtime host does. In `FULL_DUPLEX_STREAMED` it
/// takes whatever comes (1.40).
const SLOWING: [Mode; 2] = [Mode::Lazy, Mode::Streamed];

pub fn cases() -> Vec<Case> {
    let mut cases = matrix!(STREAMING; hands_on_pieces_of_responses, hands_on_pieces_both_ways);
    cases.extend(matrix!(SLOWING; slow_client_slows_the_upstream, slow_upstream_slows_the_client));
    cases
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
        let request =
            lab(stack, mode, proto, "GET", "/bytes/100000000", handler).header("x-test-id", &id);
        let mut opened = request.open().await.unwrap_or_else(|error| panic!("{error}"));
        drop(opened.next().await);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let sent = stack.origin().records(&id)[0].sent_bytes;
        // Windows and socket buffers on the way are a few megabytes.
        assert!(sent < LIMIT_BYTES, "{handler}: the upstream has sent {sent} bytes");
    }
}

/// The upstream does not read, so the client may not write much.
async fn slow_upstream_slows_the_client(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "flipRequest"] {
        let (request, sender) = lab(stack, mode, proto, "POST", "/hang", handler).streamed();
        let running = tokio::spawn(request.send());
        let mut sent: u64 = 0;
        let piece = vec![1; 100_000];
        let pause = Duration::from_secs(1);
        while let Ok(result) = tokio::time::timeout(pause, sender.send(piece.clone())).await {
            result.unwrap_or_else(|error| panic!("{handler}: {error}"));
            sent += 100_000;
            assert!(sent < LIMIT_BYTES, "{handler}: the client could send {sent} bytes");
        }
        running.abort();
    }
}

const LIMIT_BYTES: u64 = 40_000_000;

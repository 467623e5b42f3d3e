//! What a handler and a client see when the upstream fails, in each phase.

use nano_tests::client::Proto;
use nano_tests::listeners::Mode;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{answer, lab};
use crate::matrix;

pub fn cases() -> Vec<Case> {
    matrix!(
        Mode::WITH_BODIES;
        local_replies_are_responses,
        resets_before_the_response,
        resets_within_the_response,
        early_responses,
    )
}

/// Envoy's own replies for a dead cluster, a missing cluster and a timeout reach the handler.
async fn local_replies_are_responses(stack: &Stack, mode: Mode, proto: Proto) {
    for (path, status) in [("/dead", 503), ("/nowhere", 503), ("/short/slow?ms=3000", 504)] {
        let reply = answer(lab(stack, mode, proto, "GET", path, "pass")).await;
        assert_eq!(reply.status, status, "{path}");
        let reply = answer(lab(stack, mode, proto, "GET", path, "upstreamStatus")).await;
        assert_eq!(reply.text(), format!("the upstream said {status}"), "{path}");
        let reply = answer(lab(stack, mode, proto, "GET", path, "responseHeaders")).await;
        assert_eq!((reply.status, reply.header("x-lab")), (status, Some("added")), "{path}");
    }
    // With a body that the handler has touched.
    let request = lab(stack, mode, proto, "POST", "/dead", "flipRequest").body("some body");
    assert_eq!(answer(request).await.status, 503);
}

async fn resets_before_the_response(stack: &Stack, mode: Mode, proto: Proto) {
    let reply = answer(lab(stack, mode, proto, "GET", "/reset", "pass")).await;
    assert_eq!(reply.status, 503);
    let reply = answer(lab(stack, mode, proto, "GET", "/reset", "upstreamStatus")).await;
    assert_eq!(reply.text(), "the upstream said 503");
}

/// A response that breaks in its middle is never passed off as complete.
async fn resets_within_the_response(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "responseHeaders", "flipResponse", "readResponse"] {
        let request = lab(stack, mode, proto, "GET", "/reset-body?after=50000", handler).send();
        match request.await {
            Err(_) => {}
            Ok(reply) => assert!(reply.status >= 500, "{handler}: {}", reply.short_text()),
        }
    }
}

/// The upstream answers before it has the body.
async fn early_responses(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["pass", "responseHeaders", "flipRequest", "flipBoth"] {
        let body = vec![1; 500_000];
        let request = lab(stack, mode, proto, "POST", "/reject", handler).body(body);
        // Envoy may reset the rest of the upload; the status must be the upstream's if any came.
        if let Ok(reply) = request.send().await {
            assert!(matches!(reply.status, 413 | 503), "{handler}: {}", reply.short_text());
        }
    }
}

//! What a client sees when a Worker fails, and what the log has.

use std::time::Duration;

use nano_tests::client::{Proto, Reply};
use nano_tests::listeners::Mode;
use nano_tests::runner::Case;
use nano_tests::stack::Stack;

use crate::common::{answer, lab, unique_id};
use crate::matrix;

pub fn cases() -> Vec<Case> {
    let mut cases = matrix!(
        Mode::WITH_BODIES;
        exceptions_are_1101,
        endless_waits_are_1101,
        exceptions_pass_through,
        pass_through_needs_the_body,
        broken_streams_are_cut_off,
    );
    cases.extend(matrix!([Mode::Fixed]; bodies_need_an_override));
    cases.extend(matrix!([Mode::Lazy]; exceptions_are_logged));
    cases
}

/// An error page with this code that tells nothing of the Worker.
#[track_caller]
pub fn assert_page(reply: &Reply, status: u16, code: &str, json: bool) {
    let text = reply.text();
    assert_eq!(reply.status, status, "{}", reply.short_text());
    assert!(text.contains(code), "{text}");
    for secret in ["secret detail", "index.js", "failing.js", "    at "] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let content_type = reply.header("content-type").unwrap_or_default();
    let expected = if json { "application/json" } else { "text/html" };
    assert!(content_type.starts_with(expected), "{content_type}");
}

async fn exceptions_are_1101(stack: &Stack, mode: Mode, proto: Proto) {
    let handlers = [
        "throws",
        "throwsLater",
        "throwsAfterContinuing",
        "rejectsWithNothing",
        "returnsNoResponse",
    ];
    for handler in handlers {
        let reply = answer(lab(stack, mode, proto, "GET", "/bytes/1000", handler)).await;
        assert_page(&reply, 500, "1101", false);
        let request = lab(stack, mode, proto, "POST", "/bytes/1000", handler)
            .header("accept", "application/json")
            .body("a body that nobody reads");
        let reply = answer(request).await;
        assert_page(&reply, 500, "1101", true);
        let error = reply.json().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(error["error"]["code"], 1101);
        assert_eq!(reply.header("x-sha256"), None, "a header of the upstream is left");
    }
}

/// Found out by the host, not by a timeout.
async fn endless_waits_are_1101(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["never", "neverAfterContinuing"] {
        let request = lab(stack, mode, proto, "GET", "/bytes/1000", handler).send();
        let reply = tokio::time::timeout(Duration::from_secs(5), request).await;
        let reply = reply.unwrap_or_else(|_| panic!("{handler} was not found out in 5 s"));
        assert_page(&reply.unwrap_or_else(|error| panic!("{error}")), 500, "1101", false);
    }
}

async fn exceptions_pass_through(stack: &Stack, mode: Mode, proto: Proto) {
    let request =
        lab(stack, mode, proto, "POST", "/kept?x=1", "passThrough").body("an unread body");
    let reply = answer(request).await;
    let seen = reply.json().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((seen["method"].as_str(), seen["path"].as_str()), (Some("POST"), Some("/kept?x=1")));
    assert_eq!(seen["body"], "an unread body");

    let handler = "passThroughAfterContinuing";
    let reply = answer(lab(stack, mode, proto, "GET", "/headers", handler)).await;
    assert_eq!(reply.text(), "headers\n");
    assert_eq!(reply.header("x-origin"), Some("demo"));
}

/// Nothing can go on as it came when JavaScript has taken the body.
async fn pass_through_needs_the_body(stack: &Stack, mode: Mode, proto: Proto) {
    let request = lab(stack, mode, proto, "POST", "/x", "passThroughAfterReading").body("taken");
    let reply = answer(request).await;
    if mode == Mode::Streamed {
        // The body could not be read, so it was not taken.
        return;
    }
    assert_page(&reply, 500, "1101", false);
}

async fn broken_streams_are_cut_off(stack: &Stack, mode: Mode, proto: Proto) {
    for handler in ["breaksOff", "breaksOffAfterContinuing"] {
        let reply = lab(stack, mode, proto, "GET", "/bytes/100000", handler).send().await;
        if let Ok(reply) = reply {
            // Where Envoy had to be given the response as a whole, nothing of it has left yet.
            assert_eq!(reply.status, 500, "{handler}: {} bytes came", reply.body.len());
        }
    }
}

/// Envoy won't send a body: the Worker's error names the setting, and nothing hangs.
async fn bodies_need_an_override(stack: &Stack, mode: Mode, proto: Proto) {
    let request =
        lab(stack, mode, proto, "POST", "/x", "readRequest").header("x-catch", "1").body("body");
    let reply = answer(request).await;
    assert_eq!(reply.status, 599, "{}", reply.short_text());
    assert!(reply.text().contains("allow_mode_override"), "{}", reply.text());

    let request =
        lab(stack, mode, proto, "GET", "/bytes/1000", "readResponse").header("x-catch", "1");
    let reply = answer(request).await;
    assert_eq!(reply.status, 599, "{}", reply.short_text());
    assert!(reply.text().contains("allow_mode_override"), "{}", reply.text());

    // Untouched bodies are not concerned.
    let request = lab(stack, mode, proto, "POST", "/x", "responseHeaders").body("untouched");
    let seen = answer(request).await.json().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seen["body"], "untouched");
}

async fn exceptions_are_logged(stack: &Stack, mode: Mode, proto: Proto) {
    let id = format!("logged-{}", unique_id());
    let request = lab(stack, mode, proto, "GET", "/x", "throwsLater").header("x-request-id", &id);
    assert_eq!(answer(request).await.status, 500);
    let line = stack
        .host()
        .wait_for_log(Duration::from_secs(5), |line| {
            let text = line.to_string();
            text.contains(&id) && text.contains("secret detail of the lab")
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let text = line.to_string();
    assert!(text.contains("failing.js:10:"), "no source position in {text}");
    assert!(text.contains("lab"), "no Worker in {text}");
}

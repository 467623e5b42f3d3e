//! The one place that turns a failure into a response for the client.

use bytes::Bytes;

use crate::exchange::{HeaderList, RequestHead, ResponseHead};
use crate::telemetry::Outcome;

/// Status, Workers error code (the status where Workers have none) and a sentence for a person, per outcome.
fn facts(outcome: Outcome) -> (u16, u16, &'static str) {
    match outcome {
        Outcome::ExceededCpu => (503, 1102, "Worker exceeded its CPU time limit"),
        Outcome::ExceededMemory => (503, 1102, "Worker exceeded its memory limit"),
        Outcome::ExceededWallTime => (503, 1102, "Worker exceeded its wall time limit"),
        Outcome::LoadShed => (503, 1102, "The host has too much work"),
        Outcome::ScriptNotFound => (500, 1104, "There is no such Worker"),
        // RFC 5842 §7.2.
        Outcome::LoopDetected => (508, 1019, "Workers send this request in a loop"),
        Outcome::InternalError => (500, 1105, "The host failed"),
        Outcome::Quarantined => (503, 1105, "The Worker is suspended after it made the host fail"),
        Outcome::RateLimited => (429, 1015, "You are being rate limited"),
        Outcome::UrlTooLong => (414, 414, "The URL is too long"),
        Outcome::HeadersTooLarge => (431, 431, "The request's headers are too large"),
        _ => (500, 1101, "Worker threw an exception"),
    }
}

/// An error page: HTML, or JSON where the client prefers it. `detail` (an exception with its stack)
/// is only given when the operator set `debug_errors`.
pub fn error_page(
    outcome: Outcome,
    request: &RequestHead,
    request_id: &str,
    detail: Option<&str>,
) -> (ResponseHead, Bytes) {
    let (status, code, title) = facts(outcome);
    let (content_type, body) = if wants_json(request) {
        ("application/json; charset=utf-8", json(status, code, title, request_id, detail))
    } else {
        ("text/html; charset=utf-8", html(code, title, request_id, detail))
    };
    let mut headers = HeaderList::default();
    headers.push("content-type", content_type);
    headers.push("cache-control", "no-store");
    // The page carries text of the request; nothing of it may run.
    headers.push("content-security-policy", "default-src 'none'");
    headers.push("content-length", body.len().to_string());
    (ResponseHead { status, headers, has_body: true }, body.into())
}

/// Whether `accept` names JSON and not HTML. A client without preference gets HTML.
fn wants_json(request: &RequestHead) -> bool {
    request.headers.get("accept").is_some_and(|accept| {
        let accept = String::from_utf8_lossy(accept).to_ascii_lowercase();
        accept.contains("json") && !accept.contains("text/html")
    })
}

fn json(status: u16, code: u16, title: &str, request_id: &str, detail: Option<&str>) -> String {
    let mut error = serde_json::json!({
        "code": code, "status": status, "message": title, "request_id": request_id,
    });
    if let Some(detail) = detail {
        error["detail"] = detail.into();
    }
    serde_json::json!({ "error": error }).to_string()
}

fn html(code: u16, title: &str, request_id: &str, detail: Option<&str>) -> String {
    let detail = detail.map_or(String::new(), |detail| format!("<pre>{}</pre>\n", escape(detail)));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>Error {code}</title></head>\n\
         <body><h1>Error {code}</h1>\n<p>{title}.</p>\n{detail}\
         <p>Request <code>{}</code></p></body></html>\n",
        escape(request_id)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(accept: &'static str) -> RequestHead {
        let mut request = RequestHead::default();
        request.headers.push("accept", accept);
        request
    }

    #[test]
    fn html_unless_json_is_preferred() {
        let (head, page) = error_page(Outcome::Exception, &request("*/*"), "<id>", None);
        assert_eq!(head.status, 500);
        let page = String::from_utf8(page.to_vec()).expect("UTF-8");
        assert!(page.contains("1101") && page.contains("&lt;id&gt;") && !page.contains("<pre>"));
        let (head, page) =
            error_page(Outcome::ExceededCpu, &request("application/json"), "r", Some("at x"));
        let page: serde_json::Value = serde_json::from_slice(&page).expect("JSON");
        assert_eq!(head.status, 503);
        assert_eq!(page["error"]["code"], 1102);
        assert_eq!(page["error"]["detail"], "at x");
    }
}

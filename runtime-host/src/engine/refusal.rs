//! Requests that are answered before any handler runs, because a limit of the Worker's says so.

use std::time::Duration;

use super::actor::Actor;
use super::session::{self, answered};
use crate::exchange::{Command, RequestHead, Start, Started};
use crate::limits::{Limit, LimitSet, Limits};
use crate::telemetry::Outcome;
use crate::telemetry::logs::FinishedRequest;

/// Why a request's head is not for the Worker.
pub fn of_head(head: &RequestHead, limits: &Limits) -> Option<(Outcome, Limit, String)> {
    // Scheme and authority with "://" between them, as the Worker would see them.
    let url = head.scheme.len() + 3 + head.authority.len() + head.path.len();
    if url > limits.url_bytes() {
        let most = limits.url_bytes();
        let text = format!("the URL has {url} bytes: it may have {most} (limits.url_kb)");
        return Some((Outcome::UrlTooLong, Limit::Url, text));
    }
    let size = head.headers.size();
    let most = limits.headers_bytes();
    (size > most).then(|| {
        let text =
            format!("the headers have {size} bytes: they may have {most} (limits.headers_kb)");
        (Outcome::HeadersTooLarge, Limit::Headers, text)
    })
}

/// Counts and logs a refusal, and gives what the client gets.
pub fn refuse(
    actor: &Actor,
    start: &Start,
    outcome: Outcome,
    limit: Limit,
    text: &str,
) -> Vec<Command> {
    let bundle = actor.bundle();
    let of = (bundle.name.as_str(), bundle.version.as_str());
    let (commands, status) = session::failure_commands(start, outcome, of);
    over(actor, start, outcome, status, Some(limit), text);
    commands
}

/// The same as an exchange.
pub fn refused(
    actor: &Actor,
    start: &Start,
    outcome: Outcome,
    limit: Limit,
    text: &str,
) -> Started {
    answered(refuse(actor, start, outcome, limit, text))
}

/// A client did not wait for its request's place in the queue.
pub fn left(actor: &Actor, start: &Start) {
    over(actor, start, Outcome::Canceled, None, None, "the client left while its request waited");
}

fn over(
    actor: &Actor,
    start: &Start,
    outcome: Outcome,
    status: Option<u16>,
    limit: Option<Limit>,
    text: &str,
) {
    let limits = limit.map_or_else(LimitSet::default, LimitSet::from);
    FinishedRequest {
        request_id: &start.request_id,
        worker: &actor.bundle().name,
        version: &actor.bundle().version,
        outcome,
        status,
        cpu: Duration::ZERO,
        wall: Duration::ZERO,
        error: Some(text),
        limits,
    }
    .log();
    let metrics = actor.known_metrics();
    metrics.requests(outcome).inc();
    metrics.reached_all(limits);
}

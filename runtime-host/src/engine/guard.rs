//! What keeps a Worker from where it may not go, and a request from going in circles.

use std::sync::Arc;

use super::actor::Actor;
use super::session;
use crate::client::{Client, Denied};
use crate::egress::{Policy, loops};
use crate::exchange::{FailureMode, Start, Started};
use crate::telemetry::Outcome;
use crate::telemetry::logs;

/// Makes the rules of a Worker's newest version those of its client.
pub fn set_rules(client: &Client, newest: &Actor) {
    let name = newest.bundle().name.clone();
    let refused = newest.known_metrics().egress_denied.clone();
    client.set_rules(
        &newest.bundle().settings.egress,
        Arc::new(move |denied: &Denied| {
            refused.inc();
            let address = denied.address.map(|address| address.to_string());
            let reason = denied.reason.to_string();
            logs::egress_denied(&name, &denied.host, denied.port, address.as_deref(), &reason);
        }),
    );
}

/// The answer to a request that has gone through as many Workers as it may, or is one more than its
/// client's may branch into; `None` for others.
pub fn end_loop(actor: &Actor, start: &mut Start, policy: &Policy) -> Option<Started> {
    let way = loops::way(&start.request.headers);
    let text = if way.depth > policy.max_depth {
        format!(
            "{} says that more than {} Workers sent the request on",
            loops::HEADER,
            policy.max_depth
        )
    } else if way.branches.is_some_and(|left| left < 0) {
        format!(
            "{} says that the client's request branched into as many as egress.max_branches allows",
            loops::HEADER
        )
    } else {
        return None;
    };
    // Whatever the failure mode: a client that sends the header must not get past the Worker.
    start.failure_mode = Some(FailureMode::Closed);
    let outcome = Outcome::LoopDetected;
    actor.known_metrics().requests(outcome).inc();
    Some(session::host_failure(start, outcome, &actor.bundle().name, &text))
}

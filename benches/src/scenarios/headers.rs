//! Scenarios in which only headers change, or nothing is asked of the upstream.

use nano_tests::Result;

use super::{Setting, traffic};
use crate::data;
use crate::floor::{Answer, DEBUG, EDGE, POWERED_BY, SECURITY, SHORT};
use crate::load::Exchange;
use crate::measure::Traffic;
use crate::outcome::Outcome;
use crate::servers::Worker;
use crate::stack::Plan;
use crate::variant::Variant::{Direct, Floor, FloorSkip, FloorTcp, Lua, Nano, NanoFull, Workerd};

/// `header-rewrite`.
pub fn both_phases(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let variants = [Direct, Lua, Floor, FloorTcp, Nano, NanoFull, Workerd];
    let plan = Plan::new(&variants, Worker::of_benches(name)).floor(Answer::Headers, true);
    let direct = request().header("x-seen-debug", "1").header(POWERED_BY, "origin");
    let wanted = Traffic {
        unchanged: vec![direct],
        connections: setting.connections(&[1, 16, 64, 256]),
        latency_against: vec![Floor, Workerd],
        ..Traffic::new(&variants, vec![changed_both_ways(request())])
    };
    traffic(name, setting, &plan, &wanted, |_, _| Ok(()))
}

/// `header-rewrite-request`. The floor is *configured* for the request's phase only, which is the
/// least that can be had; NANO tells Envoy to skip the other phase, as `floor-skip` does.
pub fn request_phase(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let variants = [Floor, FloorSkip, Nano];
    let plan = Plan::new(&variants, Worker::of_benches(name)).floor(Answer::Headers, false);
    let wanted = Traffic {
        latency_against: vec![Floor],
        connections: setting.connections(&[16, 64]),
        ..Traffic::new(&variants, vec![changed(request())])
    };
    traffic(name, setting, &plan, &wanted, |_, _| Ok(()))
}

/// `short-circuit`.
pub fn short_circuit(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let variants = [Floor, Nano, Workerd];
    let plan = Plan::new(&variants, Worker::of_benches(name)).floor(Answer::Immediate, true);
    let exchange = Exchange::get("bench.test", "/", &[])
        .header("content-type", "application/json")
        .header(EDGE.0, EDGE.1)
        .body(SHORT);
    let wanted = Traffic {
        latency_against: vec![Floor, Workerd],
        connections: setting.connections(&[16, 64]),
        ..Traffic::new(&variants, vec![exchange])
    };
    traffic(name, setting, &plan, &wanted, |_, _| Ok(()))
}

fn request() -> Exchange {
    Exchange::get("bench.test", "/", &[(DEBUG, "1"), ("cookie", "session=4711")]).body(data::SMALL)
}

/// The answer shows that the request's headers were changed on the way to the origin.
pub fn changed(exchange: Exchange) -> Exchange {
    exchange.header("x-seen-edge", EDGE.1).without("x-seen-debug")
}

/// The answer shows that, and its own headers are changed.
pub fn changed_both_ways(exchange: Exchange) -> Exchange {
    SECURITY.iter().fold(changed(exchange).without(POWERED_BY), |exchange, (name, value)| {
        exchange.header(name, value)
    })
}

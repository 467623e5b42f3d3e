//! `filter`: what the proxy-wasm filter costs a request that needs no Worker.

use nano_tests::{Error, Result};

use super::{Setting, traffic};
use crate::data;
use crate::load::Exchange;
use crate::measure::{HEADLINE, Traffic};
use crate::outcome::Outcome;
use crate::servers::Worker;
use crate::stack::Plan;
use crate::variant::Variant::{Direct, Filter};

/// Envoy alone, and Envoy with the filter and an `ext_proc` whose server does not exist: had one
/// request been sent to it, its answer would not be the origin's and would end the run.
pub fn skipped(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let variants = [Direct, Filter];
    let plan = Plan::new(&variants, Worker::of_benches("header-rewrite"));
    let exchange = Exchange::get("bench.test", "/", &[("cookie", "session=4711")]);
    let exchange = exchange.body(data::SMALL);
    let wanted = Traffic {
        unchanged: vec![exchange.clone()],
        connections: setting.connections(&[1, 16, 64]),
        ..Traffic::new(&variants, vec![exchange])
    };
    traffic(name, setting, &plan, &wanted, |_, outcome| {
        let entry = |variant: &str| {
            let mut all = outcome.throughput.iter();
            all.find(|each| each.variant == variant && each.connections == HEADLINE)
                .ok_or_else(|| Error::new(format!("{variant} was not measured")))
        };
        let (direct, filter) = (entry(Direct.name())?, entry(Filter.name())?);
        let rate = filter.requests_per_second.over(&direct.requests_per_second);
        let of = |entry: &crate::outcome::Throughput| {
            let envoy = entry.cpu_ms_per_1000.get("envoy").cloned();
            envoy.ok_or_else(|| Error::new("Envoy's CPU time was not measured"))
        };
        let cpu = of(filter)?.over(&of(direct)?);
        outcome.ratios.insert(format!("{name}/direct"), rate);
        outcome.ratios.insert(format!("{name}/direct/cpu"), cpu);
        Ok(())
    })
}

//! Counters, which Envoy shows as `wasmcustom.NAME`.

use std::collections::HashMap;

use nano_routing::filter::{Reason, Rules};
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

/// Their numbers in Envoy; all of them exist from the start, with 0.
pub struct Metrics {
    worker: u32,
    skipped: u32,
    stripped: u32,
    answered: [u32; Reason::ALL.len()],
    /// By tenant.
    limited: HashMap<String, u32>,
}

impl Metrics {
    pub fn define(rules: &Rules) -> Self {
        let tenants = rules.tenants().iter().map(|tenant| {
            (tenant.name.clone(), define(&format!("nano_filter.tenant.{}.limited", tenant.name)))
        });
        Self {
            worker: define("nano_filter.worker"),
            skipped: define("nano_filter.skipped"),
            stripped: define("nano_filter.stripped_headers"),
            answered: Reason::ALL
                .map(|reason| define(&format!("nano_filter.answered.{}", reason.name()))),
            limited: tenants.collect(),
        }
    }

    pub fn worker(&self) {
        increment(self.worker);
    }

    pub fn skipped(&self) {
        increment(self.skipped);
    }

    pub fn stripped(&self) {
        increment(self.stripped);
    }

    pub fn answered(&self, reason: Reason) {
        let at = Reason::ALL.iter().position(|each| *each == reason);
        if let Some(metric) = at.and_then(|at| self.answered.get(at)) {
            increment(*metric);
        }
    }

    pub fn limited(&self, tenant: &str) {
        self.answered(Reason::RateLimited);
        if let Some(metric) = self.limited.get(tenant) {
            increment(*metric);
        }
    }
}

fn define(name: &str) -> u32 {
    hostcalls::define_metric(MetricType::Counter, name).unwrap_or_default()
}

fn increment(metric: u32) {
    crate::envoy::report(hostcalls::increment_metric(metric, 1));
}

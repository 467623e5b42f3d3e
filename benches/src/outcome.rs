//! What a scenario found.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::statistics::Figure;

/// All figures of one scenario.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// NANO's figure over a peer's, by the key that `benches/README.md` explains. Above 1 NANO
    /// has more of it.
    pub ratios: BTreeMap<String, Figure>,
    /// Figures that are no ratio, by `SCENARIO/NAME`, with the unit last in the name.
    pub figures: BTreeMap<String, f64>,
    pub throughput: Vec<Throughput>,
    pub latency: Vec<Latency>,
    pub memory: Vec<Memory>,
    /// What a reader has to know, in whole sentences.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    pub variant: &'static str,
    pub connections: usize,
    pub requests_per_second: Figure,
    /// Of both bodies; only where bodies are what is measured.
    pub megabytes_per_second: Option<f64>,
    /// Milliseconds of CPU per 1,000 requests, which is microseconds per request, by process.
    pub cpu_ms_per_1000: BTreeMap<&'static str, Figure>,
}

/// At a fixed rate.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Variants are compared at the same rate; this names the comparison.
    pub against: &'static str,
    pub variant: &'static str,
    pub rate_per_second: f64,
    pub p50_ms: Figure,
    pub p90_ms: Figure,
    pub p99_ms: Figure,
    pub max_ms: Figure,
}

/// Of the program behind Envoy.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    pub variant: &'static str,
    /// Resident before the first request.
    pub idle_mb: f64,
    /// Resident after the last one.
    pub resident_mb: f64,
    pub anonymous_mb: f64,
    /// The most that was resident while the load ran.
    pub peak_mb: f64,
}

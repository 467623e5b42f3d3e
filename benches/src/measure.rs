//! Takes variants in turn and measures throughput, CPU time and latency.

use std::collections::BTreeMap;
use std::time::Duration;

use nano_tests::{Error, Result};

use crate::load::{Closed, Exchange, Open};
use crate::outcome::{Latency, Memory, Outcome, Throughput};
use crate::stack::Stack;
use crate::statistics::{Figure, Percentiles};
use crate::usage;
use crate::variant::Variant;

/// Share of the slower one's throughput at which latencies are compared.
const RATE_SHARE: f64 = 0.5;

/// Connections at which variants are compared when nothing else is said.
pub const HEADLINE: usize = 64;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub rounds: usize,
    pub warm_up: Duration,
    pub lead: Duration,
    pub window: Duration,
    pub latency_window: Duration,
}

impl Timing {
    pub const FULL: Self = Self {
        rounds: 5,
        warm_up: Duration::from_secs(1),
        lead: Duration::from_millis(150),
        window: Duration::from_secs(1),
        latency_window: Duration::from_millis(1500),
    };
    pub const QUICK: Self = Self {
        rounds: 3,
        warm_up: Duration::from_millis(500),
        lead: Duration::from_millis(100),
        window: Duration::from_millis(350),
        latency_window: Duration::from_millis(600),
    };
}

/// One scenario's traffic.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// NANO is among them.
    pub variants: Vec<Variant>,
    pub exchanges: Vec<Exchange>,
    /// The same without what the Workers do, for variants that don't: Envoy alone, and the floor that
    /// gives bodies back.
    pub unchanged: Vec<Exchange>,
    pub connections: Vec<usize>,
    /// The number of connections whose ratios carry no suffix.
    pub headline: usize,
    /// With which of the variants latencies are compared.
    pub latency_against: Vec<Variant>,
    /// Whether megabytes are what counts.
    pub bodies: bool,
}

impl Traffic {
    /// Requests per second with 64 connections, the latency of none.
    pub fn new(variants: &[Variant], exchanges: Vec<Exchange>) -> Self {
        Self {
            variants: variants.to_vec(),
            exchanges,
            unchanged: Vec::new(),
            connections: vec![HEADLINE],
            headline: HEADLINE,
            latency_against: Vec::new(),
            bodies: false,
        }
    }

    /// Measures everything about it and adds it to `outcome`.
    pub fn measure(
        &self,
        scenario: &str,
        stack: &Stack,
        timing: Timing,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let mut idle = Vec::new();
        for variant in &self.variants {
            if let Some(server) = stack.server(*variant) {
                idle.push((*variant, server, usage::memory(server.id())?));
                usage::reset_peak(server.id())?;
            }
        }
        for variant in &self.variants {
            let warm = Closed {
                connections: self.headline,
                lead: Duration::ZERO,
                window: timing.warm_up,
                at_least: self.at_least(),
            };
            self.closed(*variant, stack, warm)?;
        }
        outcome.throughput = self.throughput(stack, timing)?;
        self.throughput_ratios(scenario, outcome);
        for against in &self.latency_against {
            self.latency(scenario, *against, stack, timing, outcome)?;
        }
        for (variant, server, idle) in idle {
            let memory = usage::memory(server.id())?;
            let mb = |bytes: u64| bytes as f64 / 1e6;
            outcome.memory.push(Memory {
                variant: variant.name(),
                idle_mb: mb(idle.resident),
                resident_mb: mb(memory.resident),
                anonymous_mb: mb(memory.anonymous),
                peak_mb: mb(memory.peak),
            });
        }
        Ok(())
    }

    fn throughput(&self, stack: &Stack, timing: Timing) -> Result<Vec<Throughput>> {
        let mut rounds: BTreeMap<(usize, usize), Vec<Sample>> = BTreeMap::new();
        for round in 0..timing.rounds {
            for (step, connections) in self.connections.iter().enumerate() {
                for at in order(self.variants.len(), round) {
                    let window = if self.bodies { 2 * timing.window } else { timing.window };
                    let closed = Closed {
                        connections: *connections,
                        lead: timing.lead,
                        window,
                        at_least: self.at_least(),
                    };
                    let sample = self.closed(self.variants[at], stack, closed)?;
                    rounds.entry((step, at)).or_default().push(sample);
                }
            }
        }
        let bytes: usize = self.exchanges.iter().map(Exchange::body_bytes).sum();
        let megabytes = bytes as f64 / self.exchanges.len() as f64 / 1e6;
        let entries = rounds.into_iter().map(|((step, at), samples)| {
            let per_second = Figure::of(samples.iter().map(|sample| sample.per_second).collect());
            let names: Vec<&'static str> = samples[0].cpu_ms.keys().copied().collect();
            let cpu = |name| Figure::of(samples.iter().map(|sample| sample.cpu_ms[name]).collect());
            Throughput {
                variant: self.variants[at].name(),
                connections: self.connections[step],
                megabytes_per_second: self.bodies.then_some(per_second.median * megabytes),
                requests_per_second: per_second,
                cpu_ms_per_1000: names.iter().map(|name| (*name, cpu(*name))).collect(),
            }
        });
        Ok(entries.collect())
    }

    /// A few large bodies on each connection, so that parts of one hardly matter.
    fn at_least(&self) -> usize {
        if self.bodies { 3 * self.headline } else { 1 }
    }

    fn exchanges(&self, variant: Variant) -> &[Exchange] {
        match variant {
            Variant::Direct | Variant::FloorBody => &self.unchanged,
            _ => &self.exchanges,
        }
    }

    /// One window of closed-loop load.
    fn closed(&self, variant: Variant, stack: &Stack, closed: Closed) -> Result<Sample> {
        let processes = stack.processes(variant);
        let window = closed
            .run(stack.address(variant)?, self.exchanges(variant), || cpu_times(&processes))
            .map_err(|error| broken(variant, error))?;
        let thousands = window.requests as f64 / 1e3;
        let cpu_ms = window
            .before
            .iter()
            .zip(&window.after)
            .map(|((name, before), (_, after))| {
                (*name, after.saturating_sub(*before).as_secs_f64() * 1e3 / thousands)
            })
            .collect();
        let per_second = window.requests as f64 / window.elapsed.as_secs_f64();
        Ok(Sample { per_second, cpu_ms })
    }

    fn throughput_ratios(&self, scenario: &str, outcome: &mut Outcome) {
        let entry = |variant: Variant, connections: usize| {
            let mut all = outcome.throughput.iter();
            all.find(|each| each.variant == variant.name() && each.connections == connections)
        };
        let mut ratios = Vec::new();
        for connections in &self.connections {
            for peer in self.variants.iter().filter(|variant| **variant != Variant::Nano) {
                let key = format!("{scenario}/{}", peer.name());
                let (Some(nano), Some(peer)) =
                    (entry(Variant::Nano, *connections), entry(*peer, *connections))
                else {
                    continue;
                };
                let ratio = nano.requests_per_second.over(&peer.requests_per_second);
                ratios.push((format!("{key}/c{connections}"), ratio.clone()));
                if *connections == self.headline {
                    ratios
                        .push((format!("{key}/cpu"), measured_cpu(nano).over(&measured_cpu(peer))));
                    ratios.push((key, ratio));
                }
            }
        }
        let floor = entry(Variant::FloorBody, self.headline);
        if let (Some(floor), Some(workerd)) = (floor, entry(Variant::Workerd, self.headline)) {
            let key = format!("{scenario}/floor-body/workerd");
            let cpu = measured_cpu(floor).over(&measured_cpu(workerd));
            ratios.push((format!("{key}/cpu"), cpu));
            ratios.push((key, floor.requests_per_second.over(&workerd.requests_per_second)));
        }
        outcome.ratios.extend(ratios);
    }

    /// NANO and one peer in turn, both at the same rate.
    fn latency(
        &self,
        scenario: &str,
        against: Variant,
        stack: &Stack,
        timing: Timing,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let pair = [against, Variant::Nano];
        let slower = outcome
            .throughput
            .iter()
            .filter(|each| each.connections == self.headline)
            .filter(|each| pair.iter().any(|variant| variant.name() == each.variant))
            .map(|each| each.requests_per_second.median)
            .fold(f64::INFINITY, f64::min);
        let open = Open {
            connections: self.headline,
            rate: slower * RATE_SHARE,
            lead: timing.lead,
            window: timing.latency_window,
        };
        let mut rounds = [Vec::new(), Vec::new()];
        for round in 0..timing.rounds {
            for at in order(pair.len(), round) {
                let window = open
                    .run(stack.address(pair[at])?, self.exchanges(pair[at]), || Ok(()))
                    .map_err(|error| broken(pair[at], error))?;
                rounds[at].push(Percentiles::of(window.latencies));
            }
        }
        let latencies = pair.iter().zip(&rounds).map(|(variant, rounds)| {
            let figure = |of: fn(&Percentiles) -> f64| Figure::of(rounds.iter().map(of).collect());
            Latency {
                against: against.name(),
                variant: variant.name(),
                rate_per_second: open.rate,
                p50_ms: figure(|each| each.p50),
                p90_ms: figure(|each| each.p90),
                p99_ms: figure(|each| each.p99),
                max_ms: figure(|each| each.max),
            }
        });
        let [peer, nano]: [Latency; 2] = latencies
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| Error::new("a comparison of other than two"))?;
        let key = format!("{scenario}/{}", against.name());
        outcome.ratios.insert(format!("{key}/p50"), nano.p50_ms.over(&peer.p50_ms));
        outcome.ratios.insert(format!("{key}/p99"), nano.p99_ms.over(&peer.p99_ms));
        outcome.latency.extend([peer, nano]);
        Ok(())
    }
}

/// What one window gave.
struct Sample {
    per_second: f64,
    /// Milliseconds per 1,000 requests.
    cpu_ms: BTreeMap<&'static str, f64>,
}

/// Envoy's and the server's together: where the boundary between the two lies is no merit.
fn measured_cpu(throughput: &Throughput) -> Figure {
    let of = |name: &str| throughput.cpu_ms_per_1000.get(name).map(|figure| &figure.rounds);
    let envoy = of("envoy").cloned().unwrap_or_default();
    let server = of("server").cloned().unwrap_or_else(|| vec![0.0; envoy.len()]);
    Figure::of(envoy.iter().zip(server).map(|(envoy, server)| envoy + server).collect())
}

fn cpu_times(processes: &[(&'static str, u32)]) -> Result<Vec<(&'static str, Duration)>> {
    processes.iter().map(|(name, id)| Ok((*name, usage::cpu(*id)?))).collect()
}

/// A B C, then C B A, and so on: what drifts in one direction favours none.
fn order(count: usize, round: usize) -> Vec<usize> {
    let forward = 0..count;
    if round.is_multiple_of(2) { forward.collect() } else { forward.rev().collect() }
}

fn broken(variant: Variant, error: Error) -> Error {
    Error::new(format!("{}: {error}", variant.name()))
}

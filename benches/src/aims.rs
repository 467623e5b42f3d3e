//! What NANO is to reach, scenario by scenario.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::outcome::Outcome;

/// One aim. Its key is a ratio's or a figure's.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    pub key: &'static str,
    pub bound: Bound,
    /// What the key means, in words.
    pub what: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// An aim and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub key: &'static str,
    pub what: &'static str,
    pub aim: Bound,
    /// Missing when the scenario ran and could not measure it: its notes say why.
    pub value: Option<f64>,
    /// The lowest and highest of the rounds, where there were several.
    pub spread: Option<(f64, f64)>,
    pub met: bool,
}

const fn at_least(key: &'static str, bound: f64, what: &'static str) -> Aim {
    Aim { key, bound: Bound::AtLeast(bound), what }
}

const fn at_most(key: &'static str, bound: f64, what: &'static str) -> Aim {
    Aim { key, bound: Bound::AtMost(bound), what }
}

const RATE: &str = "requests/s";

#[rustfmt::skip]
pub const ALL: &[Aim] = &[
    at_least("header-rewrite/floor", 0.90, RATE),
    at_most("header-rewrite/floor/p50", 1.15, "p50 at the same rate"),
    at_most("header-rewrite/floor/p99", 1.15, "p99 at the same rate"),
    at_least("header-rewrite-request/floor", 0.90, RATE),
    at_least("header-rewrite/workerd", 1.8, RATE),
    at_most("header-rewrite/workerd/p99", 0.6, "p99 at the same rate"),
    at_least("short-circuit/floor", 0.90, RATE),
    at_least("short-circuit/workerd", 1.0, RATE),
    at_least("auth-gate/workerd", 1.5, RATE),
    at_least("ab-cookie/workerd", 1.5, RATE),
    at_least("json-2k/workerd", 1.5, RATE),
    at_least("json-100k/workerd", 1.5, RATE),
    at_least("body-untouched/floor", 0.97, "MB/s"),
    at_most("body-untouched/nano_body_bytes", 0.0, "body bytes in nano-host"),
    at_least("stream-identity/workerd", 1.0, "MB/s"),
    at_most("stream-identity/nano_mb_per_stream", 5.0, "MB of peak memory per stream of 10 MB"),
    at_least("stream-upper/workerd", 1.0, "MB/s"),
    at_most("stream-upper/nano_mb_per_stream", 5.0, "MB of peak memory per stream of 10 MB"),
    at_least("text-replace/workerd", 1.0, "MB/s"),
    at_least("subrequest-1/workerd", 1.3, RATE),
    at_least("subrequest-4/workerd", 1.3, RATE),
    at_least("hono/workerd", 1.3, RATE),
    at_most("filter/direct/cpu", 2.0, "CPU time of Envoy per request without a Worker"),
    at_most("cold-start/nano_1kb_p50_ms", 2.0, "ms of the first request, 1 KB"),
    at_most("cold-start/workerd/1kb", 1.0, "p50 of the first request, 1 KB"),
    at_most("cold-start/workerd/hono", 1.0, "p50 of the first request, Hono"),
    at_most("cold-start/workerd/1mb", 1.0, "p50 of the first request, 1 MB"),
    at_most("density/nano_mb_per_worker", 1.0, "MB per idle started Worker"),
    at_most("base/workerd/memory", 1.0, "resident memory with one Worker"),
    at_most("base/workerd/start-up", 1.0, "time until ready with one Worker"),
    at_least("growth/workers-100", 0.95, "requests/s with 100 Workers ÷ with 1"),
    at_least("growth/workers-1000", 0.95, "requests/s with 1,000 Workers ÷ with 1"),
    at_least("growth/workers-10000", 0.95, "requests/s with 10,000 Workers ÷ with 1"),
    at_least("growth/two-cpus", 1.7, "requests/s with 2 CPUs ÷ with 1"),
    at_most("neighbours-16/alone", 3.0, "p99 beside 16 endless loops ÷ alone"),
];

/// The verdicts; aims of scenarios that did not run are left out.
pub fn judge(outcomes: &BTreeMap<&'static str, Outcome>) -> Vec<Verdict> {
    ALL.iter().filter_map(|aim| verdict(*aim, outcomes)).collect()
}

/// Whether a key is that of a scenario: `NAME/…`, or `NAME-N/…` where it has steps.
fn belongs(key: &str, scenario: &str) -> bool {
    let first = key.split('/').next().unwrap_or(key);
    let step = |rest: &str| rest.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok());
    first == scenario
        || (scenario == "neighbours" && first.strip_prefix(scenario).is_some_and(step))
}

fn verdict(aim: Aim, outcomes: &BTreeMap<&'static str, Outcome>) -> Option<Verdict> {
    let outcome = outcomes.iter().find(|(name, _)| belongs(aim.key, name)).map(|found| found.1)?;
    let ratio = outcome.ratios.get(aim.key);
    let figure = outcome.figures.get(aim.key).copied();
    let value = ratio.map(|ratio| ratio.median).or(figure);
    let spread = ratio.map(|ratio| (ratio.min, ratio.max));
    let met = value.is_some_and(|value| match aim.bound {
        Bound::AtLeast(bound) => value >= bound,
        Bound::AtMost(bound) => value <= bound,
    });
    Some(Verdict { key: aim.key, what: aim.what, aim: aim.bound, value, spread, met })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Figure;

    #[test]
    fn bounds_are_met_from_both_sides() {
        let mut outcome = Outcome::default();
        outcome.ratios.insert("header-rewrite/floor".into(), Figure::of(vec![0.8, 0.9, 0.95]));
        outcome.ratios.insert("header-rewrite/floor/p50".into(), Figure::of(vec![1.2]));
        let mut density = Outcome::default();
        density.figures.insert("density/nano_mb_per_worker".into(), 1.0);
        let all = BTreeMap::from([("header-rewrite", outcome), ("density", density)]);
        let verdicts = judge(&all);
        let met: Vec<_> =
            verdicts.iter().map(|each| (each.key, each.met, each.value.is_some())).collect();
        assert_eq!(
            met,
            [
                ("header-rewrite/floor", true, true),
                ("header-rewrite/floor/p50", false, true),
                ("header-rewrite/floor/p99", false, false),
                ("header-rewrite/workerd", false, false),
                ("header-rewrite/workerd/p99", false, false),
                ("density/nano_mb_per_worker", true, true),
            ]
        );
        assert_eq!(verdicts[0].spread, Some((0.8, 0.95)));
    }
}

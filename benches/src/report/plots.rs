//! The plots: ratios against aims, throughput by connections, latencies.

use super::Report;
use super::svg::{COLOURS, Svg};
use crate::aims::{Bound, Verdict};
use crate::outcome::{Latency, Outcome, Throughput};

const GREY: &str = "#999999";
const LIGHT: &str = "#e5e5e5";
const GOOD: &str = COLOURS[2];
const BAD: &str = COLOURS[1];

/// File names and texts.
pub fn all(report: &Report) -> Vec<(String, String)> {
    let mut plots = vec![("aims.svg".to_owned(), aims(&report.aims))];
    for (name, outcome) in &report.scenarios {
        if connections(outcome).len() > 1 {
            plots.push((format!("{name}-throughput.svg"), throughput(name, outcome)));
        }
        if !outcome.latency.is_empty() {
            plots.push((format!("{name}-latency.svg"), latency(name, &outcome.latency)));
        }
    }
    plots
}

/// One row for each aim: what was measured in units of the aim, so that 1 is the line to reach,
/// from the right side for a lower bound and from the left for an upper one.
fn aims(verdicts: &[Verdict]) -> String {
    const ROW: f64 = 22.0;
    let (left, right, top) = (330.0, 760.0, 50.0);
    let height = top + ROW * verdicts.len() as f64 + 20.0;
    let mut svg = Svg::new(880.0, height, "Measured ÷ aim (bars: spread of the rounds)");
    let x = |share: f64| left + (right - left) * share.clamp(0.0, 2.5) / 2.5;
    for half in 0..=5 {
        let mark = f64::from(half) / 2.0;
        let colour = if half == 2 { GREY } else { LIGHT };
        svg.line((x(mark), top - 8.0), (x(mark), height - 15.0), colour, 1.0);
        svg.text((x(mark), top - 12.0), &format!("{mark:.1}"), "middle", 10.0);
    }
    for (row, verdict) in verdicts.iter().enumerate() {
        let y = top + ROW * row as f64 + 8.0;
        let (bound, sign) = match verdict.aim {
            Bound::AtLeast(bound) => (bound, "≥"),
            Bound::AtMost(bound) => (bound, "≤"),
        };
        let share = |value: f64| if bound == 0.0 { value + 1.0 } else { value / bound };
        let colour = if verdict.met { GOOD } else { BAD };
        svg.text((left - 10.0, y + 4.0), &format!("{} {sign} {bound}", verdict.key), "end", 11.0);
        if let Some((min, max)) = verdict.spread {
            svg.line((x(share(min)), y), (x(share(max)), y), colour, 3.0);
        }
        if let Some(value) = verdict.value {
            svg.dot((x(share(value)), y), colour);
            svg.text((right + 15.0, y + 4.0), &format!("{value:.2}"), "start", 11.0);
        } else {
            svg.text((right + 15.0, y + 4.0), "not measured", "start", 11.0);
        }
    }
    svg.finish()
}

/// Requests per second over connections, a line for each variant.
fn throughput(name: &str, outcome: &Outcome) -> String {
    let steps = connections(outcome);
    let (left, right, top, bottom) = (70.0, 520.0, 45.0, 330.0);
    let title = format!("{name}: requests/s by connections (bars: spread of the rounds)");
    let mut svg = Svg::new(660.0, 380.0, &title);
    let most = outcome.throughput.iter().map(|each| each.requests_per_second.max);
    let most = most.fold(1.0, f64::max);
    let y = |rate: f64| bottom - (bottom - top) * rate / most;
    axis(&mut svg, (left, right), most, y);
    let x = |step: usize| left + (right - left) * (step as f64 + 0.5) / steps.len() as f64;
    for (step, connections) in steps.iter().enumerate() {
        svg.text((x(step), bottom + 18.0), &connections.to_string(), "middle", 11.0);
    }
    for (at, variant) in variants(&outcome.throughput).iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let mut last = None;
        let own = outcome.throughput.iter().filter(|each| each.variant == *variant);
        for each in own {
            let rate = &each.requests_per_second;
            let step = steps.iter().position(|step| *step == each.connections).unwrap_or(0);
            // Side by side, so that the spreads can be told apart.
            let here = x(step) + (at as f64 - 3.0) * 4.0;
            svg.line((here, y(rate.min)), (here, y(rate.max)), colour, 1.5);
            svg.dot((here, y(rate.median)), colour);
            if let Some(last) = last.replace((here, y(rate.median))) {
                svg.line(last, (here, y(rate.median)), colour, 1.0);
            }
        }
        legend(&mut svg, right + 20.0, at, variant, colour);
    }
    svg.finish()
}

/// p50 and p99 of each comparison, side by side.
fn latency(name: &str, latencies: &[Latency]) -> String {
    let (left, top, bottom) = (70.0, 45.0, 330.0);
    let right = left + 190.0 * (latencies.len() / 2) as f64;
    let title = format!("{name}: latency in ms at a fixed rate");
    let mut svg = Svg::new(right + 140.0, 380.0, &title);
    let most = latencies.iter().map(|each| each.p99_ms.max).fold(0.01, f64::max);
    let y = |ms: f64| bottom - (bottom - top) * ms / most;
    axis(&mut svg, (left, right), most, y);
    for (at, each) in latencies.iter().enumerate() {
        let start = left + 15.0 + 95.0 * at as f64;
        for (side, (figure, colour)) in
            [(&each.p50_ms, COLOURS[0]), (&each.p99_ms, COLOURS[4])].into_iter().enumerate()
        {
            let x = start + 32.0 * side as f64;
            let height = bottom - y(figure.median);
            svg.rectangle((x, y(figure.median)), (28.0, height), colour);
            svg.line((x + 14.0, y(figure.min)), (x + 14.0, y(figure.max)), "black", 1.2);
        }
        svg.text((start + 30.0, bottom + 16.0), each.variant, "middle", 11.0);
        let rate = format!("{:.0}/s", each.rate_per_second);
        svg.text((start + 30.0, bottom + 31.0), &rate, "middle", 10.0);
    }
    legend(&mut svg, right + 20.0, 0, "p50", COLOURS[0]);
    legend(&mut svg, right + 20.0, 1, "p99", COLOURS[4]);
    svg.finish()
}

/// Four lines with their values.
fn axis(svg: &mut Svg, (left, right): (f64, f64), most: f64, y: impl Fn(f64) -> f64) {
    for part in 0..=4 {
        let value = most * f64::from(part) / 4.0;
        svg.line((left, y(value)), (right, y(value)), LIGHT, 1.0);
        let label = if most >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
        svg.text((left - 8.0, y(value) + 4.0), &label, "end", 10.0);
    }
}

fn legend(svg: &mut Svg, x: f64, row: usize, text: &str, colour: &str) {
    let y = 60.0 + 20.0 * row as f64;
    svg.rectangle((x, y - 9.0), (12.0, 12.0), colour);
    svg.text((x + 18.0, y + 2.0), text, "start", 11.0);
}

fn connections(outcome: &Outcome) -> Vec<usize> {
    let mut all: Vec<usize> = outcome.throughput.iter().map(|each| each.connections).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// In the order in which they were measured.
fn variants(throughput: &[Throughput]) -> Vec<&'static str> {
    let mut all = Vec::new();
    for each in throughput {
        if !all.contains(&each.variant) {
            all.push(each.variant);
        }
    }
    all
}

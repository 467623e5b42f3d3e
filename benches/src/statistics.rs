//! Medians, spreads and percentiles.

use std::time::Duration;

use serde::Serialize;

/// What several rounds gave.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub rounds: Vec<f64>,
}

impl Figure {
    /// # Panics
    /// Without a round: a mistake in this crate.
    pub fn of(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (sorted[0], sorted[sorted.len() - 1]);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Self { median, min, max, rounds }
    }

    /// Round by round, so that what disturbed a round disturbed both sides of its ratio.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self::of(self.rounds.iter().zip(&other.rounds).map(|(mine, its)| mine / its).collect())
    }
}

/// Of one window's latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

impl Percentiles {
    /// # Panics
    /// Without a latency: the load generator fails before.
    pub fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| {
            let rank = (share * latencies.len() as f64).ceil() as usize;
            latencies[rank.clamp(1, latencies.len()) - 1].as_secs_f64() * 1e3
        };
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios() {
        let mine = Figure::of(vec![3.0, 1.0, 2.0, 10.0]);
        assert_eq!([mine.median, mine.min, mine.max].map(|x| (x * 10.0) as u32), [25, 10, 100]);
        let its = Figure::of(vec![1.0, 1.0, 4.0, 5.0]);
        let ratios: Vec<u32> =
            mine.over(&its).rounds.iter().map(|ratio| (ratio * 10.0) as u32).collect();
        assert_eq!(ratios, [30, 10, 5, 20]);
        assert!((mine.over(&its).median - 1.5).abs() < 1e-9);
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let percentiles = Percentiles::of((1..=200).map(Duration::from_millis).rev().collect());
        let Percentiles { p50, p90, p99, max } = percentiles;
        assert_eq!([p50, p90, p99, max].map(|ms| ms.round() as u32), [100, 180, 198, 200]);
        assert!((Percentiles::of(vec![Duration::from_millis(7)]).p99 - 7.0).abs() < 1e-9);
    }
}

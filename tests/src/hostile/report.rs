//! What a run found: a line for each case, a summary, and the same as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::case::Case;
use super::levels::Levels;
use super::run::Outcome;
use super::tenant::Counts;

/// Answers of the good tenant that took so many milliseconds are told, the longest of them.
const SLOW_MS: f32 = 500.0;

/// One run of one case.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub what: String,
    pub took: Duration,
    pub escaped: Option<String>,
    pub waiting_for: Option<String>,
}

impl Row {
    pub fn new(case: &Case, outcome: Outcome) -> Self {
        Self {
            name: case.name.clone(),
            what: case.what.clone(),
            took: outcome.took,
            escaped: outcome.escaped,
            waiting_for: case.waiting_for.clone(),
        }
    }

    /// For people: the verdict, the time, and the reason where there is one.
    pub fn line(&self) -> String {
        let seconds = self.took.as_secs_f64();
        let verdict = match (&self.escaped, &self.waiting_for) {
            (None, None) => "contained".to_owned(),
            (None, Some(_)) => "contained (case.toml still says waiting_for)".to_owned(),
            (Some(why), None) => format!("ESCAPED    {why}"),
            (Some(why), Some(what)) => format!("waits for {what}: {why}"),
        };
        format!("{:<32} {seconds:>6.2} s  {verdict}", self.name)
    }
}

/// A whole run.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    pub rounds: u32,
    pub took: Duration,
    begin: Levels,
    pub end: Option<Levels>,
    /// What was not given back in the end.
    pub leaks: Vec<String>,
    /// The worst run of each case.
    rows: BTreeMap<String, (Row, u32)>,
    good: Counts,
    waiting: Counts,
}

impl Report {
    pub fn new(seed: u64, begin: Levels) -> Self {
        Self {
            seed,
            rounds: 0,
            took: Duration::ZERO,
            begin,
            end: None,
            leaks: Vec::new(),
            rows: BTreeMap::new(),
            good: Counts::default(),
            waiting: Counts::default(),
        }
    }

    pub fn add(&mut self, row: Row) {
        let entry = self.rows.entry(row.name.clone()).or_insert_with(|| (row.clone(), 0));
        entry.1 += 1;
        if entry.0.escaped.is_none() {
            entry.0 = row;
        }
    }

    /// Adds what a good tenant's clients found.
    pub fn count(&mut self, counts: &Counts) {
        add(&mut self.good, counts);
    }

    /// The same, beside cases that can't be contained yet.
    pub fn count_waiting(&mut self, counts: &Counts) {
        add(&mut self.waiting, counts);
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().map(|(row, _)| row)
    }

    /// Cases that should have been contained and were not, a line each.
    pub fn escaped(&self) -> Vec<String> {
        let escaped = self.rows().filter(|row| row.escaped.is_some() && row.waiting_for.is_none());
        escaped.map(Row::line).collect()
    }

    /// Whether nothing is wrong but what is known to be missing.
    pub fn is_good(&self) -> bool {
        self.escaped().is_empty() && self.leaks.is_empty() && self.good.failures == 0
    }

    pub fn summary(&self) -> String {
        let contained = self.rows().filter(|row| row.escaped.is_none()).count();
        let waiting = self.rows().filter(|row| row.escaped.is_some() && row.waiting_for.is_some());
        let mut text = format!(
            "{contained} of {} cases contained, {} wait for what the host lacks; {:.0} s, {} round(s), seed {}\n\
             good tenant: {} requests, {} failed; p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms\n\
             host at first: {}",
            self.rows.len(),
            waiting.count(),
            self.took.as_secs_f64(),
            self.rounds,
            self.seed,
            self.good.requests,
            self.good.failures,
            self.good.quantile_ms(0.5),
            self.good.quantile_ms(0.99),
            self.good.quantile_ms(1.0),
            self.begin,
        );
        // Writing to a String can't fail.
        if let Some(end) = self.end {
            let _ = write!(text, "; in the end: {end}");
        }
        for slow in self.good.slow.iter().filter(|slow| slow.took_ms >= SLOW_MS) {
            let _ = write!(
                text,
                "\n{:.0} ms for {} at {:.0} s ({:.0} ms of it this program was late itself), beside {}",
                slow.took_ms, slow.kind, slow.at_seconds, slow.tester_late_ms, slow.beside,
            );
        }
        for leak in &self.leaks {
            let _ = write!(text, "\nLEFT OVER  {leak}");
        }
        for line in self.escaped() {
            let _ = write!(text, "\n{line}");
        }
        for failure in &self.good.told {
            let _ = write!(text, "\ngood tenant: {failure}");
        }
        text
    }

    pub fn json(&self) -> Value {
        let results: Vec<_> = self
            .rows
            .values()
            .map(|(row, runs)| {
                json!({
                    "name": row.name, "what": row.what, "contained": row.escaped.is_none(),
                    "reason": row.escaped, "waiting_for": row.waiting_for,
                    "seconds": row.took.as_secs_f64(), "runs": runs,
                })
            })
            .collect();
        let waiting = |row: &&Row| row.escaped.is_some() && row.waiting_for.is_some();
        json!({
            "cases": self.rows.len(),
            "contained": self.rows().filter(|row| row.escaped.is_none()).count(),
            "waiting": self.rows().filter(waiting).count(),
            "good_tenant_requests": self.good.requests,
            "good_tenant_failures": self.good.failures,
            "good_tenant_failures_beside_waiting": self.waiting.failures,
            "good_tenant_p50_ms": self.good.quantile_ms(0.5),
            "good_tenant_p99_ms": self.good.quantile_ms(0.99),
            "good_tenant_longest": self.good.slow,
            "seed": self.seed, "rounds": self.rounds, "seconds": self.took.as_secs_f64(),
            "host_at_first": self.begin, "host_in_the_end": self.end, "left_over": self.leaks,
            "results": results,
        })
    }
}

fn add(into: &mut Counts, more: &Counts) {
    into.requests += more.requests;
    into.failures += more.failures;
    into.told.extend(more.told.iter().cloned());
    into.took_ms.extend_from_slice(&more.took_ms);
    into.add_slow(more.slow.iter().cloned());
}

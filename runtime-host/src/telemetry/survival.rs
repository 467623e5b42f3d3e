//! Metrics of what a supervisor knows: they outlive the process that shows them.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// As it is now.
#[derive(Clone, Debug, Default)]
pub struct Survival {
    /// Processes that took the place of one that died.
    pub restarts: u64,
    /// Workers that crashed one.
    pub workers: Vec<Crashes>,
}

#[derive(Clone, Debug)]
pub struct Crashes {
    pub worker: String,
    pub crashes: u64,
    pub quarantined: bool,
}

/// Asks whenever the metrics are asked for.
pub(super) struct Collector(Box<dyn Fn() -> Survival + Send + Sync>);

impl Collector {
    pub fn new(now: impl Fn() -> Survival + Send + Sync + 'static) -> Self {
        Self(Box::new(now))
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = (self.0)();
        let help = "Engine processes that took the place of one that died";
        let restarts = ConstCounter::new(now.restarts);
        let metric =
            encoder.encode_descriptor("engine_restarts", help, None, restarts.metric_type())?;
        restarts.encode(metric)?;

        let help = "Engine processes that died in a turn of the Worker";
        let mut family =
            encoder.encode_descriptor("worker_crashes", help, None, MetricType::Counter)?;
        for worker in &now.workers {
            let labels = [("worker", worker.worker.as_str())];
            ConstCounter::new(worker.crashes).encode(family.encode_family(&labels)?)?;
        }
        let help =
            "1 while the Worker's requests are refused because it crashed engines repeatedly";
        let mut family =
            encoder.encode_descriptor("worker_quarantined", help, None, MetricType::Gauge)?;
        for worker in &now.workers {
            let labels = [("worker", worker.worker.as_str())];
            let quarantined = ConstGauge::new(i64::from(worker.quarantined));
            quarantined.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    #[test]
    fn the_supervisors_figures_are_among_the_metrics() {
        let mut metrics = Metrics::new();
        let worker = |worker: &str, crashes, quarantined| Crashes {
            worker: worker.into(),
            crashes,
            quarantined,
        };
        let workers = vec![worker("bad", 2, true), worker("so \"so\"", 1, false)];
        metrics.report_survival(move || Survival { restarts: 3, workers: workers.clone() });
        let text = metrics.render().expect("rendered");
        for line in [
            "nano_engine_restarts_total 3",
            r#"nano_worker_crashes_total{worker="bad"} 2"#,
            r#"nano_worker_quarantined{worker="bad"} 1"#,
            r#"nano_worker_quarantined{worker="so \"so\""} 0"#,
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}

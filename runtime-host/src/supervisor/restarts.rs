//! How long an engine's place stays empty after its end.

use std::time::Duration;

/// After one that never served, and after one that served for less than [`STEADY`] several times in
/// a row; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause while engines come up and serve: a crash must not cost others a second.
const SERVING_MAX: Duration = Duration::from_millis(400);
/// The longest while they do not even come up.
const FAILING_MAX: Duration = Duration::from_secs(10);
/// An engine that lived this long was no part of a series.
const STEADY: Duration = Duration::from_secs(5);

/// The series of short lives in one place.
#[derive(Debug, Default)]
pub struct Restarts {
    short: u32,
}

impl Restarts {
    /// The pause before the next one. `served`: it got so far; `lived`: since it was started.
    pub fn pause(&mut self, served: bool, lived: Duration) -> Duration {
        if served && lived >= STEADY {
            self.short = 0;
            return Duration::ZERO;
        }
        self.short = self.short.saturating_add(1);
        // The first of a series is replaced at once when it served: that is the usual crash.
        let doubled = if served { self.short.saturating_sub(2) } else { self.short - 1 };
        if served && self.short == 1 {
            return Duration::ZERO;
        }
        let longest = if served { SERVING_MAX } else { FAILING_MAX };
        FIRST_PAUSE.saturating_mul(1 << doubled.min(16)).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_crash_costs_no_pause_and_a_series_longer_ones() {
        let pauses = |lives: &[(bool, u64)]| {
            let mut restarts = Restarts::default();
            let pause = |(served, lived): &(bool, u64)| {
                restarts.pause(*served, Duration::from_secs(*lived)).as_millis()
            };
            lives.iter().map(pause).collect::<Vec<_>>()
        };
        assert_eq!(pauses(&[(true, 60), (true, 5), (true, 60)]), [0, 0, 0]);
        assert_eq!(pauses(&[(true, 1); 7]), [0, 50, 100, 200, 400, 400, 400]);
        let failing = pauses(&[(false, 0); 12]);
        assert_eq!(failing[..4], [50, 100, 200, 400]);
        assert_eq!(failing[11], 10_000);
        assert_eq!(pauses(&[(false, 0), (true, 60), (true, 1)]), [50, 0, 0]);
    }
}

//! Token buckets of tenants, as numbers that any of Envoy's threads may advance.

/// How many requests a bucket lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds in which one token comes.
    interval_ns: u64,
    /// Nanoseconds in which an empty bucket fills.
    full_ns: u64,
}

/// Nanoseconds of a second.
const SECOND_NS: f64 = 1e9;

impl Rate {
    /// `burst` tokens fit into the bucket; both are above zero.
    pub fn new(per_second: f64, burst: u32) -> Self {
        let interval_ns = ((SECOND_NS / per_second) as u64).max(1);
        Self { interval_ns, full_ns: interval_ns.saturating_mul(u64::from(burst.max(1))) }
    }

    /// Takes a token at `now_ns`. A bucket's state is the time at which it is full: 0 for a new one.
    /// The new state, or how many nanoseconds there will be no token for.
    ///
    /// The clock may be set back, and another configuration may have left the state: a bucket is
    /// never emptier than empty.
    pub fn take(&self, full_at_ns: u64, now_ns: u64) -> Result<u64, u64> {
        let missing_ns = full_at_ns.saturating_sub(now_ns).min(self.full_ns);
        let after_ns = missing_ns.saturating_add(self.interval_ns);
        if after_ns > self.full_ns {
            return Err(after_ns - self.full_ns);
        }
        Ok(now_ns.saturating_add(after_ns))
    }
}

/// A bucket as it is stored; anything else that is stored counts as a full one.
pub fn decode(stored: &[u8]) -> u64 {
    stored.try_into().map_or(0, u64::from_le_bytes)
}

/// The reverse.
pub fn encode(full_at_ns: u64) -> [u8; 8] {
    full_at_ns.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_burst_then_the_rate() {
        let rate = Rate::new(10.0, 5);
        let mut state = 0;
        let mut take = |now| rate.take(state, now).map(|next| state = next);
        for _ in 0..5 {
            take(S).unwrap();
        }
        assert_eq!(take(S), Err(S / 10));
        assert_eq!(take(S + S / 20), Err(S / 20));
        take(S + S / 10).unwrap();
        assert!(take(S + S / 10).is_err());
        // Never more than the burst, however long nobody came.
        let admitted = (0..100).filter(|_| take(1000 * S).is_ok()).count();
        assert_eq!(admitted, 5);
    }

    #[test]
    fn over_a_long_time_the_rate_holds() {
        let rate = Rate::new(50.0, 7);
        let (mut state, mut admitted) = (0, 0);
        for now in (S..11 * S).step_by(3_000_000) {
            if let Ok(next) = rate.take(state, now) {
                (state, admitted) = (next, admitted + 1);
            }
        }
        assert!((500..=507).contains(&admitted), "{admitted}");
    }

    #[test]
    fn a_clock_that_goes_back_and_other_rates_do_no_harm() {
        let rate = Rate::new(1.0, 2);
        // State of a far slower configuration, or a clock an hour behind: at most a whole refill.
        assert_eq!(rate.take(u64::MAX, 10 * S), Err(S));
        assert!(rate.take(u64::MAX, 0).is_err());
        // One request in 20 seconds.
        let slow = Rate::new(0.05, 1);
        let state = slow.take(0, S).unwrap();
        assert_eq!(slow.take(state, S), Err(20 * S));
        assert_eq!(decode(&encode(state)), state);
        assert_eq!(decode(b"nonsense!"), 0);
    }
}

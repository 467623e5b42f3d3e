//! Which Workers crashed engines, and what follows: the supervisor's books.

use std::time::Duration;

use super::board::ENTRIES;
use super::record::Tenant;

/// A crash within this time of the one before, or of the end of the quarantine that followed it,
/// is a repeated one.
const WINDOW: Duration = Duration::from_mins(10);

/// The first quarantine; each that follows is twice as long.
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(10);

/// How often a Worker must have been the only one that ran in an engine that was killed, within
/// [`WINDOW`], before that counts as a repeated crash of its.
const SUSPICIONS: u32 = 3;

/// How sure it is that a Worker is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The signal came to the thread that ran it.
    Certain,
    /// The engine was killed from outside (by the kernel for want of memory, perhaps) while no other
    /// Worker ran.
    Suspected,
}

/// What a crash leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its place on the board.
    pub number: usize,
    pub crashes: u64,
    pub until_ms: u64,
    pub quarantine: Option<Duration>,
}

#[derive(Debug)]
struct Entry {
    tenant: Tenant,
    /// Of all versions.
    crashes: u64,
    suspicions: u32,
    suspicions_end_ms: u64,
    /// Quarantines in a row.
    level: u32,
    until_ms: u64,
    probation_end_ms: u64,
}

#[derive(Debug, Default)]
pub struct Ledger(Vec<Entry>);

impl Ledger {
    pub fn crashed(&mut self, tenant: &Tenant, blame: Blame, now_ms: u64) -> Verdict {
        let number = self.place(tenant);
        let entry = &mut self.0[number];
        if entry.tenant.version != tenant.version {
            // A new version begins with a clean record.
            *entry = Entry { crashes: entry.crashes, ..Entry::new(tenant) };
        }
        let repeated = match blame {
            Blame::Certain => {
                entry.crashes += 1;
                let repeated = now_ms < entry.probation_end_ms;
                if !repeated {
                    entry.level = 0;
                }
                entry.probation_end_ms = now_ms + ms(WINDOW);
                repeated
            }
            Blame::Suspected => {
                if now_ms >= entry.suspicions_end_ms {
                    entry.suspicions = 0;
                    if now_ms >= entry.probation_end_ms {
                        entry.level = 0;
                    }
                }
                entry.suspicions += 1;
                entry.suspicions_end_ms = now_ms + ms(WINDOW);
                entry.suspicions >= SUSPICIONS
            }
        };
        let quarantine = repeated.then(|| {
            let length = FIRST.saturating_mul(1 << entry.level.min(16)).min(LONGEST);
            entry.level += 1;
            entry.until_ms = now_ms + ms(length);
            entry.probation_end_ms = entry.until_ms + ms(WINDOW);
            entry.suspicions_end_ms = entry.probation_end_ms;
            length
        });
        Verdict { number, crashes: entry.crashes, until_ms: entry.until_ms, quarantine }
    }

    /// The entry of a Worker. When all are taken, that of the one whose crash is longest ago.
    fn place(&mut self, tenant: &Tenant) -> usize {
        let known = self.0.iter().position(|entry| entry.tenant.worker == tenant.worker);
        if let Some(number) = known {
            return number;
        }
        if self.0.len() < ENTRIES {
            self.0.push(Entry::new(tenant));
            return self.0.len() - 1;
        }
        let last = |entry: &Entry| entry.probation_end_ms.max(entry.suspicions_end_ms);
        let oldest = (0..self.0.len()).min_by_key(|at| last(&self.0[*at])).unwrap_or(0);
        self.0[oldest] = Entry::new(tenant);
        oldest
    }
}

impl Entry {
    fn new(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.clone(),
            crashes: 0,
            suspicions: 0,
            suspicions_end_ms: 0,
            level: 0,
            until_ms: 0,
            probation_end_ms: 0,
        }
    }
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn tenant(worker: &str, version: &str) -> Tenant {
        Tenant { worker: worker.into(), version: version.into() }
    }

    /// Seconds of quarantine after each crash of one Worker, at these times.
    fn after(crashes: &[(Blame, &str, u64)]) -> Vec<u64> {
        let mut ledger = Ledger::default();
        crashes
            .iter()
            .map(|(blame, version, at)| {
                let verdict = ledger.crashed(&tenant("w", version), *blame, *at);
                verdict.quarantine.map_or(0, |length| length.as_secs())
            })
            .collect()
    }

    #[test]
    fn repeated_crashes_lead_to_longer_and_longer_quarantines() {
        use Blame::Certain;
        let at = |minutes: u64| (Certain, "v1", minutes * MINUTE);
        assert_eq!(after(&[at(0), at(9), at(10), at(11)]), [0, 10, 20, 40]);
        assert_eq!(after(&[at(0), at(11), at(22)]), [0, 0, 0], "seldom enough");
        let many: Vec<_> = (0..12).map(|crash| at(crash * 15)).collect();
        assert_eq!(after(&many[..2]), [0, 0]);
        // After the longest one (10 minutes) it is on probation for as long.
        let hourly: Vec<_> = [0, 1, 2, 3, 4, 5, 6, 7, 8, 19, 38, 59].into_iter().map(at).collect();
        let lengths = [0, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 0];
        assert_eq!(after(&hourly), lengths);
    }

    #[test]
    fn a_new_version_begins_anew_and_counts_on() {
        let mut ledger = Ledger::default();
        for (version, crashes, quarantined) in
            [("v1", 1, false), ("v1", 2, true), ("v2", 3, false), ("v2", 4, true)]
        {
            let verdict = ledger.crashed(&tenant("w", version), Blame::Certain, 5);
            assert_eq!((verdict.crashes, verdict.quarantine.is_some()), (crashes, quarantined));
            assert_eq!(verdict.until_ms > 0, quarantined, "the old version's does not stay");
        }
        assert!(ledger.crashed(&tenant("x", "v1"), Blame::Certain, 5).quarantine.is_none());
    }

    #[test]
    fn a_suspicion_alone_is_no_crash() {
        use Blame::Suspected;
        let at = |minutes: u64| (Suspected, "v1", minutes * MINUTE);
        assert_eq!(after(&[at(0), at(1), at(2), at(3)]), [0, 0, 10, 20]);
        assert_eq!(after(&[at(0), at(9), at(20), at(31)]), [0, 0, 0, 0]);
        assert_eq!(after(&[(Blame::Certain, "v1", 0), at(1)]), [0, 0]);
    }

    #[test]
    fn the_books_have_an_end() {
        let mut ledger = Ledger::default();
        for number in 0..2 * ENTRIES as u64 {
            let name = number.to_string();
            let verdict = ledger.crashed(&tenant(&name, "v1"), Blame::Certain, number);
            assert!(verdict.number < ENTRIES);
        }
        // The oldest made room.
        assert_eq!(ledger.crashed(&tenant("0", "v1"), Blame::Certain, 3000).crashes, 1);
        assert_eq!(ledger.crashed(&tenant("2047", "v1"), Blame::Certain, 3000).crashes, 2);
    }
}

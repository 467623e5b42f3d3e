//! Micro benchmarks: what one operation costs without network and proxy, on one thread.
//!
//! The cases live here, in the library, for two programs that run them. `benches/micro.rs` measures
//! times in the release profile. The unit tests' program runs the same cases under valgrind for
//! `cargo xtask bench --instructions` ([`tests`]), because it is there in any case, and one more
//! program with V8 in it would cost each run of CI minutes. All that is public of it is [`CASES`] and
//! how to run one, so that nothing else has to be.
//!
//! An isolate has one context for as long as it lives, so there is no resetting of a context to
//! measure: the creation of an isolate is what takes its place.

mod exchange;
mod isolate;
mod messages;
#[cfg(test)]
mod tests;

use exchange::{CRYPTO_OPERATIONS, Script};

/// One benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    /// What one operation is.
    pub unit: &'static str,
    /// Operations in one round.
    pub operations: u32,
    /// Rounds that are counted, after a third as many that are not.
    pub rounds: u32,
    work: Work,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    /// Messages of Envoy to a Worker, and its replies.
    Exchange(fn() -> Script),
    /// An isolate is made from the snapshot, evaluates a Worker, and is disposed of.
    Isolate,
}

impl Case {
    /// Makes everything that a round needs, and sees to it that one gives what it should. What is
    /// returned runs a round.
    ///
    /// # Panics
    /// When the replies are not those of the case: what is wrong needs no measuring.
    pub fn prepare(&self) -> Box<dyn FnMut()> {
        match self.work {
            Work::Exchange(script) => exchange::prepare(&script()),
            Work::Isolate => isolate::prepare(),
        }
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A case in which an operation is an exchange.
const fn exchange(name: &'static str, script: fn() -> Script) -> Case {
    Case { name, unit: "exchange", operations: 1, rounds: 90, work: Work::Exchange(script) }
}

/// A case of this many operations of another kind in an exchange.
const fn within(operations: u32, unit: &'static str, case: Case) -> Case {
    Case { unit, operations, ..case }
}

/// All of them.
pub const CASES: &[Case] = &[
    exchange("header-rewrite", exchange::header_rewrite),
    exchange("header-rewrite-request", exchange::header_rewrite_request),
    exchange("short-circuit", exchange::short_circuit),
    exchange("json-2k", exchange::json_2k),
    // A collection takes as much as ten of these: more of them, so that one more or less is little.
    Case { rounds: 360, ..exchange("text-100k", exchange::text_100k) },
    exchange("headers-object", exchange::headers_object),
    within(CRYPTO_OPERATIONS, "verification", exchange("hmac-verify", exchange::hmac_verify)),
    within(CRYPTO_OPERATIONS, "KB", exchange("sha256-digest", exchange::sha256_digest)),
    Case { rounds: 12, unit: "MB", ..exchange("stream-identity", exchange::stream_identity) },
    Case { rounds: 3, unit: "MB", ..exchange("stream-upper", exchange::stream_upper) },
    Case { name: "isolate", unit: "isolate", operations: 1, rounds: 9, work: Work::Isolate },
];

//! The rules of the proxy-wasm filter: which requests need a Worker, and what becomes of the others.
//! docs/filter.md is the user's page of the configuration that [`Rules::read`] takes.

mod answer;
mod condition;
mod decide;
mod json;
pub mod rate;
mod read;
mod split;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Reason, Reply};
pub use decide::{Decision, Head, Store, admit};
pub use json::{Problem, Step};
pub use split::Source;

use answer::Maintenance;
use condition::Condition;
use rate::Rate;
use split::Split;

use crate::PatternMap;

/// Request headers that speak to NANO begin with this: from a client they are forged.
pub const INTERNAL_PREFIX: &str = "x-nano-";

/// Filter state that the filter sets for a request with a Worker. Envoy puts [`STATE_PREFIX`]
/// before the keys of a filter in WebAssembly.
pub const STATE_WORKER: &str = "nano_worker";
/// The Worker's `version`, when the configuration has one.
pub const STATE_VERSION: &str = "nano_version";
/// `open` or `closed`, when the configuration says it of the Worker.
pub const STATE_FAILURE_MODE: &str = "nano_failure_mode";
/// What `x-request-id` was when the request came.
pub const STATE_REQUEST_ID: &str = "nano_request_id";
/// Why the filter answered by itself: a [`Reason`]'s name. Without it the request went on.
pub const STATE_ANSWER: &str = "nano_answer";
/// Comes before the names of the filter state elsewhere in Envoy.
pub const STATE_PREFIX: &str = "wasm.";

/// A configuration of the filter, read and checked.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Rules of one pattern are in the order of the configuration.
    routes: PatternMap<Vec<Rule>>,
    /// Of requests that no rule takes.
    default: Option<usize>,
    workers: Vec<Worker>,
    tenants: Vec<Tenant>,
    sizes: Sizes,
    blocked_methods: Vec<String>,
    maintenance: Option<Maintenance>,
    /// Names in lower case; one that ends in `*` stands for all that begin so.
    strip_headers: Vec<String>,
    /// Whether Envoy shall choose the route again for a request with a Worker.
    reroute: bool,
}

/// A Worker that requests may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    pub name: String,
    pub version: Option<String>,
    /// What happens when the Worker can't be run.
    pub failure_mode: Option<FailureMode>,
    tenant: Option<usize>,
}

/// The same words as in `nano.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureMode {
    Open,
    Closed,
}

impl FailureMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// Whose Workers share a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub name: String,
    pub rate: Rate,
}

/// The most that a request may have; 0 is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sizes {
    path_bytes: usize,
    /// Names and values of all headers together.
    header_bytes: usize,
    headers: usize,
}

/// What the rules of a pattern do with the requests that meet their conditions.
#[derive(Clone, Debug)]
struct Rule {
    /// Empty: any.
    methods: Vec<String>,
    headers: Vec<Condition>,
    then: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Worker(usize),
    /// On without a Worker.
    Pass,
    Split(Split),
    Answer(Answer),
}

impl Rules {
    /// The Workers in the order of the configuration.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// Whether Envoy shall choose the route again once the filter state is set.
    pub fn reroute(&self) -> bool {
        self.reroute
    }
}

/// A token of RFC 9110, section 5.6.2.
fn is_header_name(name: &str) -> bool {
    let other = b"!#$%&'*+-.^_`|~";
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || other.contains(&b))
}

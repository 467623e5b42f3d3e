//! The scenarios by name, and what each is to reach.

mod base;
mod bodies;
mod filter;
mod growth;
mod headers;
mod many;
mod neighbours;
mod workers;

use nano_tests::{Error, Result};

use crate::cpus::Cpus;
use crate::ending;
use crate::measure::{HEADLINE, Timing, Traffic};
use crate::outcome::Outcome;
use crate::stack::{Plan, Stack};

/// What a scenario may need to know.
#[derive(Clone, Debug)]
pub struct Setting {
    pub cpus: Cpus,
    pub timing: Timing,
    /// Fewer steps where there are many.
    pub quick: bool,
}

impl Setting {
    /// These numbers of connections, or only the one that is compared by.
    fn connections(&self, all: &[usize]) -> Vec<usize> {
        if self.quick { vec![HEADLINE] } else { all.to_vec() }
    }
}

/// One line of the table.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    run: fn(&'static str, &Setting) -> Result<Outcome>,
}

pub const ALL: &[Scenario] = &[
    Scenario { name: "header-rewrite", run: headers::both_phases },
    Scenario { name: "header-rewrite-request", run: headers::request_phase },
    Scenario { name: "short-circuit", run: headers::short_circuit },
    Scenario { name: "auth-gate", run: workers::auth_gate },
    Scenario { name: "ab-cookie", run: workers::ab_cookie },
    Scenario { name: "json-2k", run: workers::json_rewrite },
    Scenario { name: "json-100k", run: workers::json_rewrite },
    Scenario { name: "body-untouched", run: bodies::untouched },
    Scenario { name: "stream-identity", run: bodies::streamed },
    Scenario { name: "stream-upper", run: bodies::streamed },
    Scenario { name: "text-replace", run: bodies::replaced },
    Scenario { name: "subrequest-1", run: workers::subrequests },
    Scenario { name: "subrequest-4", run: workers::subrequests },
    Scenario { name: "hono", run: workers::hono_application },
    Scenario { name: "filter", run: filter::skipped },
    Scenario { name: "cold-start", run: many::cold_start },
    Scenario { name: "density", run: many::density },
    Scenario { name: "base", run: base::base },
    Scenario { name: "growth", run: growth::growth },
    Scenario { name: "neighbours", run: neighbours::neighbours },
];

impl Scenario {
    pub fn run(&self, setting: &Setting) -> Result<Outcome> {
        (self.run)(self.name, setting)
            .map_err(|error| Error::new(format!("scenario {}: {error}", self.name)))
    }
}

/// The scenarios of these names; all without a name.
pub fn select(names: &[String]) -> Result<Vec<Scenario>> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let of = |name: &String| {
        ALL.iter().find(|scenario| scenario.name == name).copied().ok_or_else(|| {
            let known: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
            Error::new(format!("there is no scenario {name:?}; there are: {}", known.join(", ")))
        })
    };
    names.iter().map(of).collect()
}

/// Starts what the plan says and measures the traffic through it; `look` examines the stack after.
fn traffic(
    name: &str,
    setting: &Setting,
    plan: &Plan,
    traffic: &Traffic,
    look: impl FnOnce(&Stack, &mut Outcome) -> Result<()>,
) -> Result<Outcome> {
    let stack = Stack::start(plan, &setting.cpus)?;
    let mut outcome = Outcome::default();
    let measured = traffic
        .measure(name, &stack, setting.timing, &mut outcome)
        .and_then(|()| look(&stack, &mut outcome));
    match measured {
        Ok(()) => Ok(outcome),
        // Nobody looks for a reason then.
        Err(error) if ending::check().is_err() => Err(error),
        Err(error) => {
            let kept = stack.keep();
            Err(Error::new(format!("{error}\nlogs and configurations: {}", kept.display())))
        }
    }
}

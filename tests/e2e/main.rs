//! End-to-end tests: a client, a real Envoy, the runtime host, an origin.
//!
//! `cargo test -p nano-tests -- WORD` runs the cases whose names contain WORD; the runner is
//! `nano_tests::runner`.

mod bodies;
mod callouts;
mod choice;
mod common;
mod configurations;
mod disconnects;
mod egress;
mod examples;
mod failures;
mod filter;
mod handlers;
mod hostile;
mod isolates;
mod lengths;
mod lifecycle;
mod limits;
mod load;
mod modules;
mod net;
mod observability;
mod programs;
mod reading;
mod snapshot;
mod streaming;
mod survival;
mod trailers;
mod upgrades;
mod upstream;

use std::process::ExitCode;

use nano_tests::runner;

fn main() -> ExitCode {
    let mut themes = vec![common::theme("handlers", handlers::cases())];
    themes.push(common::theme("bodies", {
        let mut cases = bodies::cases();
        cases.extend(lengths::cases());
        cases
    }));
    themes.extend(reading::themes());
    themes.push(common::theme("streaming", streaming::cases()));
    themes.push(common::theme("passing", {
        let mut cases = trailers::cases();
        cases.extend(upgrades::cases());
        cases
    }));
    themes.push(common::theme("failures", {
        let mut cases = failures::cases();
        cases.extend(upstream::cases());
        cases.extend(egress::cases());
        cases.extend(snapshot::cases());
        cases
    }));
    themes.push(common::theme("net", net::cases()));
    themes.push(net::restarting());
    themes.push(common::theme("disconnects", disconnects::cases()));
    themes.push(common::theme("choice", {
        let mut cases = choice::cases();
        cases.extend(observability::cases());
        cases.extend(modules::cases());
        cases
    }));
    themes.push(limits::theme());
    themes.push(load::theme());
    themes.push(hostile::theme());
    themes.extend(lifecycle::themes());
    themes.extend(isolates::themes());
    themes.extend(survival::themes());
    themes.extend(callouts::themes());
    themes.extend(configurations::themes());
    themes.extend(examples::themes());
    themes.extend(programs::themes());
    themes.extend(filter::themes());
    runner::main(themes)
}

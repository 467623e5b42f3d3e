//! End-to-end tests: a client, a real Envoy, the runtime host, an origin.

use std::process::ExitCode;

use nano_tests::runner;

fn main() -> ExitCode {
    runner::main(Vec::new())
}

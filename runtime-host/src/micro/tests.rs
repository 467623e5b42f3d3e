//! Runs the cases: all of them for a moment as a test, and one of them for valgrind.

use super::CASES;
use crate::isolate::platform;

/// The case whose instructions are counted.
const VARIABLE: &str = "NANO_MICRO_CASE";

/// Preparing one verifies what it answers.
#[test]
fn every_case_answers_what_it_should() {
    for case in CASES {
        case.prepare()();
    }
}

/// Run by `cargo xtask bench --instructions`: without the variable it lists the cases, with it the
/// case's rounds are run in [`counted_rounds`].
#[test]
#[ignore = "run under valgrind by `cargo xtask bench --instructions`"]
fn counted() {
    let Some(name) = std::env::var_os(VARIABLE) else {
        for case in CASES {
            println!("case {} {} {}", case.name, case.rounds * case.operations, case.unit);
        }
        return;
    };
    platform::initialize_repeatably();
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("{VARIABLE} names no case: {}", name.display()));
    let mut round = case.prepare();
    // What is made on the first calls is not counted: compiled code, caches of properties.
    for _ in 0..case.rounds.div_ceil(3) {
        round();
    }
    counted_rounds(&mut round, case.rounds);
}

/// Callgrind counts what happens inside of it, and knows it by its name.
#[inline(never)]
fn counted_rounds(round: &mut dyn FnMut(), count: u32) {
    for _ in 0..count {
        round();
    }
}

//! The hostile corpus, once: each of its cases is contained, or waits for what the host lacks, and
//! the good tenant loses no request. (`cargo xtask hostile` is the long form.)

use std::sync::Arc;
use std::time::Duration;

use nano_tests::hostile::arena::{Arena, Ground};
use nano_tests::hostile::campaign::{self, Plan};
use nano_tests::hostile::case::corpus;
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::Stack;

/// Always the same order: what fails here must fail again.
const SEED: u64 = 1;

/// Machines of CI are slow, and busy with other tests' processes.
const LIMIT: Duration = Duration::from_mins(10);

pub fn theme() -> Theme {
    let mut cases = corpus(&[]).expect("the corpus is well formed");
    // Those may end the host, and each needs another one: not in the short form.
    cases.retain(|case| case.waiting_for.is_none());
    let ground = Ground::new().expect("a temporary directory");
    let options = ground.options(&cases);
    let run = move |stack: Arc<Stack>| async move {
        let arena = Arena::around(stack, ground).unwrap_or_else(|error| panic!("{error}"));
        let plan = Plan { cases, seed: SEED, length: None };
        let report = campaign::run(plan, arena, &mut |_| ()).await;
        let report = report.unwrap_or_else(|error| panic!("{error}"));
        assert!(report.is_good(), "{}", report.summary());
        println!("            {}", report.summary().replace('\n', "\n            "));
    };
    Theme {
        name: "hostile",
        stack: Box::new(move || Stack::start(&options)),
        cases: vec![Case::new("corpus_is_contained", run).within(LIMIT)],
        serial: true,
    }
}

//! Workers whose turns no interrupt reaches.

use super::{answering, bundle, commands, host, session, start, text};
use crate::telemetry::metrics::Ran;

/// Its first turn is one call of a built-in function that takes some hundred milliseconds.
const SORTS: &str = "
    let turns = 0;
    const numbers = Float64Array.from({ length: 1 << 20 }, Math.random);
    export default {
      fetch() {
        turns += 1;
        if (turns === 1) numbers.sort();
        return new Response(String(turns));
      },
    };";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_turn_that_held_its_thread_a_worker_has_threads_of_its_own() {
    let host = host();
    host.deploy(bundle("sorts", SORTS).into()).await.expect("it starts");
    host.deploy(bundle("other", &answering("1")).into()).await.expect("it starts");
    let apart = |name| {
        let worker = host.registry.worker(name).expect("it is deployed");
        worker.current().metrics().map(|metrics| metrics.messages(Ran::Apart).get())
    };
    for (name, turn) in [("other", "1"), ("sorts", "1")] {
        assert_eq!(apart(name), Some(0));
        assert_eq!(text(&commands(session(&host, start(Some(name), None))).await), turn);
    }
    for turn in ["2", "3"] {
        let before = apart("sorts");
        assert_eq!(text(&commands(session(&host, start(Some("sorts"), None))).await), turn);
        assert!(apart("sorts") > before, "{before:?}");
    }
    assert_eq!(apart("other"), Some(0));
}

//! Workers whose turns no interrupt reaches.

use super::{answering, bundle, commands, host, session, start, text};
use crate::telemetry::metrics::Ran;

/// Its first turn is one call of a built-in function that takes some hundred milliseconds.
const SORTS: &str = "
    let turns = 0;
    const numbers = new Float64Array(1 << 22).map(Math.random);
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
    let messages = |name, ran| {
        let worker = host.registry.worker(name).expect("it is deployed");
        worker.current().metrics().map_or(0, |metrics| metrics.messages(ran).get())
    };
    let mut inline = Vec::new();
    for turn in ["1", "2", "3"] {
        assert_eq!(text(&commands(session(&host, start(Some("sorts"), None))).await), turn);
        assert_eq!(text(&commands(session(&host, start(Some("other"), None))).await), "1");
        inline.push(["sorts", "other"].map(|name| messages(name, Ran::Inline)));
    }
    // Later messages are also queued, for the thread that is in the isolate since the one before.
    assert_eq!([inline[1][0], inline[2][0]], [inline[0][0]; 2], "{inline:?}");
    assert!(inline[2][1] > inline[1][1], "{inline:?}");
    assert!(messages("sorts", Ran::Apart) > 0);
    assert_eq!(messages("other", Ran::Apart), 0);
}

//! Isolates that come and go: started by a request, disposed of, started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{answering, bundle, commands, host, host_with, session, start, text};
use crate::client::tests::server::{http, reply};
use crate::engine::actor::Actor;
use crate::engine::{Bounds, Host};
use crate::exchange::{Command, FailureMode};
use crate::limits::START_RETRY_FIRST;
use crate::telemetry::Outcome;
use crate::telemetry::metrics::{Eviction, StartCause, WorkerMetrics};

/// Long enough for a loaded machine; a test that passes does not wait for it.
const LONG: Duration = Duration::from_secs(30);

fn metrics(host: &Host, worker: &str) -> WorkerMetrics {
    host.services.metrics.worker(worker)
}

fn actor(host: &Host, worker: &str) -> Arc<Actor> {
    host.registry.worker(worker).expect("it is registered").current()
}

/// How many isolates each has.
fn isolates<const N: usize>(host: &Host, workers: [&str; N]) -> [i64; N] {
    workers.map(|worker| metrics(host, worker).isolates.get())
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LONG, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The text that a Worker answers, once its isolate has nothing to do any more.
async fn ask(host: &Host, worker: &str) -> String {
    let answer = text(&commands(session(host, start(Some(worker), None))).await);
    let actor = actor(host, worker);
    until("rest", || !actor.is_busy()).await;
    answer
}

/// Evicts on a thread that may.
async fn evict(host: &Host, worker: &str) -> bool {
    let actor = actor(host, worker);
    tokio::task::spawn_blocking(move || actor.evict(Eviction::Count)).await.expect("no panic")
}

fn register(host: &Host, worker: &str, source: &str) {
    host.register(Arc::new(bundle(worker, source)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_request_starts_a_registered_worker() {
    let host = host();
    register(&host, "a", &answering("ok"));
    let exposition = host.services.metrics.render().expect("rendered");
    assert!(!exposition.contains("worker=\"a\""), "it has metrics already: {exposition}");
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(async move { ask(&host, "a").await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic"), "ok");
    }
    assert_eq!(isolates(&host, ["a"]), [1]);
    let metrics = metrics(&host, "a");
    assert_eq!(metrics.starts(StartCause::Request).get(), 1);
    assert_eq!(metrics.starts(StartCause::Load).get(), 0);
    assert!(metrics.isolate_memory_bytes.get() > 100_000);
    until("the end of all", || metrics.running.get() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_is_lost_to_evictions() {
    let host = host();
    host.deploy(Arc::new(bundle("a", &answering("ok")))).await.expect("it starts");
    let over = Arc::new(AtomicBool::new(false));
    let evicting = {
        let (host, over) = (Arc::clone(&host), Arc::clone(&over));
        tokio::task::spawn_blocking(move || {
            let mut evicted = 0;
            while !over.load(Ordering::Relaxed) {
                evicted += u64::from(actor(&host, "a").evict(Eviction::Count));
            }
            evicted
        })
    };
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(async move {
                for _ in 0..50 {
                    let answer = commands(session(&host, start(Some("a"), None))).await;
                    assert_eq!(text(&answer), "ok");
                    tokio::time::sleep(Duration::from_micros(300)).await;
                }
            })
        })
        .collect();
    for task in asking {
        task.await.expect("every request is answered");
    }
    over.store(true, Ordering::Relaxed);
    let evicted = evicting.await.expect("no panic");
    assert!(evicted > 5, "only {evicted} evictions");
    let metrics = metrics(&host, "a");
    assert_eq!(metrics.evictions(Eviction::Count).get(), evicted);
    let started =
        metrics.starts(StartCause::Load).get() + metrics.starts(StartCause::Request).get();
    until("the count of what is left", || {
        metrics.isolates.get() == i64::try_from(started - evicted).expect("a small number")
    })
    .await;
    assert!(metrics.isolates.get() <= 1);
    assert_eq!(metrics.requests(Outcome::Ok).get(), 400);
    until("the end of all", || metrics.running.get() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_were_not_used_for_longest_go_first() {
    let host = host_with(Bounds { isolates: 3, ..Bounds::default() });
    for worker in ["a", "b", "c", "d", "e"] {
        register(&host, worker, &answering(worker));
    }
    for worker in ["a", "b", "c", "a", "d"] {
        assert_eq!(ask(&host, worker).await, worker);
    }
    assert_eq!(isolates(&host, ["a", "b", "c", "d", "e"]), [1, 0, 1, 1, 0]);
    assert_eq!(ask(&host, "e").await, "e");
    assert_eq!(isolates(&host, ["a", "b", "c", "d", "e"]), [1, 0, 0, 1, 1]);
    assert_eq!(ask(&host, "b").await, "b");
    assert_eq!(isolates(&host, ["a", "b", "c", "d", "e"]), [0, 1, 0, 1, 1]);
    assert_eq!(metrics(&host, "b").evictions(Eviction::Count).get(), 1);
    assert_eq!(metrics(&host, "a").isolate_memory_bytes.get(), 0);
}

/// A Worker that gets the URL of a server which answers only after the attempts to evict it.
async fn is_kept_while_it_works(source: impl Fn(&str) -> String) {
    let (release, released) = tokio::sync::watch::channel(false);
    let server = http(move |_| {
        let mut released = released.clone();
        async move {
            // Fails when the test is over.
            let _ = released.wait_for(|released| *released).await;
            reply("late")
        }
    })
    .await;
    let host = host();
    let source = source(server.url("/").as_str());
    let mut version = bundle("a", &source);
    version.settings.debug_errors = true;
    host.deploy(Arc::new(version)).await.expect("it starts");
    let running = session(&host, start(Some("a"), None));
    let worker = actor(&host, "a");
    until("the handler's begin", || !worker.is_busy()).await;
    for _ in 0..20 {
        assert!(!evict(&host, "a").await, "{source}");
    }
    // Fails when the Worker never asked.
    let _ = release.send(true);
    assert_eq!(text(&commands(running).await), "done");
    let began = Instant::now();
    while !evict(&host, "a").await {
        assert!(began.elapsed() < LONG, "{source} is never evicted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(isolates(&host, ["a"]), [0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_works_is_not_evicted() {
    is_kept_while_it_works(|url| {
        format!(
            "export default {{ async fetch() {{
                await (await fetch({url:?})).text();
                return new Response('done');
            }} }}"
        )
    })
    .await;
    is_kept_while_it_works(|url| {
        format!(
            "export default {{ fetch(request, env, ctx) {{
                ctx.waitUntil(fetch({url:?}).then((answer) => answer.text()));
                return new Response('done');
            }} }}"
        )
    })
    .await;
    is_kept_while_it_works(|_| {
        "export default { async fetch() {
            await new Promise((resolve) => setTimeout(resolve, 1000));
            return new Response('done');
        } }"
        .to_owned()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bound_gives_way_to_what_works() {
    let host = host_with(Bounds { isolates: 1, ..Bounds::default() });
    let slow = "export default { async fetch() {
        await new Promise((resolve) => setTimeout(resolve, 500));
        return new Response('slow');
    } }";
    register(&host, "slow", slow);
    register(&host, "a", &answering("a"));
    let running = session(&host, start(Some("slow"), None));
    until("its start", || isolates(&host, ["slow"]) == [1]).await;
    assert_eq!(ask(&host, "a").await, "a");
    assert_eq!(text(&commands(running).await), "slow");
    // The next look finds one of them idle.
    until("one isolate", || isolates(&host, ["slow", "a"]).iter().sum::<i64>() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_ones_are_disposed_of_and_come_back() {
    let idle = Some(Duration::from_millis(200));
    let host = host_with(Bounds { idle, ..Bounds::default() });
    host.deploy(Arc::new(bundle("a", &answering("ok")))).await.expect("it starts");
    until("the eviction", || isolates(&host, ["a"]) == [0]).await;
    assert_eq!(ask(&host, "a").await, "ok");
    until("the second eviction", || metrics(&host, "a").evictions(Eviction::Idle).get() == 2).await;
    assert_eq!(metrics(&host, "a").starts(StartCause::Request).get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_memory_together_ends_those_that_were_not_used_for_longest() {
    let one = {
        let host = host();
        register(&host, "a", &answering("ok"));
        ask(&host, "a").await;
        metrics(&host, "a").isolate_memory_bytes.get()
    };
    let bound = usize::try_from(one).expect("a size") * 5 / 2;
    let host = host_with(Bounds { memory_bytes: Some(bound), ..Bounds::default() });
    for worker in ["a", "b", "c", "d"] {
        register(&host, worker, &answering(worker));
        assert_eq!(ask(&host, worker).await, worker);
    }
    until("two isolates", || isolates(&host, ["a", "b", "c", "d"]) == [0, 0, 1, 1]).await;
    assert_eq!(metrics(&host, "a").evictions(Eviction::Memory).get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_failed_is_remembered_for_a_while() {
    let host = host();
    register(&host, "a", "throw new Error('not today'); export default { fetch() {} };");
    let version = Arc::clone(actor(&host, "a").version());
    for _ in 0..5 {
        assert!(ask(&host, "a").await.contains("1105"));
        // A second try would have doubled it.
        assert!(version.refusal().is_some_and(|left| left <= START_RETRY_FIRST));
    }
    let open = session(&host, start(Some("a"), Some(FailureMode::Open)));
    assert_eq!(commands(open).await, [Command::PassThrough]);
    until("the next try", || version.refusal().is_none()).await;
    assert!(ask(&host, "a").await.contains("1105"));
    assert!(version.refusal().is_some_and(|left| left > START_RETRY_FIRST));
    let metrics = metrics(&host, "a");
    assert_eq!(metrics.requests(Outcome::InternalError).get(), 7);
    until("the end of all", || metrics.running.get() == 0).await;
    assert_eq!((metrics.isolates.get(), metrics.starts(StartCause::Request).get()), (0, 0));
    // Another version has to show what it can do by itself.
    register(&host, "a", &answering("better"));
    assert_eq!(ask(&host, "a").await, "better");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_started_once_when_more_are_loaded_than_may_exist() {
    let host = host_with(Bounds { isolates: 2, ..Bounds::default() });
    let names = ["a", "b", "c", "d", "e", "f"];
    let deployed = names.map(|name| host.deploy(Arc::new(bundle(name, &answering(name)))));
    for result in futures_util::future::join_all(deployed).await {
        result.expect("it starts");
    }
    let broken = bundle("b", "throw new Error('broken'); export default {}");
    let refused = host.deploy(Arc::new(broken)).await.expect_err("it throws");
    assert!(refused.to_string().contains("broken"), "{refused}");
    until("two isolates", || isolates(&host, names).iter().sum::<i64>() <= 2).await;
    for name in names {
        assert_eq!(ask(&host, name).await, name);
        assert_eq!(metrics(&host, name).starts(StartCause::Load).get(), 1);
    }
    assert_eq!(isolates(&host, names).iter().sum::<i64>(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_isolate_ends_with_its_version_and_with_its_worker() {
    let host = host();
    host.deploy(Arc::new(bundle("a", &answering("one")))).await.expect("it starts");
    host.deploy(Arc::new(bundle("a", &answering("two")))).await.expect("it starts");
    until("one isolate", || isolates(&host, ["a"]) == [1]).await;
    host.remove("a");
    until("no isolate", || isolates(&host, ["a"]) == [0]).await;
    assert_eq!(metrics(&host, "a").isolate_memory_bytes.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_isolate_at_rest_gives_its_garbage_back() {
    let host = host();
    let garbage = "export default { fetch() {
        for (let i = 0; i < 100; i++) globalThis.last = new Array(20_000).fill(i);
        return new Response('ok');
    } }";
    register(&host, "a", garbage);
    assert_eq!(ask(&host, "a").await, "ok");
    let measured = |rests: bool| {
        let actor = actor(&host, "a");
        let looked = tokio::task::spawn_blocking(move || {
            if rests {
                actor.rest();
            } else {
                actor.measure();
            }
        });
        async {
            looked.await.expect("no panic");
            metrics(&host, "a").isolate_memory_bytes.get()
        }
    };
    let before = measured(false).await;
    let after = measured(true).await;
    assert!(after < before - 1_000_000, "{before} bytes before and {after} after the rest");
    assert_eq!(ask(&host, "a").await, "ok");
}

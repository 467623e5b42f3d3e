//! Several isolates of one Worker: as many as it has work for, while it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use super::{bundle, commands, host_with, session, start, text};
use crate::engine::{Bounds, Host};
use crate::telemetry::Outcome;
use crate::telemetry::metrics::{Eviction, WorkerMetrics};
use crate::worker::Bundle;

/// Long enough for a loaded machine; a test that passes does not wait for it.
const LONG: Duration = Duration::from_mins(1);

/// A Worker with something to do, and up to so many isolates. What it answers tells them apart.
fn busy(isolates: u32, version: u32) -> Arc<Bundle> {
    let source = format!(
        "let served = 0;
         export default {{ fetch() {{
             let sum = 0;
             for (let i = 0; i < 100000; i++) sum += i % 7;
             return new Response(`{version} ${{++served}} ${{sum > 0}}`);
         }} }}"
    );
    let mut bundle = bundle("a", &source);
    bundle.settings.isolates = isolates;
    Arc::new(bundle)
}

fn metrics(host: &Host) -> WorkerMetrics {
    host.services.metrics.worker("a")
}

/// A host that disposes of what is not needed soon.
fn host(isolates: usize) -> Arc<Host> {
    let helper_idle = Duration::from_millis(100);
    host_with(Bounds { isolates, helper_idle, ..Bounds::default() })
}

/// Asks from many clients until `enough`, or for a while; returns the most isolates that were seen.
async fn rush(host: &Arc<Host>, enough: impl Fn(i64) -> bool, at_most: Duration) -> i64 {
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..32)
        .map(|_| {
            let (host, over) = (Arc::clone(host), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let answer = commands(session(&host, start(Some("a"), None))).await;
                    assert!(text(&answer).ends_with("true"));
                }
            })
        })
        .collect();
    let most = AtomicI64::new(0);
    let began = Instant::now();
    while began.elapsed() < at_most && !enough(most.load(Ordering::Relaxed)) {
        most.fetch_max(metrics(host).isolates.get(), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("every request is answered");
    }
    most.load(Ordering::Relaxed)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LONG, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_with_much_to_do_has_several_isolates_for_as_long() {
    let host = host(usize::MAX);
    host.deploy(busy(3, 1)).await.expect("it starts");
    assert_eq!(rush(&host, |most| most >= 3, LONG).await, 3);
    // And no more.
    assert_eq!(rush(&host, |_| false, Duration::from_millis(300)).await, 3);
    let metrics = metrics(&host);
    until("the end of those that nobody needs", || metrics.isolates.get() == 1).await;
    assert_eq!(metrics.evictions(Eviction::Idle).get(), 2);
    until("the end of all", || metrics.running.get() == 0).await;
    assert_eq!(metrics.requests(Outcome::InternalError).get(), 0);
    // The first was there all the time: it counted on.
    let answer = text(&commands(session(&host, start(Some("a"), None))).await);
    let served: u32 = answer.split(' ').nth(1).and_then(|count| count.parse().ok()).expect("one");
    assert!(served > 100, "it answered {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn not_more_than_the_setting_the_threads_and_the_host_allow() {
    let one = host(usize::MAX);
    one.deploy(busy(1, 1)).await.expect("it starts");
    assert_eq!(rush(&one, |_| false, Duration::from_millis(500)).await, 1);
    let threads = host(usize::MAX);
    threads.deploy(busy(0, 1)).await.expect("it starts");
    assert_eq!(rush(&threads, |most| most >= 4, LONG).await, 4);
    assert_eq!(rush(&threads, |most| most > 4, Duration::from_millis(300)).await, 4);
    let full = host(2);
    full.deploy(busy(0, 1)).await.expect("it starts");
    assert_eq!(rush(&full, |most| most >= 2, LONG).await, 2);
    assert_eq!(rush(&full, |most| most > 2, Duration::from_millis(300)).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_version_takes_over_from_all() {
    let host = host(usize::MAX);
    host.deploy(busy(2, 1)).await.expect("it starts");
    assert_eq!(rush(&host, |most| most >= 2, LONG).await, 2);
    host.deploy(busy(2, 2)).await.expect("it starts");
    for _ in 0..20 {
        let answer = text(&commands(session(&host, start(Some("a"), None))).await);
        assert!(answer.starts_with("2 "), "it answered {answer}");
    }
    let metrics = metrics(&host);
    until("the end of the old ones", || metrics.isolates.get() == 1).await;
}

//! A thread inside of a long turn does not hold up what else its tokio worker would do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::driver::Driver;
use crate::limits::Limits;
use crate::telemetry::Outcome;
use crate::worker::Settings;

fn endless(cpu_ms: u64) -> Driver {
    let limits = Limits { cpu_ms, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    Driver::with("export default { fetch() { for (;;); } }", settings)
}

/// Runs one endless turn to its CPU limit.
fn run_turn(driver: &mut Driver, id: u32) {
    driver.effects.clear();
    driver.start_as(id, "GET", "/");
    assert_eq!(driver.finished().map(|f| f.0), Some(Outcome::ExceededCpu));
}

fn runtime(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_stack_size(8 << 20)
        .enable_time()
        .build()
        .expect("a runtime")
}

#[test]
fn tasks_of_a_worker_run_while_its_thread_is_in_a_long_turn() {
    const ROUNDS: u32 = 50;
    const TASKS: usize = 20;
    let runtime = runtime(2);
    let mut driver = endless(100);
    let mut late = 0;
    for round in 1..=ROUNDS {
        let (back, done, ran) = runtime.block_on(async {
            tokio::spawn(async move {
                let began = Instant::now();
                // On this worker's queue, where the turn that follows would hold them up.
                let tasks: Vec<_> =
                    (0..TASKS).map(|_| tokio::spawn(async move { began.elapsed() })).collect();
                run_turn(&mut driver, round);
                let done = began.elapsed();
                let mut ran = Vec::new();
                for task in tasks {
                    ran.push(task.await.expect("no task is lost"));
                }
                (driver, done, ran)
            })
            .await
            .expect("the turn does not panic")
        });
        driver = back;
        assert_eq!(ran.len(), TASKS);
        assert!(done >= Duration::from_millis(100));
        late += usize::from(ran.iter().any(|ran| *ran >= done));
    }
    // The machine may be busy with other tests: the rule must hold, not each time.
    assert!(late <= 2, "in {late} of {ROUNDS} rounds a task waited for the turn's end");
}

/// A Worker whose turn is one host function that takes long.
fn computing(cpu_ms: u64) -> Driver {
    let limits = Limits { cpu_ms, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let source = r#"
        const publicExponent = new Uint8Array([1, 0, 1]);
        const algorithm = { name: "RSA-PSS", hash: "SHA-256", modulusLength: 4096, publicExponent };
        export default {
          async fetch() {
            await crypto.subtle.generateKey(algorithm, false, ["sign"]);
            return new Response("made");
          },
        };
    "#;
    Driver::with(source, settings)
}

#[test]
fn tasks_run_while_a_host_function_computes_for_long() {
    const ROUNDS: u32 = 6;
    let runtime = runtime(2);
    let mut driver = computing(60_000);
    let mut late = 0;
    for round in 1..=ROUNDS {
        let (back, done, ran) = runtime.block_on(async {
            tokio::spawn(async move {
                let began = Instant::now();
                let task = tokio::spawn(async move { began.elapsed() });
                driver.effects.clear();
                driver.start_as(round, "GET", "/");
                let done = began.elapsed();
                (driver, done, task.await.expect("no task is lost"))
            })
            .await
            .expect("the turn does not panic")
        });
        driver = back;
        late += usize::from(ran >= done);
    }
    assert!(late <= 2, "in {late} of {ROUNDS} rounds a task waited for the turn's end");
}

#[test]
fn what_a_host_function_computes_counts() {
    let mut driver = computing(5);
    driver.start_as(1, "GET", "/");
    assert_eq!(driver.finished().map(|f| f.0), Some(Outcome::ExceededCpu));
}

#[test]
fn more_endless_turns_than_workers_leave_room_for_others() {
    let runtime = runtime(2);
    let running = Arc::new(AtomicUsize::new(0));
    let drivers: Vec<_> = (0..5).map(|_| endless(300)).collect();
    let ticks = runtime.block_on(async {
        let mut turns = Vec::new();
        for mut driver in drivers {
            let running = Arc::clone(&running);
            running.fetch_add(1, Ordering::SeqCst);
            turns.push(tokio::spawn(async move {
                run_turn(&mut driver, 1);
                running.fetch_sub(1, Ordering::SeqCst);
                // The worker's core may be elsewhere by now; waiting must still work.
                tokio::time::sleep(Duration::from_millis(1)).await;
                run_turn(&mut driver, 2);
            }));
        }
        let watched = Arc::clone(&running);
        let ticker = tokio::spawn(async move {
            let mut ticks = 0;
            while watched.load(Ordering::SeqCst) == 5 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                ticks += 1;
            }
            ticks
        });
        let ticks = ticker.await.expect("the ticker goes on");
        for turn in turns {
            turn.await.expect("no turn is lost");
        }
        ticks
    });
    assert!(ticks >= 5, "the ticker ran {ticks} times while five turns went on");
}

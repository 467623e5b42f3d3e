//! `neighbours`: one tenant's latency beside others whose Workers compute without end.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use nano_tests::{Error, Result};

use super::Setting;
use super::many::{Many, hello, small_script};
use crate::load::{Closed, Open};
use crate::outcome::Outcome;
use crate::stack::{Plan, Stack};
use crate::statistics::{Figure, Percentiles};
use crate::variant::Variant::Nano;

/// How many others there are, step by step; each step adds to the one before.
const STEPS: [usize; 3] = [1, 4, 16];

/// The tenant's connections.
const CONNECTIONS: usize = 16;

/// Its rate, as a part of what it can do alone: far from saturation, as a proxy is run.
const LOAD: f64 = 0.1;

const LOOP: &str = "export default {\n  fetch() {\n    for (;;);\n  },\n};\n";

/// Everything has both CPUs: Envoy, NANO, and what measures.
pub fn neighbours(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut ratios = vec![Vec::new(); STEPS.len()];
    let mut p99 = vec![Vec::new(); STEPS.len() + 1];
    for _ in 0..if setting.quick { 1 } else { 3 } {
        let round = round(setting)?;
        for (step, latency) in round.iter().enumerate() {
            p99[step].push(*latency);
            if step > 0 {
                ratios[step - 1].push(latency / round[0]);
            }
        }
    }
    outcome.figures.insert(format!("{name}/alone_p99_ms"), Figure::of(p99.remove(0)).median);
    for ((count, ratios), p99) in STEPS.into_iter().zip(ratios).zip(p99) {
        outcome.ratios.insert(format!("{name}-{count}/alone"), Figure::of(ratios));
        outcome.figures.insert(format!("{name}/{count}_p99_ms"), Figure::of(p99).median);
    }
    Ok(outcome)
}

/// p99 in ms: alone, then beside as many others as each step says.
fn round(setting: &Setting) -> Result<Vec<f64>> {
    let most = STEPS[STEPS.len() - 1];
    let good = Many::make("good", 1, &small_script())?;
    let others = Many::make("loop", most, LOOP)?;
    let workers = good.workers.iter().chain(&others.workers).cloned().collect();
    let both = setting.cpus.both().to_vec();
    let plan = Plan { workers, placement: Some((both.clone(), both)), ..good.plan(&[Nano]) };
    let stack = Stack::start(&plan, &setting.cpus)?;
    let target = stack.address(Nano)?;
    let exchanges = [hello(&good.host(0))];
    let timing = setting.timing;
    let closed = Closed {
        connections: CONNECTIONS,
        lead: timing.warm_up,
        window: timing.window,
        at_least: 1,
    };
    let window = closed.run(target, &exchanges, || Ok(()))?;
    let open = Open {
        connections: CONNECTIONS,
        rate: LOAD * window.requests as f64 / window.elapsed.as_secs_f64(),
        lead: timing.lead,
        // A quantum of a long turn is 50 ms, and all of 16 should come round.
        window: timing.latency_window.max(Duration::from_secs(3)),
    };
    let measure = || -> Result<f64> {
        Ok(Percentiles::of(open.run(target, &exchanges, || Ok(()))?.latencies).p99)
    };
    let mut latencies = vec![measure()?];
    let mut asking = Vec::new();
    for count in STEPS {
        while asking.len() < count {
            asking.push(ask(target, &others.host(asking.len()))?);
        }
        // Their isolates enter their loops, and the host notices.
        std::thread::sleep(Duration::from_millis(300));
        let beside = |error| Error::new(format!("beside {count} others: {error}"));
        latencies.push(measure().map_err(beside)?);
    }
    Ok(latencies)
}

/// A request whose answer nobody waits for.
fn ask(target: SocketAddr, host: &str) -> Result<TcpStream> {
    let failed = |error| Error::new(format!("cannot ask a neighbour: {error}"));
    let mut connection = TcpStream::connect(target).map_err(failed)?;
    write!(connection, "GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").map_err(failed)?;
    Ok(connection)
}

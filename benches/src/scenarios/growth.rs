//! `growth`: NANO against itself, with more Workers and with more CPUs.

use nano_tests::{Error, Result};

use super::Setting;
use super::many::{Many, hello, small_script};
use crate::load::{Closed, Exchange};
use crate::measure::HEADLINE;
use crate::outcome::Outcome;
use crate::stack::{Plan, Stack};
use crate::statistics::Figure;
use crate::usage;
use crate::variant::Variant::Nano;

/// Workers among which the work of `two-cpus` is spread: one isolate runs on one CPU at a time.
const BUSY: usize = 8;

/// From so many on Workers are started by their first request: each that is started takes megabytes.
const BY_REQUEST: usize = 1000;

pub fn growth(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let few = Many::make("few", 1, &small_script())?;
    let few_stack = Stack::start(&few.plan(&[Nano]), &setting.cpus)?;
    for count in [100, 1000, 10_000] {
        let many = Many::make("many", count, &small_script())?;
        let started_by_request = count >= BY_REQUEST;
        let plan = Plan { started_by_request, ..many.plan(&[Nano]) };
        let many_stack = Stack::start(&plan, &setting.cpus)?;
        // Requests are one Worker's in both: what the others cost by being there is asked.
        let exchanges = [vec![hello(&few.host(0))], vec![hello(&many.host(count / 2))]];
        let Turns { rates, .. } =
            in_turn(setting, [&few_stack, &many_stack], [&exchanges[0], &exchanges[1]])?;
        outcome.ratios.insert(format!("{name}/workers-{count}"), rates[1].over(&rates[0]));
        let mut mb = [0.0; 2];
        for (at, (count, stack)) in [(1, &few_stack), (count, &many_stack)].into_iter().enumerate()
        {
            mb[at] = anonymous_mb(stack)?;
            let key = format!("{name}/workers-{count}");
            outcome.figures.insert(format!("{key}_mb"), mb[at]);
            outcome.figures.insert(format!("{key}_requests_per_second"), rates[at].median);
            let start_up = stack.nano()?.start_up.as_secs_f64() * 1e3;
            outcome.figures.insert(format!("{key}_start_up_ms"), start_up);
        }
        let kb = (mb[1] - mb[0]) * 1e3 / (count - 1) as f64;
        outcome.figures.insert(format!("{name}/workers-{count}_kb_per_worker"), kb);
    }
    outcome.notes.push(format!(
        "From {BY_REQUEST} Workers on each is started by its first request (`start = \"request\"`)."
    ));
    drop(few_stack);
    two_cpus(name, setting, &mut outcome)?;
    Ok(outcome)
}

fn anonymous_mb(stack: &Stack) -> Result<f64> {
    Ok(usage::memory(stack.nano()?.process.id())?.anonymous as f64 / 1e6)
}

/// Each Worker computes for some milliseconds per request, so that Envoy, load generator and
/// origin, all on the measuring CPU, need little of it, and NANO has one or both CPUs.
fn two_cpus(name: &str, setting: &Setting, outcome: &mut Outcome) -> Result<()> {
    let script = "export default {\n  fetch() {\n    let sum = 0;\n    \
                  for (let at = 0; at < 100_000; at++) sum = (sum + at * at) % 1000003;\n    \
                  return new Response(`${sum}\\n`, { headers: { \"content-type\": \"text/plain\" } });\n  },\n};\n";
    let sum = (0..100_000_u64).fold(0, |sum, at| (sum + at * at) % 1_000_003);
    let many = Many::make("busy", BUSY, script)?;
    let exchanges: Vec<Exchange> = (0..BUSY)
        .map(|number| {
            Exchange::get(&many.host(number), "/", &[])
                .header("content-type", "text/plain")
                .body(format!("{sum}\n"))
        })
        .collect();
    let cpus = &setting.cpus;
    let start = |nano_on: &[usize]| {
        let placement = Some((cpus.measuring().to_vec(), nano_on.to_vec()));
        Stack::start(&Plan { placement, ..many.plan(&[Nano]) }, cpus)
    };
    let (one, two) = (start(cpus.measured())?, start(cpus.both())?);
    let Turns { rates, busy } = in_turn(setting, [&one, &two], [&exchanges, &exchanges])?;
    outcome.ratios.insert(format!("{name}/two-cpus"), rates[1].over(&rates[0]));
    for (side, what) in ["one-cpu", "two-cpus"].into_iter().enumerate() {
        let key = format!("{name}/{what}");
        outcome.figures.insert(format!("{key}_requests_per_second"), rates[side].median);
        outcome.figures.insert(format!("{key}_nano_busy_cpus"), busy[side].median);
    }
    Ok(())
}

/// What two stacks did, round by round.
struct Turns {
    /// Requests per second.
    rates: [Figure; 2],
    /// CPUs that NANO kept busy.
    busy: [Figure; 2],
}

/// Measures two stacks in turn.
fn in_turn(setting: &Setting, stacks: [&Stack; 2], exchanges: [&[Exchange]; 2]) -> Result<Turns> {
    let timing = setting.timing;
    let (mut rates, mut busy) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..=timing.rounds {
        for side in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            let nano = stacks[side].nano()?.process.id();
            let closed = Closed {
                connections: HEADLINE,
                lead: timing.lead,
                window: timing.window,
                at_least: 1,
            };
            let window = closed
                .run(stacks[side].address(Nano)?, exchanges[side], || usage::cpu(nano))
                .map_err(|error| Error::new(format!("{}: {error}", ["first", "second"][side])))?;
            // The first round warms up.
            if round > 0 {
                let seconds = window.elapsed.as_secs_f64();
                rates[side].push(window.requests as f64 / seconds);
                busy[side].push(window.after.saturating_sub(window.before).as_secs_f64() / seconds);
            }
        }
    }
    Ok(Turns { rates: rates.map(Figure::of), busy: busy.map(Figure::of) })
}

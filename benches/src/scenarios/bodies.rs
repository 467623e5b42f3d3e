//! Scenarios with bodies of 10 MB.

use nano_tests::Result;

use super::{Setting, headers, traffic};
use crate::data;
use crate::floor::{Answer, EDGE};
use crate::load::Exchange;
use crate::measure::Traffic;
use crate::outcome::Outcome;
use crate::servers::Worker;
use crate::stack::{Plan, Stack};
use crate::variant::Variant::{self, Floor, FloorBody, Nano, Workerd};

/// Large bodies at a time.
const CONNECTIONS: usize = 4;

/// `body-untouched`.
pub fn untouched(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let text = data::text(data::LARGE);
    let exchange = Exchange::post("bench.test", "/text/10m", &[], text.as_bytes())
        .header("x-seen-bytes", &data::LARGE.to_string())
        .body(text);
    let exchange = headers::changed_both_ways(exchange);
    let variants = [Floor, Nano];
    let plan = Plan::new(&variants, Worker::of_benches(name)).floor(Answer::Headers, true);
    traffic(name, setting, &plan, &large(&variants, exchange), |stack, outcome| {
        let seen = stack.nano()?.body_bytes()?;
        outcome.figures.insert(format!("{name}/nano_body_bytes"), seen);
        Ok(())
    })
}

/// `stream-identity` and `stream-upper`.
pub fn streamed(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let text = data::text(data::LARGE);
    let text = if name == "stream-upper" { text.to_ascii_uppercase() } else { text };
    let exchange = Exchange::get("bench.test", "/text/10m", &[]).body(text);
    let plan = Plan::new(&[Nano, Workerd], Worker::of_benches(name));
    let wanted = large(&[Nano, Workerd], exchange);
    traffic(name, setting, &plan, &wanted, |_, outcome| {
        memory_per_stream(name, outcome);
        Ok(())
    })
}

/// `text-replace`. Whole texts are read before the answer begins, which `reads_responses` is for.
pub fn replaced(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let (from, to) = data::WORDS;
    let exchange = Exchange::get("bench.test", "/text/10m", &[]).header(EDGE.0, EDGE.1);
    let text = data::text(data::LARGE);
    let replaced = text.replace(from, to);
    let variants = [FloorBody, Nano, Workerd];
    let plan = Plan {
        reads_responses: true,
        floor: (Answer::Collected, true),
        ..Plan::new(&variants, Worker::of_benches(name))
    };
    let wanted = Traffic {
        unchanged: vec![exchange.clone().body(text)],
        ..large(&variants, exchange.body(replaced))
    };
    traffic(name, setting, &plan, &wanted, |_: &Stack, outcome| {
        memory_per_stream(name, outcome);
        Ok(())
    })
}

fn large(variants: &[Variant], exchange: Exchange) -> Traffic {
    Traffic {
        connections: vec![CONNECTIONS],
        headline: CONNECTIONS,
        bodies: true,
        ..Traffic::new(variants, vec![exchange])
    }
}

/// What each of the streams added to the resident memory at most, garbage included.
fn memory_per_stream(name: &str, outcome: &mut Outcome) {
    for memory in &outcome.memory {
        let grown = (memory.peak_mb - memory.idle_mb) / CONNECTIONS as f64;
        outcome.figures.insert(format!("{name}/{}_mb_per_stream", memory.variant), grown);
    }
}

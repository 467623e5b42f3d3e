//! The tables that people read.

use super::Report;
use crate::aims::Bound;
use crate::outcome::Outcome;
use crate::statistics::Figure;
use crate::text::add;

/// One line of text at the end of a String.
macro_rules! line {
    ($to:expr, $($text:tt)*) => {
        add($to, format_args!("{}\n", format_args!($($text)*)))
    };
}

pub fn document(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    line!(&mut text, "# Benchmark of {}, {}\n", report.date, machine.class());
    let (cpus, memory) = (machine.cpus, machine.memory_gb);
    let processor = &machine.processor;
    line!(&mut text, "{cpus} CPUs ({processor}), {memory} GiB, Linux {}.", machine.kernel);
    if report.quick {
        line!(&mut text, "A quick run: few and short rounds, so the spread is wide.");
    }
    line!(&mut text, "`benches/README.md` says how this is measured and what each key means.\n");
    aims(&mut text, report);
    for (name, outcome) in &report.scenarios {
        line!(&mut text, "## {name}\n");
        throughput(&mut text, outcome);
        latency(&mut text, outcome);
        memory_table(&mut text, outcome);
        figures(&mut text, outcome);
        for note in &outcome.notes {
            line!(&mut text, "{note}\n");
        }
    }
    text
}

fn aims(text: &mut String, report: &Report) {
    let met = report.aims.iter().filter(|verdict| verdict.met).count();
    line!(text, "## Aims: {met} of {} met\n", report.aims.len());
    line!(text, "| key | what | aim | measured | spread | |\n|---|---|---|---|---|---|");
    for verdict in &report.aims {
        let aim = match verdict.aim {
            Bound::AtLeast(bound) => format!("≥ {bound}"),
            Bound::AtMost(bound) => format!("≤ {bound}"),
        };
        let spread =
            verdict.spread.map_or_else(String::new, |(min, max)| format!("{min:.2} – {max:.2}"));
        let met = if verdict.met { "met" } else { "**missed**" };
        let value = verdict.value.map_or_else(|| "not measured".to_owned(), |v| format!("{v:.2}"));
        let (key, what) = (verdict.key, verdict.what);
        line!(text, "| `{key}` | {what} | {aim} | {value} | {spread} | {met} |");
    }
    line!(text, "");
}

fn throughput(text: &mut String, outcome: &Outcome) {
    if outcome.throughput.is_empty() {
        return;
    }
    let bodies = outcome.throughput.iter().any(|each| each.megabytes_per_second.is_some());
    let megabytes = if bodies { " MB/s |" } else { "" };
    line!(
        text,
        "| connections | variant | requests/s | spread |{megabytes} CPU ms per 1,000: Envoy | \
         server | origin | load |\n|---|---|---|---|{}---|---|---|---|",
        if bodies { "---|" } else { "" }
    );
    for each in &outcome.throughput {
        let cpu = |name: &str| {
            let figure = each.cpu_ms_per_1000.get(name);
            figure.map_or_else(|| "–".to_owned(), |figure| format!("{:.1}", figure.median))
        };
        let rate = &each.requests_per_second;
        let megabytes =
            each.megabytes_per_second.map_or_else(String::new, |rate| format!(" {rate:.0} |"));
        line!(
            text,
            "| {} | {} | {} | {} – {} |{megabytes} {} | {} | {} | {} |",
            each.connections,
            each.variant,
            number(rate.median),
            number(rate.min),
            number(rate.max),
            cpu("envoy"),
            cpu("server"),
            cpu("origin"),
            cpu("load"),
        );
    }
    line!(text, "");
}

fn latency(text: &mut String, outcome: &Outcome) {
    if outcome.latency.is_empty() {
        return;
    }
    line!(
        text,
        "Latency in ms, open loop, both at the same rate; spread of the rounds in brackets.\n"
    );
    line!(text, "| requests/s | variant | p50 | p90 | p99 | max |\n|---|---|---|---|---|---|");
    let cell =
        |figure: &Figure| format!("{:.2} ({:.2} – {:.2})", figure.median, figure.min, figure.max);
    for each in &outcome.latency {
        line!(
            text,
            "| {:.0} | {} | {} | {} | {} | {} |",
            each.rate_per_second,
            each.variant,
            cell(&each.p50_ms),
            cell(&each.p90_ms),
            cell(&each.p99_ms),
            cell(&each.max_ms),
        );
    }
    line!(text, "");
}

fn memory_table(text: &mut String, outcome: &Outcome) {
    if outcome.memory.is_empty() {
        return;
    }
    line!(text, "| memory in MB | before | peak | after | anonymous |\n|---|---|---|---|---|");
    for each in &outcome.memory {
        let variant = each.variant;
        line!(
            text,
            "| {variant} | {:.1} | {:.1} | {:.1} | {:.1} |",
            each.idle_mb,
            each.peak_mb,
            each.resident_mb,
            each.anonymous_mb,
        );
    }
    line!(text, "");
}

fn figures(text: &mut String, outcome: &Outcome) {
    if !outcome.figures.is_empty() {
        line!(text, "| figure | value |\n|---|---|");
        for (key, value) in &outcome.figures {
            line!(text, "| `{key}` | {value:.2} |");
        }
        line!(text, "");
    }
    if !outcome.ratios.is_empty() {
        line!(text, "| NANO ÷ other | median | spread |\n|---|---|---|");
        for (key, ratio) in &outcome.ratios {
            let Figure { median, min, max, .. } = ratio;
            line!(text, "| `{key}` | {median:.3} | {min:.3} – {max:.3} |");
        }
        line!(text, "");
    }
}

/// With a comma between thousands.
fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_have_commas() {
        let shown = [9.96, 100.0, 9_999.6, 1_234_567.0].map(super::number);
        assert_eq!(shown, ["10.0", "100", "10,000", "1,234,567"]);
    }
}

//! Codecs and HTML rewriters belong to their request.

use super::driver::{Driver, respond, upstream};
use crate::exchange::{Close, Command, Event, OutBody, Side};
use crate::telemetry::Outcome;

const SIDE: Side = Side::Response;

const REWRITES: &str = "export default { async fetch(request) {
    const upstream = await fetch(request);
    const rewriter = new HTMLRewriter().on('p', {
        async element(p) { await new Promise((done) => setTimeout(done, 5)); p.append('!'); },
    });
    return rewriter.transform(upstream);
} }";

fn begin(source: &str) -> Driver {
    let mut worker = Driver::new(source);
    worker.start("GET", "/");
    let commands = worker.event(upstream(200));
    assert_eq!(respond(&commands).body, OutBody::Stream);
    worker
}

fn written(commands: &[Command]) -> String {
    let pieces = commands.iter().filter_map(|command| match command {
        Command::Body(_, bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    pieces.collect()
}

#[test]
fn a_page_is_rewritten_as_it_comes_and_its_rewriter_freed() {
    let mut worker = begin(REWRITES);
    // What comes before a handler that waits goes out at once.
    assert_eq!(written(&worker.event(Event::Chunk(SIDE, "a<p>b".into()))), "a");
    assert_eq!(worker.instance.resources(), 1);
    worker.fire_timers(1);
    assert_eq!(written(&worker.commands()), "<p>b");
    assert_eq!(written(&worker.event(Event::Chunk(SIDE, "</p>c".into()))), "!</p>c");
    let commands = worker.event(Event::End(SIDE));
    assert!(commands.contains(&Command::BodyEnd(SIDE)), "{commands:?}");
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
    assert_eq!(worker.instance.resources(), 0);
}

#[test]
fn a_page_that_is_given_up_in_a_handler_is_freed() {
    let mut worker = begin(REWRITES);
    worker.event(Event::Chunk(SIDE, "a<p>b".into()));
    assert_eq!(worker.instance.resources(), 1);
    let before = worker.instance.buffer_bytes();
    worker.event(Event::Closed(Close::Disconnected));
    worker.fire_timers(1);
    assert_eq!(worker.instance.running(), 0);
    assert_eq!(worker.instance.resources(), 0);
    assert!(worker.instance.buffer_bytes() + 100_000 < before);
}

#[test]
fn a_handler_that_throws_cuts_the_page_off() {
    let mut worker = begin(
        "export default { async fetch(request) {
            const rewriter = new HTMLRewriter().on('p', { element() { throw new Error('boom'); } });
            return rewriter.transform(await fetch(request));
        } }",
    );
    let commands = worker.event(Event::Chunk(SIDE, "a<p>b".into()));
    assert!(
        commands.iter().any(|command| matches!(command, Command::BodyError(..))),
        "{commands:?}"
    );
    let (outcome, error) = worker.finished().expect("it is over");
    assert_eq!(outcome, Outcome::Exception);
    assert!(error.is_some_and(|error| error.contains("boom")));
    assert_eq!(worker.instance.resources(), 0);
}

#[test]
fn a_handler_that_never_ends_is_ended_by_the_cpu_limit() {
    let mut settings = crate::worker::Settings::default();
    settings.limits.cpu_ms = 30;
    let mut worker = Driver::with(
        "export default { async fetch(request) {
            const rewriter = new HTMLRewriter().on('p', { element() { for (;;); } });
            return rewriter.transform(await fetch(request));
        } }",
        settings,
    );
    worker.start("GET", "/");
    worker.event(upstream(200));
    worker.event(Event::Chunk(SIDE, "a<p>b".into()));
    assert_eq!(worker.finished().map(|over| over.0), Some(Outcome::ExceededCpu));
    assert_eq!(worker.instance.resources(), 0);
}

#[test]
fn a_bomb_is_unpacked_no_faster_than_it_is_read() {
    let mut worker = begin(
        "export default { async fetch(request) {
            const upstream = await fetch(request);
            return new Response(upstream.body.pipeThrough(new DecompressionStream('gzip')), upstream);
        } }",
    );
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..200 {
        std::io::Write::write_all(&mut bomb, &vec![0; 1024 * 1024]).expect("memory");
    }
    let bomb = bomb.finish().expect("memory");
    let commands = worker.event(Event::Chunk(SIDE, bomb.into()));
    let written: usize = commands
        .iter()
        .map(|command| if let Command::Body(_, bytes) = command { bytes.len() } else { 0 })
        .sum();
    assert!((1..=1024 * 1024).contains(&written), "{written}");
    assert!(worker.instance.buffer_bytes() < 4 * 1024 * 1024);
    worker.event(Event::Closed(Close::Disconnected));
    assert_eq!(worker.instance.resources(), 0);
}

#[test]
fn codecs_work_while_modules_are_evaluated() {
    let mut worker = Driver::new(
        "const packed = new Blob(['text']).stream().pipeThrough(new CompressionStream('deflate'));
        const text = await new Response(packed.pipeThrough(new DecompressionStream('deflate'))).text();
        export default { fetch() { return new Response(text) } }",
    );
    assert_eq!(worker.instance.resources(), 0);
    let commands = worker.start("GET", "/");
    assert_eq!(super::driver::text(&respond(&commands).body), "text");
}

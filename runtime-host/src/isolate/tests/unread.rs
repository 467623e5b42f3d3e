//! Handlers that never look at the upstream's response, and those that do.

use super::driver::{Driver, begin, respond, text, upstream};
use crate::exchange::{Command, OutBody, Respond};
use crate::isolate::message::Message;
use crate::telemetry::Outcome;

/// What the handlers below share.
const PRELUDE: &str = "
    import { WorkerEntrypoint } from 'cloudflare:workers';
    const say = (said) => { globalThis.said = String(said) };
    const log = (response) => say(response.status);
    const look = async (p) => { await scheduler.wait(1); await p.then(log, say) };
    const proxied = async (request) => fetch(request);
    const patient = async (request) => { await 0; return fetch(request) };
    const later = async (p) => { await 0; return p };
    const ticks = async (n) => { for (let i = 0; i < n; i++) await 0 };
    const changed = (request) => new Request(request, { headers: { a: '1' } });
";

/// A Worker with this handler, until it said something: the next request is told.
fn worker(handler: &str) -> Driver {
    Driver::new(&format!(
        "{PRELUDE}
        const handler = {{ {handler} }};
        const tell = () => new Response(globalThis.said);
        export default {{ get fetch() {{ return globalThis.said === undefined ? handler.fetch : tell }} }}"
    ))
}

fn said(worker: &mut Driver) -> String {
    text(&respond(&worker.start_as(1000, "GET", "/")).body)
}

fn is_unseen(commands: &[Command]) -> bool {
    assert!(matches!(commands.first(), Some(Command::Continue(_))), "{commands:?}");
    let unseen = commands.len() == 2;
    if unseen {
        assert_eq!(*respond(commands), Respond { head: None, body: OutBody::AsItCame });
    }
    unseen
}

/// Runs one request to its end; true when the response phase was not needed.
fn skips(worker: &mut Driver) -> bool {
    let commands = worker.start("GET", "/");
    let unseen = is_unseen(&commands);
    if !unseen {
        let commands = worker.event(upstream(203));
        assert_eq!(respond(&commands).head.as_ref().map_or(203, |h| h.status), 203);
    }
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
    assert_eq!(worker.instance.running(), 0);
    unseen
}

#[test]
fn a_handler_that_returns_the_fetch_needs_no_response_phase() {
    for handler in [
        "fetch(request) { return fetch(request) }",
        "fetch: (request) => fetch(request)",
        "async fetch(request) { return fetch(request) }",
        "fetch: async (request) => fetch(changed(request))",
        "async fetch(request) { await 0; return fetch(request, { headers: { a: '1' } }) }",
        "async fetch(request) {
            await crypto.subtle.digest('SHA-256', new Uint8Array(8));
            const p = fetch(request); await ticks(3); return p }",
        "async fetch(request) { try { return fetch(request) } catch { return new Response('no') } }",
        "async fetch(request) { const p = fetch(request); p.name = 'mine'; return p }",
        "async fetch(request, env, ctx) { ctx.waitUntil(ticks(9)); return fetch(request) }",
        "async fetch(request) { return proxied(request) }",
        "async fetch(request) { await 0; const p = proxied(request); await ticks(9); return p }",
        "fetch(request) { return proxied(request) }",
        "fetch(request) { return new Promise((resolve) => resolve(fetch(request))) }",
        "fetch: proxied.bind(null)",
        "fetch(request) { return patient(request) }",
    ] {
        assert!(skips(&mut worker(handler)), "{handler}");
    }
    let mut class = Driver::new(&format!(
        "{PRELUDE} export default class extends WorkerEntrypoint {{
            async fetch(request) {{ await 0; return fetch(request) }} }}"
    ));
    assert!(skips(&mut class));
}

#[test]
fn a_handler_that_looks_at_the_response_gets_it() {
    for handler in [
        "async fetch(request) { const r = await fetch(request); return r }",
        "async fetch(request) { return await fetch(request) }",
        "async fetch(request) { return await proxied(request) }",
        "async fetch(request) { const r = await proxied(request); log(r); return r }",
        "async fetch(request) { const r = await later(proxied(request)); log(r); return r }",
        "fetch(request) { return fetch(request).then(r => r) }",
        "async fetch(request) { return fetch(request).finally(() => {}) }",
        "async fetch(request) { const [r] = await Promise.all([fetch(request)]); return r }",
        "async fetch(request) { return Promise.race([fetch(request), new Promise(() => {})]) }",
        "async fetch(request) { return Promise.any([proxied(request)]) }",
        // These follow their helper before that goes on: nobody watched who else did.
        "async fetch(request) { return patient(request) }",
        "async fetch(request) { return later(proxied(request)) }",
        "async fetch(request) { const inner = async () => fetch(request).then(r => new Response(r.body, r)); return inner() }",
        "async fetch(request) { const inner = async () => { await 0; const r = await fetch(request); return new Response(r.body, r) }; return inner() }",
        "async fetch(request) { const p = fetch(request); const t = p.then; return t.call(p, r => r) }",
        "async fetch(request) { const p = fetch(request); return Promise.resolve().then(p.then.bind(p, r => r)) }",
        "async fetch(request) { for await (const r of [fetch(request)]) return r }",
        "async fetch(request) { const g = (async function* () { yield fetch(request) })(); return (await g.next()).value }",
        "async fetch(request) { return { then(resolve) { fetch(request).then(resolve) } } }",
    ] {
        assert!(!skips(&mut worker(handler)), "{handler}");
    }
}

#[test]
fn who_else_listens_in_the_same_turn_gets_the_response() {
    for (what, handler) in [
        (
            "before",
            "async fetch(request, env, ctx) { const p = fetch(request); ctx.waitUntil(p.then(log)); return p }",
        ),
        (
            "plain",
            "fetch(request, env, ctx) { const p = fetch(request); ctx.waitUntil(p.then(log)); return p }",
        ),
        (
            "awaits",
            "async fetch(request, env, ctx) { const p = fetch(request); ctx.waitUntil((async () => log(await p))()); return p }",
        ),
        (
            "all",
            "async fetch(request, env, ctx) { const p = fetch(request); Promise.all([p]).then(([r]) => log(r)); return p }",
        ),
        (
            "iterates",
            "async fetch(request, env, ctx) { const p = fetch(request); (async () => { for await (const r of [p]) log(r) })(); return p }",
        ),
        (
            "afterwards",
            "async fetch(request) { const p = fetch(request); ticks(9).then(() => p.then(log)); return p }",
        ),
        (
            "plain, afterwards",
            "fetch(request) { const p = fetch(request); ticks(9).then(() => p.then(log)); return p }",
        ),
        (
            "bound",
            "async fetch(request) { const p = fetch(request); queueMicrotask(p.then.bind(p, log)); return p }",
        ),
        (
            "follows",
            "async fetch(request) { const p = fetch(request); later(p).then(log); return p }",
        ),
        (
            "both follow",
            "async fetch(request) { const p = fetch(request); const a = (async () => p)(); const b = (async () => p)(); a.then(log); return b }",
        ),
        ("helper", "async fetch(request) { const p = proxied(request); p.then(log); return p }"),
        (
            "helper, afterwards",
            "async fetch(request) { const p = proxied(request); ticks(9).then(() => p.then(log)); return p }",
        ),
        (
            "helper is followed twice",
            "async fetch(request) { const p = proxied(request); ticks(5).then(() => later(p)).then(log); return p }",
        ),
        ("result", "fetch(request) { const p = proxied(request); p.then(log); return p }"),
        (
            "result, afterwards",
            "fetch(request) { const p = proxied(request); ticks(9).then(() => p.then(log)); return p }",
        ),
        (
            "result, before the fetch",
            "fetch(request) { const p = patient(request); queueMicrotask(() => p.then(log)); return p }",
        ),
    ] {
        let mut worker = worker(handler);
        assert!(!skips(&mut worker), "{what}");
        assert_eq!(said(&mut worker), "203", "{what}");
    }
}

#[test]
fn who_looks_in_a_later_turn_gets_a_rejection_that_says_why() {
    for (what, handler) in [
        ("async", "async fetch(request, env, ctx) { const p = fetch(request); ctx.waitUntil(look(p)); return p }"),
        ("plain", "fetch(request, env, ctx) { const p = fetch(request); ctx.waitUntil(look(p)); return p }"),
        ("helper", "async fetch(request, env, ctx) { const p = proxied(request); ctx.waitUntil(look(p)); return p }"),
        ("result", "fetch(request, env, ctx) { const p = proxied(request); ctx.waitUntil(look(p)); return p }"),
        // The one listener that V8's hook does not tell of.
        (
            "iterates after the result followed",
            "async fetch(request) { const p = fetch(request);
                (async () => { await ticks(9); for await (const r of [p]) log(r) })().catch(say); return p }",
        ),
    ] {
        let mut worker = worker(handler);
        assert!(is_unseen(&worker.start("GET", "/")), "{what}");
        worker.fire_timers(1);
        assert_eq!(worker.finished(), Some((Outcome::Ok, None)), "{what}");
        assert_eq!(worker.instance.running(), 0);
        let said = said(&mut worker);
        assert!(said.starts_with("TypeError: The upstream's response went"), "{what}: {said}");
    }
}

#[test]
fn a_fetch_that_is_returned_in_a_later_turn_has_its_response_phase() {
    let mut worker = worker(
        "async fetch(request) { const p = fetch(request); await scheduler.wait(1); return p }",
    );
    assert!(!is_unseen(&worker.start("GET", "/")));
    worker.fire_timers(1);
    assert!(worker.commands().is_empty());
    respond(&worker.event(upstream(203)));
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
}

#[test]
fn a_fetch_after_the_first_turn_is_unseen_when_only_the_host_has_the_result() {
    let commands = |handler: &str| {
        let mut worker = worker(handler);
        assert_eq!(worker.start("GET", "/"), []);
        worker.fire_timers(1);
        worker.commands()
    };
    assert!(is_unseen(&commands(
        "async fetch(request) { await scheduler.wait(1); return proxied(request) }"
    )));
    // Somebody may have kept the promise that this function returned, and listened to it.
    assert!(!is_unseen(&commands(
        "fetch(request) { return (async () => { await scheduler.wait(1); return fetch(request) })() }"
    )));
}

#[test]
fn a_signal_of_its_own_keeps_the_response_in_reach() {
    assert!(!skips(&mut worker(
        "async fetch(request) { return fetch(request, { signal: new AbortController().signal }) }"
    )));
    assert!(!skips(&mut worker(
        "fetch(request) { return fetch(request, { signal: new AbortController().signal }) }"
    )));
    assert!(skips(&mut worker("async fetch(request) { return fetch(new Request(request)) }")));
}

#[test]
fn a_tampered_promise_gets_its_response() {
    for (what, handler) in [
        ("then", "async fetch(request) { const then = Promise.prototype.then; Promise.prototype.then = function (...a) { return then.apply(this, a) }; return fetch(request) }"),
        ("own then", "async fetch(request) { const p = fetch(request); const { then } = p; p.then = (a, b) => then.call(p, a, b); return p }"),
        ("getter", "async fetch(request) { const p = fetch(request); const { then } = p; Object.defineProperty(p, 'then', { get: () => function (a) { return then.call(this, (r) => { log(r); a(r) }) } }); return p }"),
        ("subclass", "async fetch(request) { class Mine extends Promise {}; const p = fetch(request); Object.setPrototypeOf(p, Mine.prototype); return p }"),
        ("species", "async fetch(request) { class Mine extends Promise {}; Object.defineProperty(Promise, Symbol.species, { value: Mine }); return fetch(request) }"),
        ("constructor", "fetch(request) { class Mine extends Promise {}; const p = fetch(request); p.constructor = Mine; return p }"),
        // A job of a promise that only looks as if it followed the fetch.
        (
            "capability",
            "async fetch(request) {
                const p = fetch(request);
                let settle;
                const other = new Promise((resolve) => { settle = resolve });
                const fake = new Promise((resolve) => resolve(other));
                const source = Promise.resolve();
                source.constructor = { [Symbol.species]: function (run) { run(Object, Object); return fake } };
                p.then((r) => settle(new Response(r.body, r)));
                source.then(p.then.bind(p, log));
                return fake }",
        ),
    ] {
        assert!(!skips(&mut worker(handler)), "{what}");
    }
}

/// A promise whose job V8's hook shows like that of one that follows: it does not, so what it was
/// resolved with stays the answer.
#[test]
fn the_answer_is_what_the_handler_promised() {
    let mut worker = worker(
        "fetch(request) {
            const fake = new Promise((resolve) => resolve(scheduler.wait(1).then(() => new Response('own'))));
            const source = Promise.resolve();
            source.constructor = { [Symbol.species]: function (run) { run(Object, Object); return fake } };
            const p = fetch(request);
            source.then(p.then.bind(p, log, say));
            return fake }",
    );
    worker.start("GET", "/");
    worker.fire_timers(1);
    assert_eq!(text(&respond(&worker.commands()).body), "own");
    assert_eq!(worker.finished(), Some((Outcome::Ok, None)));
    assert!(said(&mut worker).starts_with("TypeError: The upstream's response went"));
}

#[test]
fn a_rejection_of_another_request_is_a_failure() {
    let mut worker = worker(
        "async fetch(request, env, ctx) {
            if (globalThis.kept === undefined) { globalThis.kept = fetch(request); return kept }
            fetch(request); return kept }",
    );
    assert!(is_unseen(&worker.start_as(1, "GET", "/")));
    worker.effects.clear();
    let commands = worker.start_as(2, "GET", "/");
    assert_eq!(respond(&commands).head.as_ref().map(|head| head.status), Some(500));
    assert_eq!(worker.finished().map(|(outcome, _)| outcome), Some(Outcome::Exception));
}

#[test]
fn many_exchanges_that_go_on_in_one_turn_are_answered() {
    const REQUESTS: u32 = 40;
    let mut worker = worker(
        "async fetch(request) {
            if (new URL(request.url).pathname === '/go') { go(); return new Response() }
            setTimeout(() => {}, 1000); // The host must have something to wait for.
            await (globalThis.gate ??= new Promise((resolve) => { globalThis.go = resolve }));
            return fetch(request) }",
    );
    let outboxes: Vec<_> = (1..=REQUESTS)
        .map(|id| {
            let outbox = std::sync::Arc::default();
            worker.send(begin(id, "GET", "/", std::sync::Arc::clone(&outbox)));
            outbox
        })
        .collect();
    worker.start_as(100, "GET", "/go");
    let mut unseen = 0;
    for (id, outbox) in (1..).zip(outboxes) {
        let mut commands = Vec::new();
        outbox.drain(&mut commands);
        if is_unseen(&commands) {
            unseen += 1;
        } else {
            worker.send(Message::Exchange { id, event: upstream(200) });
            outbox.drain(&mut commands);
            respond(&commands);
        }
    }
    assert!(unseen > 0 && unseen < REQUESTS, "{unseen}");
    assert_eq!(worker.instance.running(), 0);
}

#[test]
fn a_turn_that_is_cut_off_is_an_overrun() {
    let mut settings = crate::worker::Settings::default();
    settings.limits.cpu_ms = 50;
    let mut worker = Driver::with(
        "export default { async fetch(request) { const p = fetch(request); Promise.resolve().then(() => { for (;;); }); return p } }",
        settings,
    );
    let commands = worker.start("GET", "/");
    assert_eq!(respond(&commands).head.as_ref().map(|head| head.status), Some(503));
    assert_eq!(worker.finished().map(|(outcome, _)| outcome), Some(Outcome::ExceededCpu));
    worker.effects.clear();
    assert_eq!(worker.instance.running(), 0);
}

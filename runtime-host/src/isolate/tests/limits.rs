//! Workers that take too much: each ends with its page, and the host goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::driver::{Driver, begin, bundle, respond, text};
use crate::exchange::Outbox;
use crate::isolate::message::Effect;
use crate::isolate::{Health, Instance, StartError, platform};
use crate::limits::Limits;
use crate::telemetry::Outcome;
use crate::worker::Settings;

fn settings(limits: Limits) -> Settings {
    Settings { limits, ..Settings::default() }
}

/// A Worker whose handler runs `code` for `/bomb` and answers "ok" otherwise.
fn worker(code: &str, limits: Limits) -> Driver {
    let source = format!(
        "export default {{ async fetch(request) {{
            if (!request.url.endsWith('bomb')) return new Response('ok');
            {code}
        }} }}"
    );
    Driver::with(&source, settings(limits))
}

fn memory() -> Limits {
    Limits { memory_mb: 32, ..Limits::default() }
}

fn cpu() -> Limits {
    Limits { cpu_ms: 40, ..Limits::default() }
}

#[test]
fn memory_bombs_end_in_a_page_and_ask_for_a_new_isolate() {
    let bombs = [
        ("arrays", "const all = []; for (;;) all.push(new Array(1000).fill({}));"),
        ("objects", "const all = []; for (let i = 0;; i++) all.push({ i, a: { b: i } });"),
        ("map", "const all = new Map(); for (let i = 0;; i++) all.set({}, 'x' + i);"),
        ("set of strings", "const all = new Set(); for (let i = 0;; i++) all.add('key' + i);"),
        (
            "closures",
            "let f = () => 1; for (;;) { const g = f; const big = new Array(50); f = () => [g, big]; }",
        ),
        ("flat string", "let s = 'x'.repeat(2 ** 28); return new Response(s.charCodeAt(5) + s);"),
        (
            "json",
            "const a = []; for (let i = 0; i < 200; i++) a.push('y'.repeat(1e6)); return new Response(JSON.stringify(a));",
        ),
        (
            "recursion",
            "const grow = (a) => { const b = a.concat(a); return grow(b); }; grow([{}, 1, 'z']);",
        ),
        ("promises", "const all = []; for (;;) all.push(new Promise(() => {}).then(() => all));"),
        ("microtasks", "const all = []; for (;;) { all.push(new Array(100).fill(0)); await 0; }"),
    ];
    for (name, code) in bombs {
        let mut driver = worker(code, memory());
        assert_eq!(text(&respond(&driver.start("GET", "/")).body), "ok", "{name}");
        driver.effects.clear();
        let commands = driver.start_as(2, "GET", "/bomb");
        let answer = respond(&commands);
        let status = answer.head.as_ref().map(|head| head.status);
        assert_eq!(driver.finished().map(|f| f.0), Some(Outcome::ExceededMemory), "{name}");
        assert_eq!(status, Some(503), "{name}");
        assert!(text(&answer.body).contains("1102"), "{name}");
        assert_eq!(driver.instance.running(), 0, "{name}");
    }
}

#[test]
fn requests_that_come_in_the_same_batch_as_a_memory_bomb_are_answered_too() {
    let code = "const all = []; for (;;) all.push(new Array(1000).fill({}));";
    let mut driver = worker(code, memory());
    let (first, second) = (Arc::<Outbox>::default(), Arc::<Outbox>::default());
    let batch =
        [begin(1, "GET", "/bomb", Arc::clone(&first)), begin(2, "GET", "/", Arc::clone(&second))];
    let health = driver.instance.turn(batch.into_iter(), &mut driver.effects, false);
    assert_eq!(health, Health::Exhausted);
    for outbox in [first, second] {
        let mut commands = Vec::new();
        outbox.drain(&mut commands);
        assert_eq!(respond(&commands).head.as_ref().map(|h| h.status), Some(503));
    }
    assert_eq!(driver.instance.running(), 0);
}

/// What a Worker can catch is no reason to end its isolate.
#[test]
fn what_does_not_fit_at_once_is_a_range_error() {
    let cases = [
        "new ArrayBuffer(1e9)",
        "new Array(-1)",
        "(() => { let s = 'x'; for (;;) s += s; })()",
        "(() => { const f = () => 1 + f(); f(); })()",
        "(() => { const a = []; a[0] = a; let b = a; for (let i = 0; i < 1e5; i++) b = [b]; return JSON.stringify(b); })()",
        "new WebAssembly.Memory({ initial: 65537 })",
    ];
    for case in cases {
        let code = format!(
            "try {{ {case}; return new Response('none') }} catch (e) {{ return new Response(e.name) }}"
        );
        let mut driver = worker(&code, memory());
        let name = text(&respond(&driver.start("GET", "/bomb")).body);
        let expected = "RangeError";
        assert_eq!(name, expected, "{case}");
        assert_eq!(driver.finished().map(|f| f.0), Some(Outcome::Ok), "{case}");
        assert_eq!(text(&respond(&driver.start_as(2, "GET", "/")).body), "ok", "{case}");
    }
}

#[test]
fn buffers_that_are_dropped_are_not_counted() {
    let code = "for (let i = 0; i < 500; i++) new Uint8Array(1 << 20)[5] = i;
        for (let i = 0; i < 500; i++) await new Response(new Uint8Array(1 << 20)).arrayBuffer();
        return new Response('done');";
    let mut driver = worker(code, memory());
    assert_eq!(text(&respond(&driver.start("GET", "/bomb")).body), "done");
}

#[test]
fn webassembly_memory_counts() {
    let codes = [
        "globalThis.m = new WebAssembly.Memory({ initial: 1024 }); return new Response('kept');",
        "const m = new WebAssembly.Memory({ initial: 1 }); globalThis.m = m;
         for (let i = 0; i < 60; i++) { m.grow(16); new Uint8Array(m.buffer).fill(1) } return new Response('kept');",
        "globalThis.all = []; for (let i = 0; i < 100; i++) all.push(new WebAssembly.Memory({ initial: 16 }));
         return new Response('kept');",
    ];
    for code in codes {
        let mut driver = worker(code, memory());
        let outbox = Arc::clone(&driver.outbox);
        let health = driver.send(begin(1, "GET", "/bomb", outbox));
        assert_eq!(health, Health::Exhausted, "{code}");
    }
    let mut driver = worker(
        "globalThis.m = new WebAssembly.Memory({ initial: 64 }); return new Response('fits');",
        memory(),
    );
    assert_eq!(text(&respond(&driver.start("GET", "/bomb")).body), "fits");
}

#[test]
fn endless_work_ends_at_the_cpu_limit_and_the_isolate_goes_on() {
    let bombs = [
        ("loop", "for (;;);"),
        ("microtasks", "(async () => { for (;;) await 0 })(); return new Response('x');"),
        ("awaited", "for (;;) await 0;"),
        (
            "queueMicrotask",
            "const again = () => queueMicrotask(again); again(); await new Promise(() => {});",
        ),
        ("regular expression", "/^(a+)+$/.test('a'.repeat(64) + 'b');"),
        ("getter", "const o = { get x() { for (;;); } }; o.x;"),
        ("comparator", "[3, 2, 1].sort(() => { for (;;); });"),
        ("toJSON", "JSON.stringify({ toJSON() { for (;;); } });"),
        ("proxy", "const p = new Proxy({}, { get() { for (;;); } }); p.x;"),
        (
            "built-in functions",
            "const a = new Uint8Array(1000); const f = (n) => { for (let i = 0; i < n; i++) a.fill(i) }; for (let i = 0; i < 3000; i++) f(3); f(Infinity);",
        ),
        ("catch", "for (;;) try { for (;;); } catch {}"),
        ("finally", "try { for (;;); } finally { for (;;); }"),
        ("generator", "for (const x of (function* () { for (;;) yield 1 })()) x;"),
        ("description of an exception", "throw { toString() { for (;;); } };"),
        ("stack of an exception", "throw { get stack() { for (;;); } };"),
        (
            "unhandled rejection",
            "Promise.reject({ toString() { for (;;); } }); return new Response('x');",
        ),
        (
            "prepareStackTrace",
            "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x');",
        ),
        ("console", "console.log({ get x() { for (;;); } }); for (;;);"),
    ];
    for (name, code) in bombs {
        let mut driver = worker(code, cpu());
        let began = Instant::now();
        driver.start("GET", "/bomb");
        assert!(began.elapsed() < Duration::from_secs(10), "{name}");
        assert_eq!(driver.finished().map(|f| f.0), Some(Outcome::ExceededCpu), "{name}");
        assert_eq!(driver.instance.running(), 0, "{name}");
        if name != "prepareStackTrace" {
            assert_eq!(text(&respond(&driver.start_as(2, "GET", "/")).body), "ok", "{name}");
        }
    }
    let mut driver = worker("for (;;);", cpu());
    let commands = driver.start("GET", "/bomb");
    let page = respond(&commands);
    assert_eq!(page.head.as_ref().map(|h| h.status), Some(503));
    assert!(text(&page.body).contains("1102"));
}

#[test]
fn short_turns_add_up_to_the_cpu_limit() {
    let code =
        "for (;;) { let x = 0; for (let i = 0; i < 100000; i++) x += i; await scheduler.wait(0) }";
    let mut driver = worker(code, cpu());
    driver.start("GET", "/bomb");
    for _ in 0..10_000 {
        if driver.finished().is_some() {
            break;
        }
        driver.fire_timers(1);
    }
    assert_eq!(driver.finished().map(|f| f.0), Some(Outcome::ExceededCpu));
}

#[test]
fn start_up_has_limits() {
    platform::initialize();
    let refused = |source: &str, limits: Limits| {
        Instance::start(bundle(source, settings(limits))).err().expect("it is refused")
    };
    let limits = Limits { startup_ms: 40, ..memory() };
    let cpu = StartError::Cpu { limit: Duration::from_millis(40) };
    assert_eq!(refused("for (;;); export default { fetch() {} }", limits.clone()), cpu);
    assert_eq!(refused("for (;;) await 0; export default { fetch() {} }", limits.clone()), cpu);
    let limits = Limits { startup_ms: 20_000, ..limits };
    let bomb = "const all = []; for (;;) all.push(new Array(1000).fill({})); export default 1";
    assert_eq!(refused(bomb, limits), StartError::Memory { limit_mb: 32 });
}

/// The threads that run Workers have 8 MiB stacks; V8 uses at most `--stack-size` of them.
#[test]
fn the_stack_of_a_tokio_worker_is_deep_enough() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(8 << 20)
        .build()
        .expect("a runtime");
    let code = "const f = (o) => JSON.stringify({ toJSON() { return [1].map(() => f(o)) } });
        try { f({}) } catch (e) { return new Response(e.name) }";
    let mut driver = worker(code, cpu_of_seconds());
    let answer = runtime.block_on(async move {
        tokio::spawn(async move { text(&respond(&driver.start("GET", "/bomb")).body) }).await
    });
    assert_eq!(answer.expect("no panic"), "RangeError");
}

fn cpu_of_seconds() -> Limits {
    Limits { cpu_ms: 5_000, ..Limits::default() }
}

/// What one message started, and its end, do not wait for the long turns of others behind it.
#[test]
fn a_long_turn_leaves_the_messages_behind_it() {
    let mut driver = worker("for (;;);", cpu());
    let begin = |id, path| begin(id, "GET", path, Arc::<Outbox>::default());
    let mut batch =
        vec![begin(1, "/bomb"), begin(2, "/bomb"), begin(3, "/"), begin(4, "/")].into_iter();
    for left in [3, 2, 0] {
        driver.instance.turn(&mut batch, &mut driver.effects, false);
        assert_eq!(batch.len(), left);
    }
}

#[test]
fn an_isolates_end_is_noted() {
    drop(worker("", cpu()));
    // Other tests' isolates end as well, and nobody else asks.
    assert!(platform::give_back_memory());
}

/// What the request `/bomb` is answered, and the limits it reached.
fn reached(code: &str, limits: Limits) -> (String, String) {
    let mut driver = worker(code, limits);
    let commands = driver.start("GET", "/bomb");
    let answer = text(&respond(&commands).body);
    let limits = driver.effects.iter().find_map(|effect| match effect {
        Effect::Finished(finished) => finished.limits.names(),
        _ => None,
    });
    (answer, limits.unwrap_or_default())
}

const CATCHING: &str = "const said = (e) => new Response(`${e.name}: ${e.message}`);";

#[test]
fn too_many_timers_and_subrequests_can_be_caught() {
    let code = format!(
        "{CATCHING} let set = 0;
        try {{ for (;;) {{ setTimeout(() => {{}}, 1e6); set++ }} }} catch (e) {{ return said(e) }}"
    );
    let (answer, limits) = reached(&code, Limits { timers: 3, ..Limits::default() });
    assert_eq!(answer, "Error: Too many timers are pending in this invocation.");
    assert_eq!(limits, "timers");
    let code = format!(
        "{CATCHING} const all = [];
        for (let i = 0; i < 3; i++) {{ const c = new AbortController();
            all.push(fetch('http://127.0.0.1:1/', {{ signal: c.signal }})); c.abort() }}
        try {{ await fetch('http://127.0.0.1:1/') }} catch (e) {{ return said(e) }}
        finally {{ await Promise.allSettled(all) }}"
    );
    let (answer, limits) = reached(&code, Limits { subrequests: 3, ..Limits::default() });
    assert_eq!(answer, "Error: Too many subrequests by single Worker invocation.");
    assert_eq!(limits, "subrequests");
}

#[test]
fn large_heads_are_refused_with_their_size() {
    let small = || Limits { url_kb: 1, headers_kb: 1, ..Limits::default() };
    let page = |code: &str| reached(code, small());
    // A response of the Worker's: the client gets 1101, the log the size.
    let answering = |bytes: usize| {
        let code =
            format!("return new Response(null, {{ headers: {{ xyz: 'b'.repeat({bytes} - 3) }} }})");
        let mut driver = worker(&code, small());
        let commands = driver.start("GET", "/bomb");
        let status = respond(&commands).head.as_ref().map(|head| head.status);
        (status, driver.finished())
    };
    assert_eq!(answering(1024), (Some(200), Some((Outcome::Ok, None))));
    let text = "The response's headers have 1025 bytes: they may have 1024 (limits.headers_kb).";
    assert_eq!(answering(1025), (Some(500), Some((Outcome::Exception, Some(text.into())))));

    let code = format!(
        "{CATCHING} try {{ await fetch('http://example.com/' + 'x'.repeat(1006)) }}
        catch (e) {{ return said(e) }}"
    );
    let text = "TypeError: The URL has 1025 bytes: it may have 1024 (limits.url_kb).";
    assert_eq!(page(&code), (text.to_owned(), "url_kb".to_owned()));
    for target in ["request", "'http://127.0.0.1:1/'"] {
        let code = format!(
            "{CATCHING} try {{ await fetch({target}, {{ headers: {{ a: 'x'.repeat(1024) }} }}) }}
            catch (e) {{ return said(e) }}"
        );
        let text = "TypeError: The request's headers have 1025 bytes: they may have 1024 \
                    (limits.headers_kb).";
        assert_eq!(page(&code), (text.to_owned(), "headers_kb".to_owned()));
    }
}

/// The console's lines, as they reach the log.
#[test]
fn console_lines_end_at_their_limit() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let code = "for (let i = 0; i < 100; i++) console.log('line ' + i + ' ' + 'x'.repeat(100));
        return new Response('logged')";
    let limits = Limits { log_kb: 1, ..Limits::default() };
    let (answer, reached) = tracing::subscriber::with_default(subscriber, || reached(code, limits));
    assert_eq!((answer.as_str(), reached.as_str()), ("logged", "log_kb"));
    let log = String::from_utf8(lines.0.lock().clone()).expect("UTF-8");
    let console: Vec<_> = log.lines().filter(|line| line.contains("\"console\"")).collect();
    assert_eq!(console.len(), 10, "{log}");
    assert!(console[8].contains("line 8 "));
    let note = "what this request logs from here on is dropped: it is more than 1 KiB \
                (limits.log_kb)";
    assert!(console[9].contains(note) && console[9].contains("\"WARN\""), "{}", console[9]);
}

#[derive(Clone, Default)]
pub(super) struct Lines(pub(super) Arc<parking_lot::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

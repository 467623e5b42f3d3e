//! Globals that need a Worker's turns: events of errors, messages and timers as tasks, the console's
//! lines.

use super::driver::{Driver, respond, text};
use super::limits::Lines;
use crate::isolate::message::Message;

/// A Worker whose handler's body is `code`, after `top`.
fn worker(top: &str, code: &str) -> Driver {
    Driver::new(&format!("{top}\nexport default {{ async fetch(request, env, ctx) {{ {code} }} }}"))
}

/// Fires timers until a response is there.
fn answer(driver: &mut Driver) -> String {
    let mut commands = driver.start("GET", "/");
    for _ in 0..20 {
        if !commands.is_empty() {
            break;
        }
        driver.fire_timers(1);
        commands = driver.commands();
    }
    text(&respond(&commands).body)
}

/// The lines that `run` logs, without their time: level and text.
fn logged(run: impl FnOnce()) -> Vec<(String, String)> {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, run);
    let log = String::from_utf8(lines.0.lock().clone()).expect("UTF-8");
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        matches!(line["target"].as_str(), Some("console" | "worker"))
            .then(|| (text(&line["level"]), text(&line["fields"]["message"])))
    };
    log.lines().filter_map(line).collect()
}

fn texts(lines: &[(String, String)]) -> Vec<&str> {
    lines.iter().map(|(_, text)| text.as_str()).collect()
}

#[test]
fn a_rejection_that_nobody_handles_is_an_event_and_then_a_log_line() {
    let code = "Promise.reject(new RangeError('mine')); return new Response('x')";
    let lines = logged(|| assert_eq!(answer(&mut worker("", code)), "x"));
    assert!(texts(&lines)[0].starts_with("unhandled rejection: RangeError: mine"), "{lines:?}");

    let top = "const seen = [];
        addEventListener('unhandledrejection', (event) => {
            console.log('heard', event.reason.message, event.promise instanceof Promise);
            if (event.reason.message === 'mine') event.preventDefault();
        });";
    let code = "Promise.reject(new Error('mine')); Promise.reject(new Error('other'));
        return new Response('x')";
    let lines = logged(|| assert_eq!(answer(&mut worker(top, code)), "x"));
    let lines = texts(&lines);
    assert_eq!(lines[..2], ["heard mine true", "heard other true"]);
    assert!(lines[2].starts_with("unhandled rejection: Error: other"), "{lines:?}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_handler_that_comes_late_is_told() {
    let top = "onunhandledrejection = () => false;
        onrejectionhandled = (event) => console.log('late', event.reason);";
    let code =
        "const promise = Promise.reject('why'); await scheduler.wait(1); promise.catch(() => {});
        await scheduler.wait(1); return new Response('x')";
    let lines = logged(|| assert_eq!(answer(&mut worker(top, code)), "x"));
    assert_eq!(texts(&lines), ["late why"]);
}

/// A listener that rejects again and again does not hold the turn.
#[test]
fn rejections_of_the_listeners_are_bounded() {
    let top = "let told = 0;
        onunhandledrejection = () => { told++; Promise.reject(1); return false; };";
    let code = "Promise.reject(1); await scheduler.wait(1); return new Response(told)";
    let told: u32 = answer(&mut worker(top, code)).parse().expect("a number");
    assert!((1..100).contains(&told), "{told}");
}

#[test]
fn an_exception_that_nobody_catches_is_an_error_event() {
    let top = "onerror = (message, file, line, column, error) => {
            console.log(message, file, line > 0, error.message);
            return error.message === 'mine';
        };";
    let code = "setTimeout(() => { throw new Error('mine') }); setTimeout(() => { throw new Error('other') });
        queueMicrotask(() => reportError(new Error('mine')));
        await scheduler.wait(5); return new Response('x')";
    let lines = logged(|| assert_eq!(answer(&mut worker(top, code)), "x"));
    let lines = texts(&lines);
    assert_eq!(lines[..2], ["Uncaught Error: mine src/index.js true mine"; 2]);
    assert!(lines[3].starts_with("uncaught: Error: other"), "{lines:?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn messages_are_tasks_with_microtasks_between_them() {
    let code = "const { port1, port2 } = new MessageChannel();
        const seen = [];
        const done = new Promise((resolve) => {
            port1.onmessage = ({ data }) => {
                seen.push(data);
                Promise.resolve().then(() => seen.push('microtask'));
                if (data === 2) resolve();
            };
        });
        port2.postMessage(1); port2.postMessage(2);
        await Promise.resolve(); seen.push('posted');
        await done; return new Response(seen)";
    assert_eq!(answer(&mut worker("", code)), "posted,1,microtask,2,microtask");
}

/// What an invocation posted that ended meanwhile comes with the next message.
#[test]
fn messages_outlive_the_invocation_that_posted_them() {
    let top = "const { port1, port2 } = new MessageChannel(); const seen = [];
        port1.onmessage = ({ data }) => seen.push(data);";
    let code = "port2.postMessage(request.url.slice(-1));
        if (request.url.endsWith('b')) await scheduler.wait(5);
        return new Response(seen)";
    let mut driver = worker(top, code);
    assert_eq!(text(&respond(&driver.start_as(1, "GET", "/a")).body), "");
    assert!(driver.start_as(2, "GET", "/b").is_empty());
    driver.fire_timers(2);
    assert_eq!(text(&respond(&driver.commands()).body), "a,b");
}

/// At the top level there is no task to wait for.
#[test]
fn messages_arrive_while_modules_are_evaluated() {
    let top = "const { port1, port2 } = new MessageChannel();
        const got = new Promise((resolve) => { port1.onmessage = resolve; });
        port2.postMessage(5); const { data } = await got;";
    assert_eq!(answer(&mut worker(top, "return new Response(data)")), "5");
}

#[test]
fn observers_are_called_in_a_task() {
    let code = "const names = new Promise((resolve) => {
            new PerformanceObserver((list, observer) => {
                observer.disconnect();
                resolve(list.getEntries().map((entry) => entry.name));
            }).observe({ type: 'mark' });
        });
        performance.mark('a'); performance.mark('b'); return new Response(await names)";
    assert_eq!(answer(&mut worker("", code)), "a,b");
}

#[test]
fn the_time_is_0_while_modules_are_evaluated() {
    let top = "const then = [performance.now(), performance.timeOrigin, performance.mark('a').startTime];";
    let code = "return new Response([...then, Math.abs(performance.now() - Date.now()) < 1000])";
    assert_eq!(answer(&mut worker(top, code)), "0,0,0,true");
}

#[test]
fn waiting_ends_with_its_signal() {
    let code = "const controller = new AbortController();
        const waiting = scheduler.wait(1000, { signal: controller.signal });
        controller.abort(new Error('enough'));
        try { await waiting } catch (error) { return new Response(error.message) }";
    let mut driver = worker("", code);
    assert_eq!(answer(&mut driver), "enough");
    assert!(driver.timers(1).is_empty(), "the timer is cleared");
    let code =
        "await scheduler.wait(1, { signal: AbortSignal.timeout(1000) }); return new Response('x')";
    let mut driver = worker("", code);
    assert!(driver.start("GET", "/").is_empty());
    let timers = driver.timers(1);
    driver.send(Message::Timer { id: 1, timer: timers[1] });
    assert_eq!(text(&respond(&driver.commands()).body), "x");
    let code = "try { await scheduler.wait(1, { signal: AbortSignal.abort(1) }) } catch (e) { return new Response(e) }";
    assert_eq!(answer(&mut worker("", code)), "1");
}

#[test]
fn console_lines_have_levels_and_groups() {
    let code = "console.debug('d'); console.info('i %d', 1); console.warn({ a: 1 }); console.error('e');
        console.group('g'); console.log('a\\nb'); console.group(); console.log('c'); console.groupEnd();
        console.groupEnd(); console.groupEnd(); console.log('out');
        console.count(); console.count('x'); console.count(); console.countReset(); console.count();
        console.assert(true, 'no'); console.assert(false, 'why %s', 1); console.assert();
        console.time('t'); console.timeEnd('t'); console.timeEnd('t');
        console.dir({ a: { b: {} } }, { depth: 0 }); console.trace('t');
        return new Response('x')";
    let lines = logged(|| assert_eq!(answer(&mut worker("", code)), "x"));
    let expected = [
        ("DEBUG", "d"),
        ("INFO", "i 1"),
        ("WARN", "{ a: 1 }"),
        ("ERROR", "e"),
        ("INFO", "g"),
        ("INFO", "  a\n  b"),
        ("INFO", "    c"),
        ("INFO", "out"),
        ("INFO", "default: 1"),
        ("INFO", "x: 1"),
        ("INFO", "default: 2"),
        ("INFO", "default: 1"),
        ("ERROR", "Assertion failed: why 1"),
        ("ERROR", "Assertion failed"),
        ("INFO", "t: 0ms"),
        ("WARN", "No such label 't' for console.timeEnd() or console.timeLog()"),
        ("INFO", "{ a: [Object] }"),
    ];
    for (at, (level, text)) in expected.iter().enumerate() {
        assert_eq!((lines[at].0.as_str(), lines[at].1.as_str()), (*level, *text), "{lines:?}");
    }
    // A trace has the Worker's own frames only.
    let trace = &lines[expected.len()].1;
    assert!(trace.starts_with("Trace: t\n    at Object.fetch (src/index.js:"), "{trace}");
    assert!(!trace.contains("nano:"), "{trace}");
    assert_eq!(lines.len(), expected.len() + 1);
}

#[test]
fn errors_in_the_log_show_the_workers_files() {
    let code = "const error = new Error('outer', { cause: new TypeError('inner') });
        console.error('failed:', error, { error }); return new Response('x')";
    let lines = logged(|| assert_eq!(answer(&mut worker("", code)), "x"));
    let (level, text) = &lines[0];
    assert_eq!(level, "ERROR");
    assert!(text.starts_with("failed: Error: outer\n    at Object.fetch (src/index.js:"), "{text}");
    assert!(text.contains("\n  [cause]: TypeError: inner\n      at "), "{text}");
    assert!(!text.contains("nano:"), "{text}");
}

#[test]
fn events_of_a_script_are_extendable() {
    let mut driver = worker(
        "",
        "const own = ['ExtendableEvent', 'FetchEvent'].map((name) => typeof globalThis[name]);
        let thrown; try { new FetchEvent('fetch') } catch (e) { thrown = e.message }
        return new Response([...own, thrown, Object.getPrototypeOf(FetchEvent) === ExtendableEvent])",
    );
    assert_eq!(answer(&mut driver), "function,function,Illegal constructor,true");
}

#[test]
fn navigator_and_flags_tell_of_workers() {
    let code = "return new Response([navigator.userAgent, navigator.hardwareConcurrency, navigator.language,
        navigator.languages, Object.keys(Cloudflare.compatibilityFlags).length, String(self)])";
    let expected = "Cloudflare-Workers,1,en,en,0,[object ServiceWorkerGlobalScope]";
    assert_eq!(answer(&mut worker("", code)), expected);
}

#[test]
fn responses_are_not_webassembly_modules() {
    let code = "const response = new Response(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
            { headers: { 'content-type': 'application/wasm' } });
        const said = [];
        for (const name of ['compileStreaming', 'instantiateStreaming']) {
            try { await WebAssembly[name](response) } catch (e) { said.push(`${e.name}: ${e.message}`) }
            try { await WebAssembly[name](5) } catch (e) { said.push(e.name) }
        }
        return new Response(said.join('; '))";
    assert_eq!(
        answer(&mut worker("", code)),
        "CompileError: WebAssembly.compileStreaming(): Wasm code generation disallowed by embedder; \
         TypeError; CompileError: WebAssembly.instantiateStreaming(): Wasm code generation \
         disallowed by embedder; TypeError"
    );
}

#[test]
fn a_transform_stream_is_transferred_with_both_sides_or_not_at_all() {
    let code = "const source = new TransformStream({
            transform: (chunk, to) => to.enqueue(`${chunk.of}!`),
            flush: (to) => to.enqueue('end'),
        });
        const moved = structuredClone(source, { transfer: [source] });
        const writer = moved.writable.getWriter();
        const writing = writer.write({ of: 'a' }).then(() => writer.close());
        const got = [moved instanceof TransformStream, source.readable.locked, source.writable.locked];
        for await (const chunk of moved.readable) got.push(chunk);
        await writing;

        const half = new TransformStream();
        half.writable.getWriter();
        try {
            structuredClone(half, { transfer: [half] });
        } catch (error) {
            got.push(error.name, half.readable.locked);
        }
        return new Response(String(got))";
    let expected = "true,true,true,a!,end,DataCloneError,false";
    assert_eq!(answer(&mut worker("", code)), expected);
}

#[test]
fn an_owning_stream_takes_its_chunks_away() {
    let code = "const { buffer } = new Uint8Array([1, 2]);
        let controller;
        const stream = new ReadableStream({ type: 'owning', start: (given) => void (controller = given) });
        controller.enqueue(buffer, { transfer: [buffer] });
        const got = [buffer.detached, (await stream.getReader().read()).value.byteLength];
        const refuse = (act) => {
            try {
                act();
            } catch (error) {
                got.push(error.name);
            }
        };
        refuse(() => controller.enqueue(() => {}));
        got.push(controller.desiredSize === null);
        new ReadableStream({ start: (other) => {
            other.enqueue(1, { transfer: [] });
            refuse(() => other.enqueue(1, { transfer: [new ArrayBuffer(1)] }));
            [2, 3].forEach(other.enqueue, other);
        } });
        return new Response(String(got))";
    assert_eq!(answer(&mut worker("", code)), "true,2,DataCloneError,true,TypeError");
}

#[test]
fn views_of_every_type_are_cloned_and_read_into() {
    let code = "const got = structuredClone(new Float16Array([1.5]));
        const stream = new ReadableStream({
            type: 'bytes', pull: (controller) => controller.byobRequest.respond(2),
        });
        const { value } = await stream.getReader({ mode: 'byob' }).read(new Float16Array(1));
        return new Response([got.constructor.name, got[0], value.constructor.name, value.length].join())";
    assert_eq!(answer(&mut worker("", code)), "Float16Array,1.5,Float16Array,1");
}

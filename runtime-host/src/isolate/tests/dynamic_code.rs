//! Code that is not part of the bundle does not run, and the clock gives nothing away.

use std::time::Duration;

use super::driver::{Driver, respond, text};
use crate::isolate::message::Message;
use crate::telemetry::Outcome;

/// What `code`, the body of an async function, returns or throws in a handler.
fn tried(code: &str) -> String {
    let source = format!(
        "const tried = async () => {{ {code} }};
        export default {{ async fetch() {{
            try {{ return new Response(String(await tried())) }}
            catch (e) {{ return new Response(`${{e.name}}: ${{e.message}}`) }}
        }} }}"
    );
    let mut driver = Driver::new(&source);
    let commands = driver.start("GET", "/");
    text(&respond(&commands).body)
}

/// The messages are V8's own, which Workers give as well.
#[test]
fn strings_are_not_code() {
    let disallowed = "EvalError: Code generation from strings disallowed for this context";
    for code in [
        "return eval('1')",
        "return (0, eval)('1')",
        "return new Function('return 1')()",
        "return Function('return 1')()",
        "return (() => {}).constructor('return 1')()",
        "return (async () => {}).constructor('return 1')()",
        "return (function* () {}).constructor('return 1')()",
        "return Reflect.construct(Function, ['return 1'])()",
    ] {
        assert_eq!(tried(code), disallowed, "{code}");
    }
    assert_eq!(tried("return eval(5)"), "5", "what is no string needs no code");
}

#[test]
fn strings_are_not_timers() {
    for (name, code) in [
        ("setTimeout", "setTimeout('x = 1', 1)"),
        ("setInterval", "setInterval('x = 1', 1)"),
        ("setImmediate", "setImmediate('x = 1')"),
    ] {
        let expected = format!(
            "TypeError: Failed to execute '{name}' on 'ServiceWorkerGlobalScope': parameter 1 is \
             not of type 'Function'."
        );
        assert_eq!(tried(code), expected);
    }
}

#[test]
fn bytes_are_not_webassembly_modules() {
    const EMPTY: &str = "const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);";
    for (name, code) in [
        ("Module", "return new WebAssembly.Module(bytes)"),
        ("compile", "return await WebAssembly.compile(bytes)"),
        ("instantiate", "return await WebAssembly.instantiate(bytes)"),
    ] {
        let expected = format!(
            "CompileError: WebAssembly.{name}(): Wasm code generation disallowed by embedder"
        );
        assert_eq!(tried(&format!("{EMPTY} {code}")), expected);
    }
    assert_eq!(tried(&format!("{EMPTY} return WebAssembly.validate(bytes)")), "true");
}

#[test]
fn no_thread_waits() {
    let code = "return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)";
    assert_eq!(tried(code), "TypeError: Atomics.wait cannot be called in this context");
}

/// Each way to read the time, as a number of milliseconds.
const READINGS: &str = "const clocks = {
    now: () => Date.now(),
    date: () => new Date().getTime(),
    text: () => Date.parse(Date() .replace(/\\(.*/, '')),
    intl: () => Number(new Intl.DateTimeFormat('en', { timeZone: 'UTC', second: 'numeric',
        fractionalSecondDigits: 3 }).format().replace('.', '')),
    event: () => new Event('x').timeStamp,
    ...(globalThis.performance && { performance: () => performance.now() }),
    ...(globalThis.Temporal && { temporal: () => Temporal.Now.instant().epochMilliseconds }),
};
const spin = () => { for (let i = 0, x = 0; i < 3e6; i++) x += Math.sqrt(i); };";

#[test]
fn clocks_stand_still_while_code_runs() {
    let source = format!(
        "{READINGS}
        export default {{ async fetch() {{
            const moved = [];
            for (const name in clocks) {{
                const before = clocks[name]();
                spin();
                await null;
                if (clocks[name]() !== before) moved.push(name);
            }}
            return new Response('moved: ' + moved);
        }} }}"
    );
    let mut driver = Driver::new(&source);
    let commands = driver.start("GET", "/");
    assert_eq!(text(&respond(&commands).body), "moved: ");
}

#[test]
fn clocks_go_on_with_io() {
    let source = format!(
        "{READINGS}
        const atStart = [clocks.now(), clocks.date(), Date().slice(11, 24)];
        export default {{ async fetch() {{
            const before = {{}}, stuck = [];
            for (const name in clocks) before[name] = clocks[name]();
            await scheduler.wait(1);
            // Text has whole seconds, and Intl's start again each minute.
            for (const name in clocks) if (clocks[name]() === before[name]) stuck.push(name);
            return Response.json({{ atStart, stuck, now: Date.now() }});
        }} }}"
    );
    let mut driver = Driver::new(&source);
    assert!(driver.start("GET", "/").is_empty());
    std::thread::sleep(Duration::from_millis(1100));
    let [timer] = driver.timers(1)[..] else { panic!("one timer") };
    driver.send(Message::Timer { id: 1, timer });
    let commands = driver.commands();
    let seen: serde_json::Value =
        serde_json::from_str(&text(&respond(&commands).body)).expect("JSON");
    assert_eq!(seen["atStart"], serde_json::json!([0, 0, "1970 00:00:00"]));
    assert_eq!(seen["stuck"], serde_json::json!([]));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after");
    let off = now.as_millis().abs_diff(u128::from(seen["now"].as_u64().expect("a number")));
    assert!(off < 10_000, "{off} ms beside the real time");
    assert_eq!(driver.finished().map(|f| f.0), Some(Outcome::Ok));
}

/// Nothing of `Date` is replaced: it is the engine's own.
#[test]
fn date_is_the_engines() {
    let code = "return [Date.toString(), Date.now.toString(), Date.length, Date.name,
        typeof Date(), new Date(5).getTime(), new (class D extends Date {})(7).constructor.name,
        Object.getOwnPropertyNames(Date).sort()].join('; ')";
    assert_eq!(
        tried(code),
        "function Date() { [native code] }; function now() { [native code] }; 7; Date; string; 5; \
         D; UTC,length,name,now,parse,prototype"
    );
}

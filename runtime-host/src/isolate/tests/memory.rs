//! What an isolate takes, and gives back.

use super::driver::{Driver, respond, text};

/// The heap of an idle isolate, in bytes; 1.4 MB with all of the web platform in it, 1.1 MB before. What
/// each of thousands of Workers holds should not grow unseen.
const IDLE_BYTES_MAX: usize = 1_450_000;

#[test]
fn an_idle_isolate_is_small() {
    let mut worker = Driver::new("export default { fetch() { return new Response('hi') } }");
    assert_eq!(text(&respond(&worker.start("GET", "/")).body), "hi");
    worker.instance.give_memory_back();
    let bytes = worker.instance.memory_bytes();
    assert!(bytes < IDLE_BYTES_MAX, "{bytes} bytes");
}

#[test]
fn memory_is_given_back_and_the_worker_goes_on() {
    let mut worker = Driver::new(
        "let held; export default { fetch(request) {
            const all = []; for (let i = 0; i < 200_000; i++) all.push({ i });
            held = request.url.endsWith('/hold') ? all : null; return new Response('' + all.length);
        } }",
    );
    assert_eq!(text(&respond(&worker.start_as(1, "GET", "/hold")).body), "200000");
    let held = worker.instance.memory_bytes();
    assert_eq!(text(&respond(&worker.start_as(2, "GET", "/")).body), "200000");
    worker.instance.give_memory_back();
    let after = worker.instance.memory_bytes();
    assert!(after < held / 3 && after < 3_000_000, "{held} bytes became {after}");
    assert_eq!(text(&respond(&worker.start_as(3, "GET", "/")).body), "200000");
}

/// V8 reads a long source where the bundle has it, with the positions of errors and functions' text.
#[test]
fn a_long_source_is_not_copied() {
    let code = "export default { fetch() {
            try { null.x } catch (e) { return new Response(answer.toString() + e.stack.split('\\n')[1]) }
        } }; function answer() { return 42 }";
    // Few lines: V8 keeps where each begins once it has told an error's position.
    let comment = format!("/*{}*/\n", "long lines ".repeat(1000)).repeat(200);
    let mut bytes = [0; 2];
    for (bytes, comment) in bytes.iter_mut().zip(["", &comment]) {
        let mut worker = Driver::new(&format!("{comment}{code}"));
        let answer = text(&respond(&worker.start("GET", "/")).body);
        let line = comment.lines().count() + 2;
        assert!(answer.starts_with("function answer() { return 42 }"), "{answer}");
        assert!(answer.contains(&format!("src/index.js:{line}:24")), "{answer}");
        worker.instance.give_memory_back();
        *bytes = worker.instance.memory_bytes();
    }
    assert!(bytes[1] < bytes[0] + comment.len() / 4, "{bytes:?} for {}", comment.len());
}

/// The functions of modules that are not large are compiled when the isolate starts, not by a request.
#[test]
fn functions_are_compiled_at_the_start() {
    let functions: Vec<_> = (0..3000)
        .map(|i| format!("function f{i}(a) {{ return a.x + a.y[{i}] * f{i}(a) }}"))
        .collect();
    let functions = functions.join("\n");
    let code = format!("{functions} export default {{ fetch() {{ return new Response('hi') }} }}");
    let comment = format!("/*{}*/\n", "long ".repeat(60_000));
    let bytes = ["", &comment].map(|comment| {
        let mut worker = Driver::new(&format!("{code}{comment}"));
        worker.instance.memory_bytes()
    });
    // Some 300 bytes for each.
    assert!(bytes[0] > bytes[1] + 500_000, "{bytes:?}");
}

/// What only the parser that takes all functions at once has no stack for is compiled later.
#[test]
fn a_function_that_can_be_compiled_later_only_starts() {
    let nested = format!("{}{}", "[".repeat(3500), "]".repeat(3500));
    let code = format!(
        "function deep() {{ return {nested} }}
        export default {{ fetch() {{
            try {{ deep() }} catch (e) {{ return new Response(e.name) }}
            return new Response('deep enough');
        }} }}"
    );
    let mut worker = Driver::new(&code);
    assert_eq!(text(&respond(&worker.start("GET", "/")).body), "RangeError");
}

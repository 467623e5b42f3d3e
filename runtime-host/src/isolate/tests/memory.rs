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

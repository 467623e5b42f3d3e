//! Starting V8, once per process.

use std::sync::Once;

/// V8 flags, one reason each.
const FLAGS: &str = concat!(
    // A compiled function's code is kept for this many collections; Workers are small and hot.
    " --stack-size=984",
    // A tenant must not observe collections (timing, WeakRef tricks with `gc()`).
    " --no-expose-gc",
    // Fewer helper tasks per isolate: many isolates share two cores.
    " --single-threaded-gc",
);

/// Initialises V8. Threads that will enter an isolate must be created after this returned: on
/// hardware with memory protection keys a thread inherits its access when it is created.
pub fn initialize() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        v8::V8::set_flags_from_string(FLAGS);
        // Unprotected: blocking-pool threads may predate V8 in tests, where cargo's harness owns
        // the threads; production threads are created after `initialize` in `main`.
        let platform = if cfg!(test) {
            v8::new_unprotected_default_platform(1, false)
        } else {
            v8::new_default_platform(1, false)
        };
        v8::V8::initialize_platform(platform.make_shared());
        v8::V8::initialize();
    });
}

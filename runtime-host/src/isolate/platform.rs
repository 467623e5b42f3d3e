//! Starting V8, once per process.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// V8 flags, one reason each.
pub const FLAGS: &str = concat!(
    // Kilobytes of stack that JavaScript may use: V8's own default, said here because the stacks
    // of our threads are chosen by it.
    " --stack-size=984",
    // A tenant must not observe collections (timing, WeakRef tricks with `gc()`).
    " --no-expose-gc",
    // Fewer helper tasks per isolate: many isolates share two cores.
    " --single-threaded-gc",
    // The old generation is collected when it is four times what lived after the last collection, or
    // half-way from there to its limit: what V8 does where there is no tight limit. Under one of 128 MB
    // it would collect at twice that at most, and sooner the more it collected: after each 10 MB text.
    " --heap-growing-percent=300",
    // Pages of an isolate that ended would wait for tasks of other isolates to be returned to the
    // system; isolates here have no task loop.
    " --no-memory-pool-share-memory-on-teardown",
    // While a function is being optimised in the background V8 sets its interrupt budget to 2^30
    // bytes of bytecode (`InterruptBudgetFor` in V8's tiering-manager.cc), and interrupts are only
    // looked at when the budget is spent or a JavaScript function is called: a loop around built-in
    // functions could then not be ended for minutes, whatever it allocates.
    " --no-concurrent-recompilation",
);

/// Flags besides, under which the same work takes the same instructions.
#[cfg(test)]
const REPEATABLE: &str = concat!(
    // No compiler, collector or other helper on a thread of its own.
    " --single-threaded",
    // Collections come after so many bytes, not so much time.
    " --predictable-gc-schedule",
    // Seconds until pages that collections may use again are given back.
    " --memory-pool-timeout=100000",
    " --hash-seed=1 --random-seed=1",
    // Optimising one function takes as many instructions as a hundred requests, at a moment that any
    // change moves. So all code is compiled at once, by the compiler that does not optimise: JavaScript
    // then takes some half more than it would, built-in functions and the host the same.
    " --always-sparkplug --no-maglev --no-turbofan",
);

/// Initialises V8, with the flags that the environment variable `NANO_V8_FLAGS` adds, for diagnosis
/// (`--trace-gc`, `--cpu-prof`…). Threads that will enter an isolate must be created after this returned: on
/// hardware with memory protection keys a thread inherits its access when it is created.
pub fn initialize() {
    start("");
}

/// The same, for a process that counts instructions. Without effect when V8 was started before.
#[cfg(test)]
pub fn initialize_repeatably() {
    start(REPEATABLE);
}

fn start(more_flags: &str) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        share_arenas();
        v8::V8::set_flags_from_string(FLAGS);
        v8::V8::set_flags_from_string(more_flags);
        if let Ok(more) = std::env::var("NANO_V8_FLAGS") {
            v8::V8::set_flags_from_string(&more);
        }
        // Unprotected: blocking-pool threads may predate V8 in tests, where cargo's harness owns
        // the threads; production threads are created after `initialize` in `main`.
        let platform = if cfg!(test) {
            v8::new_unprotected_default_platform(1, false)
        } else {
            v8::new_default_platform(1, false)
        };
        v8::V8::initialize_platform(platform.make_shared());
        v8::V8::initialize();
        super::fatal::listen_to_checks();
    });
}

/// V8's parser and compilers allocate from the C library, on every thread that starts an isolate or
/// runs one. glibc gives each an arena of its own, up to eight for a CPU, and keeps in each what lies
/// between blocks that live. What else allocates here has mimalloc, so two are enough.
fn share_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes two numbers, and no thread of V8's runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Whether an isolate was disposed of since [`give_back_memory`] was called last.
static DISPOSED: AtomicBool = AtomicBool::new(false);

/// Notes that an isolate is gone.
pub fn disposed() {
    DISPOSED.store(true, Ordering::Relaxed);
}

/// Gives memory that isolates left behind back to the system; false when there were none. V8's parser
/// and compilers take theirs from the C library's allocator, which keeps what is freed in the middle of
/// its arenas, one for each thread: hundreds of MB after some thousand modules. It takes milliseconds,
/// and V8 waits for it where it allocates: not for a request's thread, nor after each isolate.
pub fn give_back_memory() -> bool {
    let any = DISPOSED.swap(false, Ordering::Relaxed);
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if any {
        // SAFETY: it takes no pointer and may be called on any thread at any time.
        unsafe { libc::malloc_trim(0) };
    }
    any
}

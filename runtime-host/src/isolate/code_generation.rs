//! Whether code may be made while the program runs: of strings (`eval`) and of bytes
//! (`WebAssembly.Module`). What serves runs the code of bundles only; tests of WebAssembly's
//! interface need more (`nano-host dev --allow-code-generation`).

use std::sync::atomic::{AtomicBool, Ordering};

static ALLOWED: AtomicBool = AtomicBool::new(false);

/// Allows it, for isolates of this process that start from now on.
pub fn allow() {
    ALLOWED.store(true, Ordering::Relaxed);
}

/// Whether it is allowed.
pub fn is_allowed() -> bool {
    ALLOWED.load(Ordering::Relaxed)
}

/// V8's question whether JavaScript may make a `WebAssembly.Module` of bytes. Modules of the bundle
/// are made by the host, for which V8 does not ask.
///
/// # Safety
/// V8 calls it; it uses neither argument.
pub unsafe extern "C" fn of_bytes(
    _context: v8::Local<'_, v8::Context>,
    _source: v8::Local<'_, v8::String>,
) -> bool {
    is_allowed()
}

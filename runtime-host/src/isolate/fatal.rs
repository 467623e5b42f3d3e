//! What V8 says before it ends the process, in the log: whose turn it was, and V8's own words.

use std::ffi::CStr;

use crate::limits::LOG_LAST_WORDS_LIMIT;
use crate::supervisor::recorder;
use crate::telemetry::logs;

/// Failed checks inside of V8, of all isolates; V8 aborts afterwards.
pub fn listen_to_checks() {
    v8::V8::set_fatal_error_handler(|file: &str, line: i32, message: &str| {
        // V8's release builds do not say where.
        let place = if file.is_empty() { String::new() } else { format!(" ({file}:{line})") };
        last_words(&format!("{message}{place}"));
    });
}

/// An isolate that needs memory in a place where V8 can't do without; V8 aborts afterwards.
pub fn listen(isolate: &mut v8::OwnedIsolate) {
    isolate.set_oom_error_handler(out_of_memory);
}

unsafe extern "C" fn out_of_memory(location: *const std::ffi::c_char, details: &v8::OomDetails) {
    let text = |text: *const std::ffi::c_char| {
        // SAFETY: V8 gives null or one of its constant strings.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy())
    };
    let memory = if details.is_heap_oom { "its heap" } else { "the process" };
    let location = text(location).unwrap_or_default();
    let detail = text(details.detail).unwrap_or_default();
    last_words(&format!("out of memory in {memory}: {location} {detail}"));
}

fn last_words(text: &str) {
    match recorder::running_here() {
        Some(tenant) => tracing::error!(
            worker = tenant.worker,
            version = tenant.version,
            "V8 ends this process: {text}"
        ),
        None => tracing::error!("V8 ends this process: {text}"),
    }
    logs::flush_within(LOG_LAST_WORDS_LIMIT);
}

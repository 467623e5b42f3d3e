//! What V8 says before it ends the process, in the log: whose turn it was, and V8's own words.
//!
//! For objects of an impossible size (`"x".repeat(2 ** 28).split("")`) V8 calls nobody: its words are on
//! standard error only (`FatalNoSecurityImpact` in V8's logging.cc).

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

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;
    use crate::isolate::platform;

    #[test]
    fn the_end_is_in_the_log() {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["isolate::fatal::tests::end", "--exact", "--ignored", "--nocapture"])
            .output()
            .expect("it starts");
        assert!(child.status.signal().is_some(), "{child:?}");
        let text = String::from_utf8_lossy(&child.stderr);
        assert!(text.contains("V8 ends this process: out of memory in its heap"), "{text}");
        // V8 goes on to fail a check, as nobody kept it from that.
        assert_eq!(text.matches("V8 ends this process").count(), 2, "{text}");
    }

    #[test]
    #[ignore = "ends the process: the test above runs it in one of its own"]
    fn end() {
        platform::initialize();
        let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).finish();
        tracing::subscriber::with_default(subscriber, || {
            let params = v8::CreateParams::default().heap_limits(0, 8 * 1024 * 1024);
            let mut isolate = v8::Isolate::new(params);
            listen(&mut isolate);
            v8::scope!(let scope, &mut isolate);
            let context = v8::Context::new(scope, v8::ContextOptions::default());
            let scope = &mut v8::ContextScope::new(scope, context);
            let code = "const all = []; for (;;) all.push(new Array(1000).fill({}))";
            let code = v8::String::new(scope, code).expect("a string");
            v8::Script::compile(scope, code, None).and_then(|script| script.run(scope));
        });
    }
}

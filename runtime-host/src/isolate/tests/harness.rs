//! Evaluates one JavaScript test file in a fresh isolate.

use super::driver::bundle;
use crate::isolate::memory::BufferMeter;
use crate::isolate::state::{self, State};
use crate::isolate::{platform, snapshot};
use crate::ops;
use crate::worker::Settings;

/// Bytes that host functions may allocate for a test file.
const MEMORY_BYTES: usize = 256 * 1024 * 1024;

pub struct Outcome {
    pub passed: usize,
    pub failed: Vec<String>,
}

pub fn run(name: &str, source: &str) -> Outcome {
    platform::initialize();
    let params = v8::CreateParams::default()
        .snapshot_blob(snapshot::blob())
        .external_references(snapshot::external_references());
    let mut state = State::new(bundle("", Settings::default()), BufferMeter::new(MEMORY_BYTES));
    state.starting = false;
    let mut isolate = v8::Isolate::new(params);
    // SAFETY: the box lives longer than the isolate, which is dropped first.
    unsafe { state::install(&mut isolate, &raw mut *state) };
    isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    v8::scope!(let scope, &mut isolate);
    let context = v8::Context::new(scope, v8::ContextOptions::default());
    let scope = &mut v8::ContextScope::new(scope, context);
    let internals = scope
        .get_context_data_from_snapshot_once::<v8::Object>(snapshot::INTERNALS_DATA_INDEX)
        .expect("the snapshot holds internals");
    v8::tc_scope!(let scope, scope);
    match evaluate(scope, name, source, internals) {
        Some(outcome) => outcome,
        None => {
            let text = scope.stack_trace().or_else(|| scope.exception());
            let text = text.map(|t| t.to_rust_string_lossy(scope)).unwrap_or_default();
            Outcome { passed: 0, failed: vec![text] }
        }
    }
}

fn evaluate<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    source: &str,
    internals: v8::Local<'s, v8::Object>,
) -> Option<Outcome> {
    let code = v8::String::new(scope, include_str!("harness.js"))?;
    let parameters = ["internals", "ops", "source", "name"].map(|p| v8::String::new(scope, p));
    let parameters: Vec<_> = parameters.into_iter().flatten().collect();
    let mut code = v8::script_compiler::Source::new(code, None);
    let function = v8::script_compiler::compile_function(
        scope,
        &mut code,
        &parameters,
        &[],
        v8::script_compiler::CompileOptions::NoCompileOptions,
        v8::script_compiler::NoCacheReason::NoReason,
    )?;
    let ops = ops::object(scope);
    let source = v8::String::new(scope, source)?;
    let name = v8::String::new(scope, name)?;
    let this = v8::undefined(scope).into();
    let arguments = [internals.into(), ops.into(), source.into(), name.into()];
    let report = function.call(scope, this, &arguments)?;
    scope.perform_microtask_checkpoint();
    let report = v8::Local::<v8::Function>::try_from(report).ok()?;
    let report = report.call(scope, this, &[])?;
    let report = v8::Local::<v8::Array>::try_from(report).ok()?;
    let passed = report.get_index(scope, 0)?.uint32_value(scope)? as usize;
    let failed = (1..report.length())
        .filter_map(|i| Some(report.get_index(scope, i)?.to_rust_string_lossy(scope)))
        .collect();
    Some(Outcome { passed, failed })
}

//! The snapshot every isolate starts from: the web platform's JavaScript, evaluated.
//!
//! It is made in the process at start-up (some milliseconds) instead of at build time: a build-time
//! snapshot would link V8 into the build script as well, and would have to be made for each target.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::{js, ops};

/// Index of the `internals` object among the context's data in the snapshot.
pub const INTERNALS_DATA_INDEX: usize = 0;

/// The blob, made on first use.
///
/// # Panics
/// When a file of [`js::FILES`] does not compile or throws: a defect of this program, found by any
/// test.
pub fn blob() -> v8::StartupData {
    static BLOB: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes: &'static [u8] = BLOB.get_or_init(create);
    v8::StartupData::from(bytes)
}

/// Addresses of host functions that the snapshot refers to, in the order of the op list.
pub fn external_references() -> Cow<'static, [v8::ExternalReference]> {
    static REFERENCES: OnceLock<SyncReferences> = OnceLock::new();
    let references = REFERENCES.get_or_init(|| {
        let mut references: Vec<_> =
            ops::list().iter().map(|op| v8::ExternalReference { function: op.callback }).collect();
        references.push(v8::ExternalReference { pointer: std::ptr::null_mut() });
        SyncReferences(references)
    });
    Cow::Borrowed(&references.0)
}

struct SyncReferences(Vec<v8::ExternalReference>);
// SAFETY: the references are addresses of functions and a null, never dereferenced as data here.
unsafe impl Send for SyncReferences {}
// SAFETY: as above; the vector is never changed after it was made.
unsafe impl Sync for SyncReferences {}

fn create() -> Vec<u8> {
    super::platform::initialize();
    let mut isolate = v8::Isolate::snapshot_creator(Some(external_references()), None);
    let evaluated = {
        v8::scope!(let scope, &mut isolate);
        let context = v8::Context::new(scope, v8::ContextOptions::default());
        let scope = &mut v8::ContextScope::new(scope, context);
        evaluate(scope).map(|internals| {
            let index = scope.add_context_data(context, internals);
            assert_eq!(index, INTERNALS_DATA_INDEX);
            scope.set_default_context(context);
        })
    };
    if let Err(text) = evaluated {
        // A snapshot creator may not be dropped without a blob; the panic must not do so.
        std::mem::forget(isolate);
        panic!("{text}");
    }
    let blob = isolate
        .create_blob(v8::FunctionCodeHandling::Keep)
        .expect("V8 makes a blob when no isolate data is left over");
    blob.to_vec()
}

/// Runs every file and returns `internals`.
fn evaluate<'s>(scope: &mut v8::PinScope<'s, '_>) -> Result<v8::Local<'s, v8::Object>, String> {
    let internals = v8::Object::new(scope);
    let ops = ops::object(scope);
    for (name, source) in js::FILES {
        v8::tc_scope!(let scope, scope);
        if run_file(scope, name, source, internals, ops).is_none() {
            let exception = scope.exception().map(|e| e.to_rust_string_lossy(scope));
            let stack = scope.stack_trace().map(|s| s.to_rust_string_lossy(scope));
            let (exception, stack) = (exception.unwrap_or_default(), stack.unwrap_or_default());
            return Err(format!("snapshot file {name}: {exception}\n{stack}"));
        }
    }
    Ok(internals)
}

/// Compiles one file as the body of `function (internals, ops)` and calls it.
fn run_file<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    source: &str,
    internals: v8::Local<'s, v8::Object>,
    ops: v8::Local<'s, v8::Object>,
) -> Option<()> {
    let code = v8::String::new(scope, source)?;
    let origin_name = v8::String::new(scope, &format!("nano:{name}"))?;
    let origin = v8::ScriptOrigin::new(
        scope,
        origin_name.into(),
        0,
        0,
        false,
        0,
        None,
        false,
        false,
        false,
        None,
    );
    let parameters = [v8::String::new(scope, "internals")?, v8::String::new(scope, "ops")?];
    let mut source = v8::script_compiler::Source::new(code, Some(&origin));
    let function = v8::script_compiler::compile_function(
        scope,
        &mut source,
        &parameters,
        &[],
        v8::script_compiler::CompileOptions::EagerCompile,
        v8::script_compiler::NoCacheReason::NoReason,
    )?;
    let receiver = v8::undefined(scope).into();
    function.call(scope, receiver, &[internals.into(), ops.into()])?;
    Some(())
}

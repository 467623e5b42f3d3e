//! The snapshot every isolate starts from: the web platform's JavaScript, evaluated.
//!
//! `nano-host snapshot` keeps it in a file ([`super::kept`]). Where there is none that fits it is
//! made in the process: not at build time, which would link V8 into a build script as well.

use std::borrow::Cow;
use std::ffi::c_void;
use std::sync::OnceLock;

use super::kept;
use crate::js::{self, Compiled};
use crate::ops;

/// Index of the `internals` object among the context's data in the snapshot.
pub const INTERNALS_DATA_INDEX: usize = 0;

/// The sources as V8 uses them where they lie, in the program: neither the snapshot nor an isolate
/// holds a copy. They are ASCII, or this does not compile.
static SOURCES: [v8::OneByteConst; js::FILES.len()] = {
    let mut sources = [v8::String::create_external_onebyte_const(b""); js::FILES.len()];
    let mut at = 0;
    while at < sources.len() {
        sources[at] = v8::String::create_external_onebyte_const(js::FILES[at].text.as_bytes());
        at += 1;
    }
    sources
};

/// The sources of this process: [`SOURCES`], or in a build with debug assertions the files of the
/// directory that `NANO_JS` names, so that work on them need not wait for the compiler.
fn sources() -> &'static [v8::OneByteConst] {
    static REPLACED: OnceLock<Option<&'static [v8::OneByteConst]>> = OnceLock::new();
    let replaced = REPLACED.get_or_init(|| {
        let directory = std::env::var_os(js::DIRECTORY_VARIABLE).filter(|_| js::MAY_BE_REPLACED)?;
        let read = |file: &js::File| {
            let path = std::path::Path::new(&directory).join(file.name);
            let text = std::fs::read_to_string(&path);
            let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            v8::String::create_external_onebyte_const(text.leak().as_bytes())
        };
        Some(&*js::FILES.iter().map(read).collect::<Vec<_>>().leak())
    });
    replaced.unwrap_or(&SOURCES)
}

/// The file that the blob is kept in, where it is looked for.
pub fn file() -> Option<std::path::PathBuf> {
    kept::path()
}

/// The blob, read or made on first use.
///
/// # Panics
/// When a file of [`js::FILES`] does not compile or throws: a defect of this program, found by any
/// test.
pub fn blob() -> v8::StartupData {
    static BLOB: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes: &'static [u8] = BLOB.get_or_init(|| kept::find().unwrap_or_else(create));
    v8::StartupData::from(bytes)
}

/// Addresses of host functions and sources that the snapshot refers to, in the order of their lists.
pub fn external_references() -> Cow<'static, [v8::ExternalReference]> {
    static REFERENCES: OnceLock<SyncReferences> = OnceLock::new();
    let references = REFERENCES.get_or_init(|| {
        let functions =
            ops::list().into_iter().map(|op| v8::ExternalReference { function: op.callback });
        let getters = ops::getters()
            .into_iter()
            .map(|getter| v8::ExternalReference { pointer: getter as *mut c_void });
        let sources = sources().iter().map(|source| v8::ExternalReference {
            pointer: std::ptr::from_ref(source).cast_mut().cast::<c_void>(),
        });
        let end = v8::ExternalReference { pointer: std::ptr::null_mut() };
        SyncReferences(functions.chain(getters).chain(sources).chain([end]).collect())
    });
    Cow::Borrowed(&references.0)
}

struct SyncReferences(Vec<v8::ExternalReference>);
// SAFETY: the references are addresses of functions, of statics and a null, never written through.
unsafe impl Send for SyncReferences {}
// SAFETY: as above; the vector is never changed after it was made.
unsafe impl Sync for SyncReferences {}

/// Makes the blob. Before any other isolate of the process: they share a part of the heap, and V8
/// writes all of it, or ends the process when another blob is in use.
///
/// # Panics
/// As [`blob`].
pub fn create() -> Vec<u8> {
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
    for (file, source) in js::FILES.iter().zip(sources()) {
        v8::tc_scope!(let scope, scope);
        if run_file(scope, file, source, internals, ops).is_none() {
            let exception = scope.exception().map(|e| e.to_rust_string_lossy(scope));
            let stack = scope.stack_trace().map(|s| s.to_rust_string_lossy(scope));
            let (exception, stack) = (exception.unwrap_or_default(), stack.unwrap_or_default());
            return Err(format!("snapshot file {}: {exception}\n{stack}", file.name));
        }
    }
    Ok(internals)
}

/// Compiles one file as the body of `function (internals, ops)` and calls it.
fn run_file<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    file: &js::File,
    source: &'static v8::OneByteConst,
    internals: v8::Local<'s, v8::Object>,
    ops: v8::Local<'s, v8::Object>,
) -> Option<()> {
    let code = v8::String::new_from_onebyte_const(scope, source)?;
    let origin_name = v8::String::new(scope, &format!("nano:{}", file.name))?;
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
    let options = match file.compiled {
        Compiled::Ahead => v8::script_compiler::CompileOptions::EagerCompile,
        Compiled::OnCall => v8::script_compiler::CompileOptions::NoCompileOptions,
    };
    let function = v8::script_compiler::compile_function(
        scope,
        &mut source,
        &parameters,
        &[],
        options,
        v8::script_compiler::NoCacheReason::NoReason,
    )?;
    let receiver = v8::undefined(scope).into();
    function.call(scope, receiver, &[internals.into(), ops.into()])?;
    Some(())
}

//! Compiling and evaluating a bundle's modules in an isolate.

use std::collections::HashMap;
use std::num::NonZeroI32;

use v8::script_compiler::{CompileOptions, NoCacheReason};
use v8::{Local, PinScope};

use super::{error, state};
use crate::worker::{Bundle, Format, Module, ModuleImport, ModuleKind};

/// Sources from this size on are not copied into the heap: V8 reads them where the bundle has them.
const SHARED_SOURCE_MIN: usize = 2048;

/// So much source, in bytes and all modules together, is compiled with all its functions when the isolate
/// starts, away from the threads of requests. Of more than that most functions are never called: those are
/// compiled when they first are, as V8 does by itself.
const WHOLE_SOURCES_MOST: usize = 256 * 1024;

/// Modules of the isolate that were compiled.
#[derive(Default)]
pub struct ModuleMap {
    compiled: HashMap<String, v8::Global<v8::Module>>,
    names: HashMap<NonZeroI32, String>,
    /// What a synthetic module (JSON, text, data, WebAssembly, host) exports, until evaluated.
    exports: HashMap<NonZeroI32, Vec<(String, v8::Global<v8::Value>)>>,
    /// Name → object of exports, for modules that the host provides.
    pub host: HashMap<String, v8::Global<v8::Object>>,
    /// Bytes of source that were compiled whole.
    whole: usize,
}

impl ModuleMap {
    /// Whether a source of so many bytes is to be compiled whole, which is noted.
    fn takes_whole(&mut self, bytes: usize) -> bool {
        let whole = self.whole.saturating_add(bytes);
        let fits = whole <= WHOLE_SOURCES_MOST;
        if fits {
            self.whole = whole;
        }
        fits
    }
}

/// Evaluates the Worker's entry. Returns the main module's namespace, or `None` for a
/// service-worker script, in an outer `None` when an exception is pending.
#[allow(clippy::option_option)] // The outer one is V8's "an exception is pending".
pub fn evaluate<'s>(
    scope: &mut PinScope<'s, '_>,
    bundle: &Bundle,
) -> Option<Option<Local<'s, v8::Object>>> {
    match bundle.format {
        Format::ServiceWorker => run_script(scope, bundle).map(|()| None),
        Format::Modules => {
            let module = compile(scope, &bundle.main)?;
            module.instantiate_module(scope, resolve_callback)?;
            let promise = module.evaluate(scope)?;
            scope.perform_microtask_checkpoint();
            settled(scope, promise)?;
            Local::<v8::Object>::try_from(module.get_module_namespace()).ok().map(Some)
        }
    }
}

/// Top-level await must have finished: at start-up there is no I/O to wait for.
fn settled(scope: &mut PinScope<'_, '_>, promise: Local<'_, v8::Value>) -> Option<()> {
    let promise = Local::<v8::Promise>::try_from(promise).ok()?;
    match promise.state() {
        v8::PromiseState::Fulfilled => Some(()),
        v8::PromiseState::Rejected => {
            promise.mark_as_handled();
            let reason = promise.result(scope);
            scope.throw_exception(reason);
            None
        }
        v8::PromiseState::Pending => {
            throw(
                scope,
                "the Worker's top-level await never finishes: there is no I/O, and no timer, before the first request",
            );
            None
        }
    }
}

fn run_script(scope: &mut PinScope<'_, '_>, bundle: &Bundle) -> Option<()> {
    let module = bundle.module(&bundle.main)?;
    let code = source_string(scope, module)?;
    let origin = origin(scope, &module.specifier, false)?;
    v8::Script::compile(scope, code, Some(&origin))?.run(scope)?;
    scope.perform_microtask_checkpoint();
    Some(())
}

/// The compiled module for a specifier of the bundle, compiled now when it is the first time.
fn compile<'s>(scope: &mut PinScope<'s, '_>, specifier: &str) -> Option<Local<'s, v8::Module>> {
    if let Some(module) = state::with(scope, |s| s.modules.compiled.get(specifier).cloned()) {
        return Some(Local::new(scope, module));
    }
    let bundle = state::with(scope, |s| s.bundle.clone());
    let Some(module) = bundle.module(specifier) else {
        throw(scope, &format!("module {specifier} is not part of the Worker"));
        return None;
    };
    let compiled = if module.kind == ModuleKind::Esm {
        compile_source(scope, module)?
    } else {
        let value = data_value(scope, module)?;
        synthetic(scope, specifier, vec![("default".into(), value)])?
    };
    remember(scope, specifier, compiled);
    Some(compiled)
}

fn remember(scope: &mut PinScope<'_, '_>, name: &str, module: Local<'_, v8::Module>) {
    let global = v8::Global::new(scope, module);
    state::with(scope, |s| {
        s.modules.names.insert(module.get_identity_hash(), name.to_owned());
        s.modules.compiled.insert(name.to_owned(), global);
    });
}

fn compile_source<'s>(
    scope: &mut PinScope<'s, '_>,
    module: &Module,
) -> Option<Local<'s, v8::Module>> {
    let code = source_string(scope, module)?;
    let origin = origin(scope, &module.specifier, true)?;
    if state::with(scope, |s| s.starting && s.modules.takes_whole(module.source.len())) {
        v8::tc_scope!(let scope, scope);
        if let Some(module) = compile_with(scope, code, &origin, CompileOptions::EagerCompile) {
            return Some(module);
        }
        if scope.has_terminated() {
            return None;
        }
        // Functions may be nested deeper than the parser's stack allows when it takes them all at
        // once. What is wrong with the source in earnest is said again below.
        scope.reset();
    }
    compile_with(scope, code, &origin, CompileOptions::NoCompileOptions)
}

fn compile_with<'s>(
    scope: &mut PinScope<'s, '_>,
    code: Local<'s, v8::String>,
    origin: &v8::ScriptOrigin<'_>,
    options: CompileOptions,
) -> Option<Local<'s, v8::Module>> {
    let mut source = v8::script_compiler::Source::new(code, Some(origin));
    v8::script_compiler::compile_module2(scope, &mut source, options, NoCacheReason::NoReason)
}

fn data_value<'s>(scope: &mut PinScope<'s, '_>, module: &Module) -> Option<Local<'s, v8::Value>> {
    match module.kind {
        ModuleKind::Text | ModuleKind::Esm => source_string(scope, module).map(Into::into),
        ModuleKind::Json => {
            let text = source_string(scope, module)?;
            v8::json::parse(scope, text)
        }
        ModuleKind::Data => {
            let store = v8::ArrayBuffer::new_backing_store_from_vec(module.source.to_vec());
            Some(v8::ArrayBuffer::with_backing_store(scope, &store.make_shared()).into())
        }
        ModuleKind::Wasm => v8::WasmModuleObject::compile(scope, &module.source).map(Into::into),
    }
}

fn synthetic<'s>(
    scope: &mut PinScope<'s, '_>,
    name: &str,
    exports: Vec<(String, Local<'s, v8::Value>)>,
) -> Option<Local<'s, v8::Module>> {
    let module_name = v8::String::new(scope, name)?;
    let names: Option<Vec<_>> = exports.iter().map(|(n, _)| v8::String::new(scope, n)).collect();
    let module =
        v8::Module::create_synthetic_module(scope, module_name, &names?, synthetic_callback);
    let exports =
        exports.into_iter().map(|(name, value)| (name, v8::Global::new(scope, value))).collect();
    state::with(scope, |s| s.modules.exports.insert(module.get_identity_hash(), exports));
    Some(module)
}

/// A module that the host provides, such as `cloudflare:workers`.
fn host_module<'s>(scope: &mut PinScope<'s, '_>, name: &str) -> Option<Local<'s, v8::Module>> {
    if let Some(module) = state::with(scope, |s| s.modules.compiled.get(name).cloned()) {
        return Some(Local::new(scope, module));
    }
    let Some(object) = state::with(scope, |s| s.modules.host.get(name).cloned()) else {
        throw(scope, &format!("module {name} is not provided by this host"));
        return None;
    };
    let object = Local::new(scope, object);
    let names = object.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
    let mut exports = Vec::new();
    for index in 0..names.length() {
        let key = names.get_index(scope, index)?;
        exports.push((key.to_rust_string_lossy(scope), object.get(scope, key)?));
    }
    let module = synthetic(scope, name, exports)?;
    remember(scope, name, module);
    Some(module)
}

fn resolve<'s>(
    scope: &mut PinScope<'s, '_>,
    referrer: &str,
    specifier: &str,
) -> Option<Local<'s, v8::Module>> {
    let bundle = state::with(scope, |s| s.bundle.clone());
    match bundle.resolve(referrer, specifier) {
        Ok(ModuleImport::Module(module)) => compile(scope, &module.specifier),
        Ok(ModuleImport::Host(name)) => host_module(scope, name),
        Err(error) => {
            throw(scope, &error.to_string());
            None
        }
    }
}

fn resolve_callback<'s>(
    context: Local<'s, v8::Context>,
    specifier: Local<'s, v8::String>,
    _attributes: Local<'s, v8::FixedArray>,
    referrer: Local<'s, v8::Module>,
) -> Option<Local<'s, v8::Module>> {
    v8::callback_scope!(unsafe scope, context);
    let specifier = specifier.to_rust_string_lossy(scope);
    let hash = referrer.get_identity_hash();
    let referrer = state::with(scope, |s| s.modules.names.get(&hash).cloned())?;
    resolve(scope, &referrer, &specifier)
}

fn synthetic_callback<'s>(
    context: Local<'s, v8::Context>,
    module: Local<'s, v8::Module>,
) -> Option<Local<'s, v8::Value>> {
    v8::callback_scope!(unsafe scope, context);
    let hash = module.get_identity_hash();
    let exports = state::with(scope, |s| s.modules.exports.remove(&hash)).unwrap_or_default();
    for (name, value) in exports {
        let name = v8::String::new(scope, &name)?;
        let value = Local::new(scope, value);
        module.set_synthetic_module_export(scope, name, value)?;
    }
    // An asynchronous module evaluation expects a promise.
    let resolver = v8::PromiseResolver::new(scope)?;
    let undefined = v8::undefined(scope);
    resolver.resolve(scope, undefined.into())?;
    Some(resolver.get_promise(scope).into())
}

/// `import(specifier)` (ECMA-262 §16.2.1.9 `HostLoadImportedModule`).
pub fn import_callback<'s>(
    scope: &mut PinScope<'s, '_>,
    _options: Local<'s, v8::Data>,
    referrer: Local<'s, v8::Value>,
    specifier: Local<'s, v8::String>,
    _attributes: Local<'s, v8::FixedArray>,
) -> Option<Local<'s, v8::Promise>> {
    let resolver = v8::PromiseResolver::new(scope)?;
    let promise = resolver.get_promise(scope);
    let referrer = referrer.to_rust_string_lossy(scope);
    // Cut off it names no module, and neither would the whole.
    let specifier = error::bounded(scope, specifier);
    v8::tc_scope!(let scope, scope);
    if let Some((evaluated, namespace)) = import(scope, &referrer, &specifier) {
        // The import settles with the module's evaluation, to its namespace.
        let on_evaluated = v8::Function::builder(
            |_: &mut PinScope<'_, '_>,
             args: v8::FunctionCallbackArguments<'_>,
             mut rv: v8::ReturnValue<'_>| rv.set(args.data()),
        )
        .data(namespace)
        .build(scope)?;
        let chained = evaluated.then(scope, on_evaluated)?;
        resolver.resolve(scope, chained.into())?;
    } else if scope.has_terminated() {
        // A turn that must end is no rejection that the Worker could go on with.
        return None;
    } else if let Some(exception) = scope.exception() {
        scope.reset();
        resolver.reject(scope, exception)?;
    }
    Some(promise)
}

fn import<'s>(
    scope: &mut PinScope<'s, '_>,
    referrer: &str,
    specifier: &str,
) -> Option<(Local<'s, v8::Promise>, Local<'s, v8::Value>)> {
    let module = resolve(scope, referrer, specifier)?;
    module.instantiate_module(scope, resolve_callback)?;
    let evaluated = module.evaluate(scope)?;
    Some((Local::<v8::Promise>::try_from(evaluated).ok()?, module.get_module_namespace()))
}

/// Gives `import.meta.url`.
///
/// # Safety
/// V8 calls it, with the context entered.
pub unsafe extern "C" fn import_meta_callback(
    context: Local<'_, v8::Context>,
    module: Local<'_, v8::Module>,
    meta: Local<'_, v8::Object>,
) {
    v8::callback_scope!(unsafe scope, context);
    let hash = module.get_identity_hash();
    let name = state::with(scope, |s| s.modules.names.get(&hash).cloned()).unwrap_or_default();
    let key = v8::String::new(scope, "url");
    let url = v8::String::new(scope, &Bundle::import_meta_url(&name));
    if let (Some(key), Some(url)) = (key, url) {
        meta.create_data_property(scope, key.into(), url.into());
    }
}

/// The text of one of the isolate's own bundle's modules.
fn source_string<'s>(
    scope: &mut PinScope<'s, '_>,
    module: &Module,
) -> Option<Local<'s, v8::String>> {
    let string = if !module.source.is_ascii() {
        v8::String::new_from_utf8(scope, &module.source, v8::NewStringType::Normal)
    } else if module.source.len() < SHARED_SOURCE_MIN {
        v8::String::new_from_one_byte(scope, &module.source, v8::NewStringType::Normal)
    } else {
        // SAFETY: the bytes never change, and lie in a bundle that the isolate's state holds until
        // after the isolate is gone.
        let text =
            unsafe { std::slice::from_raw_parts(module.source.as_ptr(), module.source.len()) };
        v8::String::new_external_onebyte_static(scope, text)
    };
    if string.is_none() {
        throw(scope, &format!("module {} is too long for a string", module.specifier));
    }
    string
}

/// Stack traces name modules by their specifier.
fn origin<'s>(
    scope: &mut PinScope<'s, '_>,
    specifier: &str,
    is_module: bool,
) -> Option<v8::ScriptOrigin<'s>> {
    let name = v8::String::new(scope, specifier)?;
    Some(v8::ScriptOrigin::new(
        scope,
        name.into(),
        0,
        0,
        false,
        0,
        None,
        false,
        false,
        is_module,
        None,
    ))
}

fn throw(scope: &mut PinScope<'_, '_>, message: &str) {
    let message = v8::String::new(scope, message).unwrap_or_else(|| v8::String::empty(scope));
    let error = v8::Exception::error(scope, message);
    scope.throw_exception(error);
}

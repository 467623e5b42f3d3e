//! Workers as their authors write them: configuration, modules, TypeScript, routes, changes.
//! The product is a [`Bundle`], which the isolate compiles. Names neither V8 nor Envoy.

pub mod bundle;
mod commonjs;
mod javascript;
pub mod resolve;
pub mod source_map;
mod typescript;

use std::path::Path;

use bytes::Bytes;

pub use bundle::{Bundle, Format, Module, ModuleImport, ModuleKind, Settings};

use crate::diagnostic::{Diagnostic, SourceText};

/// Loads a Worker that is one JavaScript file.
pub fn load_script(path: &Path) -> Result<Bundle, Vec<Diagnostic>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![Diagnostic::error(path, format!("cannot be read: {error}"))])?;
    let source = SourceText { file: path, text: &text };
    let script = javascript::read(source, javascript::Goal::ModuleOrScript)?;
    let format = if script.is_module { Format::Modules } else { Format::ServiceWorker };
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let main = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let module = Module {
        specifier: main.clone(),
        kind: ModuleKind::Esm,
        source: Bytes::from(text),
        source_map: None,
    };
    let directory = path.parent().unwrap_or(Path::new(".")).to_owned();
    Ok(Bundle::new(name, directory, format, main, vec![module], Settings::default()))
}

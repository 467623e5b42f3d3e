//! Workers as their authors write them: configuration, modules, TypeScript, routes, changes.
//! The product is a [`Bundle`], which the isolate compiles. Names neither V8 nor Envoy.

mod additional;
pub mod bundle;
mod commonjs;
mod graph;
mod javascript;
mod load;
mod nesting;
pub mod resolve;
mod rules;
pub mod source_map;
#[cfg(test)]
mod tests;
mod typescript;
pub mod watch;
mod wrangler;

use std::path::Path;

pub use bundle::{Bundle, Format, Module, ModuleImport, ModuleKind, OriginalPosition, Settings};
pub use load::{Loaded, directories, load, load_all};
pub use nano_routing::RouteTable;

use crate::config::Config;
use crate::diagnostic::Diagnostic;

/// Loads a Worker that is one JavaScript file, with default settings.
pub fn load_script(path: &Path) -> Result<Bundle, Vec<Diagnostic>> {
    let Loaded { bundle, diagnostics } = load(path, &Config::default());
    bundle.ok_or(diagnostics)
}

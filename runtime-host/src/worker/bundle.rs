//! A loaded Worker: what an isolate compiles, and what the host must know to run it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::resolve::{self, ResolveError, Target};
use super::source_map::SourceMap;
use crate::egress::Policy;
use crate::exchange::FailureMode;
use crate::limits::Limits;

/// How the Worker's code is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// ES modules: `export default { fetch }`.
    Modules,
    /// A script that calls `addEventListener("fetch", …)`; its only module is a classic script.
    ServiceWorker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModuleKind {
    /// JavaScript: UTF-8, an ES module, or the script of [`Format::ServiceWorker`].
    Esm,
    /// Valid JSON in UTF-8; the default export is the parsed value.
    Json,
    /// UTF-8; the default export is a string.
    Text,
    /// The default export is an `ArrayBuffer`.
    Data,
    /// WebAssembly; the default export is a `WebAssembly.Module`. Not validated yet.
    Wasm,
}

#[derive(Clone, Debug)]
pub struct Module {
    /// The path relative to the Worker's directory with forward slashes, `src/index.js`; the name
    /// of a TypeScript file stays as it is.
    pub specifier: String,
    pub kind: ModuleKind,
    /// What to compile: without byte-order mark, and without types where it was TypeScript.
    pub source: Bytes,
    pub source_map: Option<SourceMap>,
}

/// What wrangler's file and `nano.toml` say about a Worker beside its code.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub vars: Map<String, Value>,
    pub compatibility_date: Option<String>,
    pub compatibility_flags: Vec<String>,
    /// Route patterns of the wrangler file.
    pub routes: Vec<String>,
    pub limits: Limits,
    /// Where `fetch()` to the request's own authority goes once the exchange was continued.
    /// `http` or `https`, without path.
    pub origin: Option<url::Url>,
    pub failure_mode: FailureMode,
    /// Error pages carry the stack.
    pub debug_errors: bool,
    /// Its handlers read large response bodies before they answer: a front end may bring every
    /// response body here from the start. `None`: found out by the first body that does not fit.
    pub reads_responses: Option<bool>,
    /// Isolates it may have at once; 0: as many as threads run Workers.
    pub isolates: u32,
    /// What it may connect to.
    pub egress: Policy,
}

/// One version of a Worker, immutable.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub name: String,
    /// Twelve hex digits that differ when anything of code or settings differs.
    pub version: String,
    pub format: Format,
    /// The specifier of the entry module.
    pub main: String,
    pub modules: Vec<Module>,
    pub settings: Settings,
    /// The Worker's directory.
    pub directory: PathBuf,
    index: HashMap<String, usize>,
}

/// What an import leads to.
#[derive(Clone, Copy, Debug)]
pub enum ModuleImport<'a> {
    Module(&'a Module),
    /// Provided by the host under this specifier ([`resolve::HOST_MODULES`]).
    Host(&'static str),
}

/// A place in a file that the Worker's author wrote. Line and column count from 1; the column in
/// UTF-16 units as JavaScript engines do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalPosition {
    pub file: String,
    pub line: u32,
    pub column: u32,
}

impl Bundle {
    /// `main` must be the specifier of one of `modules`.
    pub fn new(
        name: String,
        directory: PathBuf,
        format: Format,
        main: String,
        modules: Vec<Module>,
        settings: Settings,
    ) -> Self {
        let index = modules
            .iter()
            .enumerate()
            .map(|(at, m)| (m.specifier.clone(), at))
            .collect::<HashMap<_, _>>();
        debug_assert!(index.contains_key(&main), "main module {main} is not in the bundle");
        let version = version(&name, format, &main, &modules, &settings);
        Self { name, version, format, main, modules, settings, directory, index }
    }

    pub fn module(&self, specifier: &str) -> Option<&Module> {
        self.modules.get(*self.index.get(specifier)?)
    }

    /// What `specifier` means in the module `referrer`, for static and dynamic imports alike. Only
    /// modules that were loaded with the Worker are found: those that a literal import names, and
    /// those that wrangler's `find_additional_modules` added.
    pub fn resolve(
        &self,
        referrer: &str,
        specifier: &str,
    ) -> Result<ModuleImport<'_>, ResolveError> {
        match resolve::target(referrer, specifier)? {
            Target::Host(name) => Ok(ModuleImport::Host(name)),
            Target::Path(path) => {
                resolve::first_candidate(&path, |candidate| self.module(candidate))
                    .map(ModuleImport::Module)
                    .ok_or_else(|| ResolveError::NotFound { specifier: specifier.into(), path })
            }
        }
    }

    /// What `import.meta.url` is in a module.
    pub fn import_meta_url(specifier: &str) -> String {
        let mut url = String::from("file:///");
        for byte in specifier.bytes() {
            if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) {
                url.push(char::from(byte));
            } else {
                // Writing to a String can't fail.
                let _ = write!(url, "%{byte:02X}");
            }
        }
        url
    }

    /// The place its author knows for a place in running code, through the source map if there is
    /// one. `specifier` may also be a module's `import.meta.url`.
    pub fn position(&self, specifier: &str, line: u32, column: u32) -> OriginalPosition {
        let module = match specifier.strip_prefix("file:///") {
            Some(_) => match self.resolve("", specifier) {
                Ok(ModuleImport::Module(module)) => Some(module),
                _ => None,
            },
            None => self.module(specifier),
        };
        module
            .and_then(|module| module.source_map.as_ref())
            .and_then(|map| map.lookup(line.saturating_sub(1), column.saturating_sub(1)))
            .map_or_else(
                || OriginalPosition {
                    file: module.map_or(specifier, |module| &module.specifier).to_owned(),
                    line,
                    column,
                },
                |(file, line, column)| OriginalPosition {
                    file: file.to_owned(),
                    line: line.saturating_add(1),
                    column: column.saturating_add(1),
                },
            )
    }

    /// Bytes of all modules together.
    pub fn size_bytes(&self) -> usize {
        self.modules.iter().map(|module| module.source.len()).sum()
    }
}

fn version(
    name: &str,
    format: Format,
    main: &str,
    modules: &[Module],
    settings: &Settings,
) -> String {
    let mut hash = Sha256::new();
    // Each part goes in with its length, so that no two different bundles hash the same bytes.
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(name.as_bytes());
    add(main.as_bytes());
    add(format!("{format:?} {settings:?}").as_bytes());
    for module in modules {
        add(module.specifier.as_bytes());
        add(format!("{:?}", module.kind).as_bytes());
        add(&module.source);
    }
    let digest = hash.finalize();
    digest.iter().take(6).fold(String::new(), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::source_map::Mapping;

    fn bundle(modules: &[(&str, &str)], settings: Settings) -> Bundle {
        let modules = modules
            .iter()
            .map(|(specifier, source)| Module {
                specifier: (*specifier).into(),
                kind: ModuleKind::Esm,
                source: Bytes::copy_from_slice(source.as_bytes()),
                source_map: None,
            })
            .collect::<Vec<_>>();
        let main = modules[0].specifier.clone();
        Bundle::new("w".into(), "/w".into(), Format::Modules, main, modules, settings)
    }

    #[test]
    fn resolves_what_was_loaded() {
        let bundle = bundle(&[("src/index.ts", ""), ("src/lib/index.js", "")], Settings::default());
        let found = |referrer: &str, specifier: &str| match bundle.resolve(referrer, specifier) {
            Ok(ModuleImport::Module(module)) => module.specifier.clone(),
            other => panic!("{specifier}: {other:?}"),
        };
        assert_eq!(found("src/index.ts", "./lib"), "src/lib/index.js");
        assert_eq!(found("src/lib/index.js", "../index.js"), "src/index.ts");
        assert_eq!(found("src/lib/index.js", "file:///src/index.ts"), "src/index.ts");
        assert!(matches!(
            bundle.resolve("src/index.ts", "cloudflare:workers"),
            Ok(ModuleImport::Host("cloudflare:workers"))
        ));
        let error = bundle.resolve("src/index.ts", "./nope.js").unwrap_err();
        assert_eq!(error.to_string(), "cannot import \"./nope.js\": there is no src/nope.js");
    }

    #[test]
    fn version_follows_code_and_settings() {
        let first = bundle(&[("a.js", "1")], Settings::default());
        assert_eq!(first.version.len(), 12);
        assert_eq!(first.version, bundle(&[("a.js", "1")], Settings::default()).version);
        assert_ne!(first.version, bundle(&[("a.js", "2")], Settings::default()).version);
        let mut settings = Settings::default();
        settings.vars.insert("KEY".into(), "value".into());
        assert_ne!(first.version, bundle(&[("a.js", "1")], settings).version);
    }

    #[test]
    fn positions_go_through_the_source_map() {
        let mut bundle = bundle(&[("src/a b.ts", "")], Settings::default());
        let plain = |line, column| OriginalPosition { file: "src/a b.ts".into(), line, column };
        assert_eq!(bundle.position("src/a b.ts", 7, 3), plain(7, 3));
        let mapping = Mapping { line: 0, column: 4, source: 0, source_line: 9, source_column: 1 };
        bundle.modules[0].source_map =
            Some(SourceMap::new(vec!["src/a b.ts".into()], vec![mapping]));
        let url = Bundle::import_meta_url("src/a b.ts");
        assert_eq!(url, "file:///src/a%20b.ts");
        assert_eq!(bundle.position(&url, 1, 8), plain(10, 2));
        assert_eq!(bundle.position("nano:internal", 1, 8).file, "nano:internal");
    }
}

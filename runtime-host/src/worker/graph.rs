//! The modules of a Worker: from its entry along the imports, never out of its directory.

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::additional;
use super::bundle::{Format, Module, ModuleKind};
use super::commonjs;
use super::javascript::{self, Goal, Import};
use super::nesting;
use super::resolve::{self, ResolveError, Target};
use super::rules::Rules;
use super::source_map::SourceMap;
use super::typescript;
use crate::diagnostic::{Diagnostic, SourceText};
use crate::limits::{DIAGNOSTICS_MAX, IMPORTS_MAX, Limit, MODULES_MAX};

/// What to load.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The Worker's directory.
    pub root: &'a Path,
    /// Relative to `root`, as the configuration has it.
    pub main: &'a str,
    pub rules: &'a Rules,
    /// Files below this directory (relative to `root`) that match a rule are added although no
    /// literal import names them.
    pub additional: Option<&'a str>,
    /// Of all modules together.
    pub size_max_bytes: usize,
}

/// What was loaded; the first module is the main one.
#[derive(Debug)]
pub struct Graph {
    pub format: Format,
    pub modules: Vec<Module>,
}

/// Loads the graph. The main module's own absence is the error; all else that is wrong is in the
/// diagnostics, and the graph is only complete when none of them is an error.
pub fn load(plan: &Plan<'_>) -> Result<(Graph, Vec<Diagnostic>), ResolveError> {
    let mut walk = Walk::new(plan);
    if plan.main.starts_with('/') {
        return Err(ResolveError::Absolute(plan.main.to_owned()));
    }
    let main = walk.locate("", &format!("./{}", plan.main))?;
    if let Found::File(path) = main {
        walk.main = Some(path.clone());
        walk.enqueue(path);
    }
    if let Some(base) = plan.additional {
        match additional::find(plan.root, base, plan.rules) {
            Ok(paths) => paths.into_iter().for_each(|path| walk.enqueue(path)),
            Err(error) => walk.diagnostics.push(error),
        }
    }
    while let Some(path) = walk.queue.pop_front() {
        if !walk.load_module(&path) || walk.has_enough_errors() {
            break;
        }
    }
    Ok((Graph { format: walk.format, modules: walk.modules }, walk.diagnostics))
}

enum Found {
    File(String),
    Host,
}

struct Walk<'a> {
    plan: &'a Plan<'a>,
    /// The directory without symbolic links.
    real_root: PathBuf,
    main: Option<String>,
    seen: HashSet<String>,
    queue: VecDeque<String>,
    format: Format,
    modules: Vec<Module>,
    size: usize,
    imports: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    fn new(plan: &'a Plan<'a>) -> Self {
        Self {
            plan,
            real_root: plan.root.canonicalize().unwrap_or_else(|_| plan.root.to_owned()),
            main: None,
            seen: HashSet::new(),
            queue: VecDeque::new(),
            format: Format::Modules,
            modules: Vec::new(),
            size: 0,
            imports: 0,
            diagnostics: Vec::new(),
        }
    }

    fn enqueue(&mut self, path: String) {
        if self.seen.insert(path.clone()) {
            self.queue.push_back(path);
        }
    }

    /// The file that an import means.
    fn locate(&self, referrer: &str, specifier: &str) -> Result<Found, ResolveError> {
        let path = match resolve::target(referrer, specifier)? {
            Target::Host(_) => return Ok(Found::Host),
            Target::Path(path) => path,
        };
        let found = resolve::first_candidate(&path, |candidate| {
            let file = self.plan.root.join(candidate);
            file.is_file().then(|| (candidate.to_owned(), file))
        });
        let Some((path, file)) = found else {
            return Err(ResolveError::NotFound { specifier: specifier.into(), path });
        };
        match file.canonicalize() {
            Ok(real) if real.starts_with(&self.real_root) => Ok(Found::File(path)),
            // A symbolic link that leads out.
            Ok(_) => Err(ResolveError::Outside(specifier.into())),
            Err(_) => Err(ResolveError::NotFound { specifier: specifier.into(), path }),
        }
    }

    /// Loads one module and queues what it imports. `false` ends the walk.
    fn load_module(&mut self, path: &str) -> bool {
        let file = self.plan.root.join(path);
        if self.modules.len() >= MODULES_MAX {
            let message = format!("the Worker has more than {MODULES_MAX} modules");
            self.diagnostics.push(Diagnostic::error(file, message).with_help("bundle it"));
            return false;
        }
        let bytes = match read_bounded(&file, self.plan.size_max_bytes) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.diagnostics.push(error);
                return false;
            }
        };
        let kind = match self.plan.rules.kind(path) {
            Ok(kind) => kind,
            Err(why) => {
                self.diagnostics.push(Diagnostic::error(file, format!("can't be loaded: {why}")));
                return true;
            }
        };
        let made = match kind {
            ModuleKind::Esm => self.script(path, &file, bytes),
            ModuleKind::Json => json(&file, bytes).map(|source| (source, None)),
            ModuleKind::Text => text(&file, bytes).map(|text| (Bytes::from(text), None)),
            ModuleKind::Wasm => wasm(&file, bytes).map(|source| (source, None)),
            ModuleKind::Data => Ok((Bytes::from(bytes), None)),
        };
        match made {
            Ok((source, source_map)) => {
                self.size = self.size.saturating_add(source.len());
                self.modules.push(Module { specifier: path.to_owned(), kind, source, source_map });
            }
            Err(diagnostics) => self.diagnostics.extend(diagnostics),
        }
        if self.size > self.plan.size_max_bytes {
            self.diagnostics.push(too_large(&file, self.size, self.plan.size_max_bytes));
            return false;
        }
        true
    }

    fn script(
        &mut self,
        path: &str,
        file: &Path,
        bytes: Vec<u8>,
    ) -> Result<(Bytes, Option<SourceMap>), Vec<Diagnostic>> {
        let original = text(file, bytes)?;
        let source = SourceText { file, text: &original };
        nesting::check(source).map_err(|error| vec![error])?;
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_main = self.main.as_deref() == Some(path);
        // `.mjs` says that it is a module; so does the import that led to any other file.
        let goal = if is_main && !matches!(extension, "mjs" | "mts") {
            Goal::ModuleOrScript
        } else {
            Goal::Module
        };
        if !typescript::is_typescript(extension) {
            let script = javascript::read(source, goal)?;
            let source_map = SourceMap::beside(file, path, &original);
            self.use_script(path, &script, goal, |start, end, message| {
                source.error(start, end, message)
            });
            return Ok((Bytes::from(original), source_map));
        }
        let stripped = typescript::strip(source, path)?;
        let generated = SourceText { file, text: &stripped.code };
        let script = javascript::read(generated, goal)?;
        let map = &stripped.source_map;
        self.use_script(path, &script, goal, |start, end, message| {
            let (start, end) = original_span(source, generated, map, start, end);
            source.error(start, end, message)
        });
        Ok((Bytes::from(stripped.code), Some(stripped.source_map)))
    }

    /// Nobody reads more, and the version is refused.
    fn has_enough_errors(&self) -> bool {
        self.diagnostics.len() >= DIAGNOSTICS_MAX
            && self.diagnostics.iter().filter(|one| one.is_error()).count() >= DIAGNOSTICS_MAX
    }

    /// Takes over what a script's text says about the Worker.
    fn use_script(
        &mut self,
        path: &str,
        script: &javascript::Script,
        goal: Goal,
        error_at: impl Fn(usize, usize, String) -> Diagnostic,
    ) {
        if let Some(found) = &script.commonjs {
            let error = error_at(found.start, found.end, found.message.clone());
            let error = error.with_help(commonjs::HELP);
            self.diagnostics.push(if found.conditional { error.warning() } else { error });
        }
        if goal == Goal::ModuleOrScript && !script.is_module {
            self.format = Format::ServiceWorker;
        }
        self.imports += script.imports.len();
        if self.imports > IMPORTS_MAX {
            let message = format!("the Worker has more than {IMPORTS_MAX} imports");
            self.diagnostics.push(error_at(0, 0, message).with_help("bundle it"));
            return;
        }
        for Import { specifier, dynamic, start, end } in &script.imports {
            if self.has_enough_errors() {
                return;
            }
            match self.locate(path, specifier) {
                Ok(Found::File(found)) => self.enqueue(found),
                Ok(Found::Host) => {}
                Err(_) if *dynamic && self.diagnostics.len() >= DIAGNOSTICS_MAX => {}
                Err(why) => {
                    let error = error_at(*start, *end, why.to_string());
                    // A dynamic import may never run, or its failure may be handled.
                    let error = if *dynamic { error.warning() } else { error };
                    self.diagnostics.push(error);
                }
            }
        }
    }
}

/// The bytes of the original file that made the bytes `start..end` of the generated one.
fn original_span(
    source: SourceText<'_>,
    generated: SourceText<'_>,
    map: &SourceMap,
    start: usize,
    end: usize,
) -> (usize, usize) {
    let place = |offset: usize| {
        let before = &generated.text[..offset.min(generated.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count();
        let column = before[line_start..].encode_utf16().count();
        let (_, line, column) =
            map.lookup(u32::try_from(line).ok()?, u32::try_from(column).ok()?)?;
        Some(source.offset(line + 1, column + 1))
    };
    let Some(from) = place(start) else { return (0, 0) };
    // The printer keeps the text of what is marked here, names and specifiers, as it was.
    (from, from + end.saturating_sub(start))
}

fn read_bounded(file: &Path, max: usize) -> Result<Vec<u8>, Diagnostic> {
    let failed =
        |error: std::io::Error| Diagnostic::error(file, format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > max {
        let size = file.metadata().map_or(max, |metadata| metadata.len() as usize);
        return Err(too_large(file, size, max));
    }
    Ok(bytes)
}

fn too_large(file: &Path, size: usize, max: usize) -> Diagnostic {
    let mib = |bytes: usize| bytes as f64 / (1024.0 * 1024.0);
    let message = format!(
        "with this file the Worker's modules have {:.1} MiB, more than the limit of {:.1} MiB",
        mib(size),
        mib(max)
    );
    Diagnostic::error(file, message)
        .with_help("minify the bundle, or raise bundle_mb in [limits] of nano.toml")
        .with_limit(Limit::Bundle)
}

/// Text without byte-order mark.
fn text(file: &Path, bytes: Vec<u8>) -> Result<String, Vec<Diagnostic>> {
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("is not UTF-8: the byte at offset {at} starts no character");
        let help = "save it as UTF-8, or give it a rule of type \"Data\"";
        vec![Diagnostic::error(file, message).with_help(help)]
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

fn json(file: &Path, bytes: Vec<u8>) -> Result<Bytes, Vec<Diagnostic>> {
    let text = text(file, bytes)?;
    let checked: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&text);
    if let Err(error) = checked {
        let source = SourceText { file, text: &text };
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
        let line_start = source.offset(u32::try_from(error.line()).unwrap_or(u32::MAX), 1);
        // serde_json counts columns in bytes, from 1, and says 0 for an empty line.
        let at = line_start + error.column().saturating_sub(1).min(line.len());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        return Err(vec![source.error(at, at + 1, format!("not valid JSON: {message}"))]);
    }
    Ok(Bytes::from(text))
}

fn wasm(file: &Path, bytes: Vec<u8>) -> Result<Bytes, Vec<Diagnostic>> {
    if bytes.starts_with(b"\0asm") {
        return Ok(Bytes::from(bytes));
    }
    let message = "is not WebAssembly: it does not begin with the bytes 00 61 73 6d";
    let help = "the text format needs wat2wasm; a Git LFS pointer needs git lfs pull";
    Err(vec![Diagnostic::error(file, message).with_help(help)])
}

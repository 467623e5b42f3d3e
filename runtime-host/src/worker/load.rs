//! From a Worker's directory or file to its [`Bundle`].

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use nano_routing::RouteTable;

use super::bundle::{Bundle, Format, Settings};
use super::graph::{self, Graph, Plan};
use super::nesting::PARSER_STACK_BYTES;
use super::rules::Rules;
use super::wrangler::{self, Wrangler};
use crate::config::Config;
use crate::config::reader::read_text;
use crate::diagnostic::{Diagnostic, SourceText};
use crate::egress::Policy;
use crate::limits::{Limit, Limits};

/// What came of loading one Worker.
#[derive(Debug)]
pub struct Loaded {
    /// `None` when one of the diagnostics is an error.
    pub bundle: Option<Bundle>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    fn failed(error: Diagnostic) -> Self {
        Self { bundle: None, diagnostics: vec![error] }
    }
}

/// Loads the Worker in `path`: a directory with a wrangler file, or a single JavaScript or
/// TypeScript file, which is then the main module and has its directory for its imports.
/// `config` gives limits and what `[worker.NAME]` says.
pub fn load(path: &Path, config: &Config) -> Loaded {
    on_parser_stack(path, || load_here(path, config))
}

/// Loads every Worker of the configuration, in the order of their directories. Of two with the
/// same name the second is an error. The bundles are those without errors.
pub fn load_all(config: &Config) -> (Vec<Bundle>, Vec<Diagnostic>) {
    let (directories, mut diagnostics) = directories(config);
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for (directory, loaded) in directories.iter().zip(load_each(&directories, config)) {
        diagnostics.extend(loaded.diagnostics);
        let Some(bundle) = loaded.bundle else { continue };
        if let Some(first) = names.get(&bundle.name).and_then(|at| bundles.get(*at)) {
            let message = format!(
                "the Worker's name \"{}\" is taken by {}",
                bundle.name,
                first.directory.display()
            );
            diagnostics.push(
                Diagnostic::error(directory, message).with_help("give one of them another `name`"),
            );
            continue;
        }
        names.insert(bundle.name.clone(), bundles.len());
        bundles.push(bundle);
    }
    diagnostics.extend(dangling(config, &bundles));
    diagnostics.extend(contested(&bundles));
    (bundles, diagnostics)
}

/// Loads each of `paths`, on as many threads as there are CPUs; the results are in their order.
fn load_each(paths: &[PathBuf], config: &Config) -> Vec<Loaded> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(paths.len());
    let next = AtomicUsize::new(0);
    let loaded: Vec<_> = paths.iter().map(|_| OnceLock::new()).collect();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(path), Some(slot)) = (paths.get(at), loaded.get(at)) else { return };
            let one = catch_unwind(AssertUnwindSafe(|| load_here(path, config)));
            // Each is loaded by one thread.
            let _ = slot.set(one.unwrap_or_else(|_| parser_failed(path)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            // What no thread could be started for is loaded, or reported, below.
            let _ = parser_thread().spawn_scoped(scope, work);
        }
    });
    let with_paths = loaded.into_iter().zip(paths);
    with_paths.map(|(one, path)| one.into_inner().unwrap_or_else(|| load(path, config))).collect()
}

/// The directories that the configuration names, with `/*` expanded, in order and once each. A
/// single file among them is a Worker too.
pub fn directories(config: &Config) -> (Vec<PathBuf>, Vec<Diagnostic>) {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut known: HashSet<PathBuf> = HashSet::new();
    let mut diagnostics = Vec::new();
    let mut add = |path: PathBuf| {
        if known.insert(path.clone()) {
            found.push(path);
        }
    };
    for directory in &config.workers.directories {
        if directory.file_name().is_none_or(|name| name != "*") {
            if directory.exists() {
                add(directory.clone());
            } else {
                let message = "does not exist; workers.directories names it";
                diagnostics.push(Diagnostic::error(directory, message));
            }
            continue;
        }
        let parent = directory.parent().unwrap_or(Path::new(""));
        match sub_directories(parent) {
            Ok(children) => children.into_iter().for_each(&mut add),
            Err(error) => diagnostics.push(Diagnostic::error(
                parent,
                format!("cannot be read: {error}; workers.directories names it"),
            )),
        }
    }
    (found, diagnostics)
}

/// Those with a wrangler file, sorted by name.
fn sub_directories(parent: &Path) -> std::io::Result<Vec<PathBuf>> {
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let mut children = Vec::new();
    for entry in parent.read_dir()? {
        let path = entry?.path();
        if path.is_dir() && !wrangler::files_in(&path).is_empty() {
            children.push(path);
        }
    }
    children.sort_unstable();
    Ok(children)
}

/// Settings that name a Worker which does not exist.
fn dangling(config: &Config, bundles: &[Bundle]) -> Vec<Diagnostic> {
    let file = config.file.as_deref().unwrap_or(Path::new("nano.toml"));
    let names: HashSet<&str> = bundles.iter().map(|bundle| bundle.name.as_str()).collect();
    let missing = |name: &str| !names.contains(name);
    let known = known_names(bundles);
    let default = config.workers.default.iter().filter(|name| missing(name)).map(|name| {
        let message = format!("workers.default names \"{name}\", but loaded are: {known}");
        Diagnostic::error(file, message)
    });
    let sections = config.overrides.keys().filter(|name| missing(name)).map(|name| {
        let message = format!("[worker.{name}] is for no Worker; loaded are: {known}");
        Diagnostic::error(file, message).warning()
    });
    default.chain(sections).collect()
}

/// The names for a message, not all where they are many.
fn known_names(bundles: &[Bundle]) -> String {
    const NAMED: usize = 20;
    let first: Vec<&str> = bundles.iter().take(NAMED).map(|bundle| bundle.name.as_str()).collect();
    match bundles.len() {
        0 => "none".to_owned(),
        count if count > NAMED => format!("{} and {} more", first.join(", "), count - NAMED),
        _ => first.join(", "),
    }
}

/// Routes that two Workers claim.
fn contested(bundles: &[Bundle]) -> Vec<Diagnostic> {
    let mut table = RouteTable::default();
    let mut diagnostics = Vec::new();
    for bundle in bundles {
        for conflict in table.add(&bundle.name, &bundle.settings.routes) {
            let message = format!(
                "the route \"{}\" of \"{}\" is without effect: \"{}\" has it already",
                conflict.pattern, conflict.refused, conflict.kept
            );
            diagnostics.push(Diagnostic::error(&bundle.directory, message).warning());
        }
    }
    diagnostics
}

/// The parser recurses: it runs on a stack that is known to be enough (see `nesting`).
fn parser_thread() -> std::thread::Builder {
    std::thread::Builder::new().name("nano-load".into()).stack_size(PARSER_STACK_BYTES)
}

fn on_parser_stack(path: &Path, work: impl FnOnce() -> Loaded + Send) -> Loaded {
    std::thread::scope(|scope| {
        let thread = parser_thread().spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(_)) => parser_failed(path),
            Err(error) => Loaded::failed(Diagnostic::error(
                path,
                format!("could not be parsed: no thread for it can be started: {error}"),
            )),
        }
    })
}

fn parser_failed(path: &Path) -> Loaded {
    Loaded::failed(Diagnostic::error(
        path,
        "could not be parsed: the parser failed on it; please report this as a bug",
    ))
}

fn load_here(path: &Path, config: &Config) -> Loaded {
    if path.is_file() {
        return load_file(path, config);
    }
    let files = wrangler::files_in(path);
    let Some(file) = files.first() else {
        let error = if path.is_dir() {
            Diagnostic::error(path, "has no wrangler.toml, wrangler.json or wrangler.jsonc")
                .with_help("create wrangler.toml with name = \"…\" and main = \"src/index.js\"")
        } else {
            Diagnostic::error(path, "does not exist")
        };
        return Loaded::failed(error);
    };
    let text = match read_text(file) {
        Ok(text) => text,
        Err(error) => return Loaded::failed(error),
    };
    let mut loaded = load_directory(path, SourceText { file, text: &text }, config);
    for other in files.iter().skip(1) {
        let message = format!("is not read: {} comes first", file.display());
        loaded.diagnostics.push(Diagnostic::error(other, message).warning());
    }
    loaded
}

fn load_directory(root: &Path, source: SourceText<'_>, config: &Config) -> Loaded {
    let fallback = directory_name(root);
    // The environment can be chosen per Worker, by the name that stands at the file's top.
    let (read, _) = wrangler::read(source, None);
    let top_name = read.and_then(|wrangler| wrangler.name).or_else(|| fallback.clone());
    let overrides = config.overrides_of(top_name.as_deref().unwrap_or_default());
    let environment = overrides.environment.as_ref().or(config.workers.environment.as_ref());
    let (read, mut diagnostics) = wrangler::read(source, environment.map(String::as_str));
    let Some(wrangler) = read else { return Loaded { bundle: None, diagnostics } };
    let Some(name) = wrangler.name.clone().or(fallback) else {
        let message = "`name` is missing, and the directory's name can't serve as one";
        diagnostics.push(Diagnostic::error(source.file, message).with_help("write name = \"…\""));
        return Loaded { bundle: None, diagnostics };
    };
    let settings = settings(&name, &wrangler, config);
    diagnostics.extend(refused_vars(source, &wrangler, &settings));
    let rules = Rules::new(wrangler.rules.clone());
    let base = wrangler.base_dir.as_deref().unwrap_or_else(|| folder_of(&wrangler.main));
    let plan = Plan {
        root,
        main: &wrangler.main,
        rules: &rules,
        additional: wrangler.find_additional_modules.then_some(base),
        size_max_bytes: settings.limits.bundle_bytes(),
    };
    match graph::load(&plan) {
        Ok((graph, found)) => {
            diagnostics.extend(found);
            finish(name, root, graph, settings, diagnostics)
        }
        Err(why) => {
            let (start, end) = wrangler.main_span;
            diagnostics.push(source.error(start, end, format!("`main`: {why}")));
            finished(None, name, diagnostics)
        }
    }
}

fn load_file(path: &Path, config: &Config) -> Loaded {
    let (Some(main), Some(stem)) = (
        path.file_name().and_then(std::ffi::OsStr::to_str),
        path.file_stem().and_then(std::ffi::OsStr::to_str),
    ) else {
        return Loaded::failed(Diagnostic::error(path, "has a name that is not UTF-8"));
    };
    let name = worker_name(stem).unwrap_or_else(|| "worker".to_owned());
    let wrangler = Wrangler::default();
    let settings = settings(&name, &wrangler, config);
    let refused = refused_vars(SourceText { file: path, text: "" }, &wrangler, &settings);
    if !refused.is_empty() {
        return finished(None, name, refused);
    }
    let root = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let rules = Rules::new(Vec::new());
    let plan = Plan {
        root,
        main,
        rules: &rules,
        additional: None,
        size_max_bytes: settings.limits.bundle_bytes(),
    };
    match graph::load(&plan) {
        Ok((graph, diagnostics)) => finish(name, root, graph, settings, diagnostics),
        Err(why) => Loaded::failed(Diagnostic::error(path, why.to_string())),
    }
}

fn finish(
    name: String,
    root: &Path,
    graph: Graph,
    settings: Settings,
    diagnostics: Vec<Diagnostic>,
) -> Loaded {
    let Graph { format, modules } = graph;
    let main = modules.first().map(|module| module.specifier.clone());
    let bundle = main.filter(|_| !diagnostics.iter().any(Diagnostic::is_error)).map(|main| {
        let format = if modules.is_empty() { Format::Modules } else { format };
        Bundle::new(name.clone(), root.to_owned(), format, main, modules, settings)
    });
    finished(bundle, name, diagnostics)
}

/// What was refused because of a limit says whose version it was.
fn finished(bundle: Option<Bundle>, name: String, mut diagnostics: Vec<Diagnostic>) -> Loaded {
    for one in diagnostics.iter_mut().filter(|one| one.limit.is_some()) {
        one.worker = Some(name.clone());
    }
    Loaded { bundle, diagnostics }
}

/// What counts for a Worker, from the general setting to the particular. A wrangler file may lower
/// the operator's limits and not raise them: it is the tenant's.
fn settings(name: &str, wrangler: &Wrangler, config: &Config) -> Settings {
    let overrides = config.overrides_of(name);
    let limits = overrides.limits.over(&config.limits);
    let limits = Limits {
        cpu_ms: wrangler.cpu_ms.map_or(limits.cpu_ms, |cpu| cpu.min(limits.cpu_ms)),
        subrequests: wrangler
            .subrequests
            .map_or(limits.subrequests, |count| count.min(limits.subrequests)),
        ..limits
    };
    let mut vars = wrangler.vars.clone();
    vars.extend(overrides.vars);
    let egress = Policy::new(&config.egress, &overrides.egress, overrides.origin.as_ref());
    Settings {
        vars,
        compatibility_date: wrangler.compatibility_date.clone(),
        compatibility_flags: wrangler.compatibility_flags.clone(),
        routes: wrangler.routes.clone(),
        limits,
        origin: overrides.origin,
        failure_mode: overrides.failure_mode.unwrap_or(config.workers.failure_mode),
        debug_errors: overrides.debug_errors.unwrap_or(config.workers.debug_errors),
        reads_responses: overrides.reads_responses,
        isolates: overrides.isolates.unwrap_or(config.workers.isolates),
        egress,
    }
}

/// Variables that are too many or too large. Those of `nano.toml` were measured with their place
/// when it was read.
fn refused_vars(
    source: SourceText<'_>,
    wrangler: &Wrangler,
    settings: &Settings,
) -> Vec<Diagnostic> {
    let limits = &settings.limits;
    let mut refused = Vec::new();
    for (name, (start, end)) in &wrangler.var_spans {
        if let Some(why) = wrangler.vars.get(name).and_then(|value| limits.refuse_variable(value)) {
            let message = format!("the variable `{name}` {why}");
            refused.push(source.error(*start, *end, message).with_limit(Limit::Variable));
        }
    }
    let (count, most) = (settings.vars.len(), limits.variables as usize);
    if count > most {
        let message =
            format!("there are {count} variables: a Worker may have {most} (limits.variables)");
        let error = match wrangler.var_spans.get(most).or(wrangler.var_spans.last()) {
            Some((_, (start, end))) => source.error(*start, *end, message),
            None => Diagnostic::error(source.file, message),
        };
        refused.push(error.with_limit(Limit::Variables));
    }
    refused
}

/// A Worker's name from its directory's.
fn directory_name(root: &Path) -> Option<String> {
    let real = root.canonicalize().ok()?;
    worker_name(real.file_name()?.to_str()?)
}

/// With everything that a name can't hold replaced by a dash.
fn worker_name(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .take(63)
        .collect();
    (!name.is_empty()).then_some(name)
}

fn folder_of(main: &str) -> &str {
    main.rsplit_once('/').map_or("", |(folder, _)| folder)
}

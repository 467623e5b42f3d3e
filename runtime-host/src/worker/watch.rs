//! Hot reload: watches the files of Workers and of the configuration, and loads what changed.
//!
//! Directories are watched, not files, so that editors that replace a file by renaming another over
//! it are seen, and so are files that a broken import waits for. A change is acted upon once the
//! files have been quiet for [`QUIET`]. What was loaded is compared by version: touching a file
//! changes nothing.

mod directories;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::bundle::Bundle;
use super::load;
use crate::config::Config;
use crate::diagnostic::Diagnostic;

/// How long files must be quiet before they are read: editors and compilers write in several
/// steps.
const QUIET: Duration = Duration::from_millis(100);

/// What never gets quiet is read after this long all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// What changed on disk, ready to be used.
#[derive(Debug)]
pub enum Change {
    /// A Worker is new or has a new version. The diagnostics are warnings.
    Worker(Box<Bundle>, Vec<Diagnostic>),
    /// No directory has this Worker any more.
    Removed(String),
    /// Something can't be loaded; what runs goes on. Reported once for each state of the files.
    Refused(Vec<Diagnostic>),
    /// The configuration file changed and is valid; changed Workers follow.
    Config(Box<Config>),
}

/// A running watch; dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    stop: Sender<Message>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A watch that has ended already has nobody to tell.
        let _ = self.stop.send(Message::Stop);
    }
}

enum Message {
    Event(notify::Result<Event>),
    Stop,
}

/// Watches what `config` names; `running` are the Workers that were loaded from it. `on_change` is
/// called on the watch's own thread. Changes between the loading and this call are reported too.
///
/// # Errors
/// The operating system refuses to watch.
pub fn start(
    config: Config,
    running: &[Arc<Bundle>],
    on_change: impl FnMut(Change) + Send + 'static,
) -> Result<Watch, Diagnostic> {
    let (sender, receiver) = mpsc::channel();
    let events = sender.clone();
    let system = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.as_ref().map_or(true, is_change) {
            // Fails only when the watch has ended.
            let _ = events.send(Message::Event(event));
        }
    })
    .map_err(|error| cannot_watch(Path::new("."), &error))?;
    let mut watcher = Watcher {
        text: config.file.as_deref().and_then(|file| std::fs::read_to_string(file).ok()),
        config,
        system,
        watched: BTreeSet::new(),
        workers: BTreeMap::new(),
        versions: running.iter().map(|b| (b.name.clone(), b.version.clone())).collect(),
        reported: BTreeMap::new(),
        on_change: Box::new(on_change),
    };
    watcher.adopt(running);
    watcher.follow()?;
    std::thread::Builder::new()
        .name("nano-watch".into())
        .spawn(move || watcher.run(&receiver))
        .map_err(|error| Diagnostic::error(".", format!("cannot watch for changes: {error}")))?;
    Ok(Watch { stop: sender })
}

/// Reading a file is an event as well; it must not lead to the next reading.
fn is_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

fn cannot_watch(path: &Path, error: &notify::Error) -> Diagnostic {
    Diagnostic::error(path, format!("cannot be watched for changes: {error}")).with_help(
        "raise the limit (sysctl fs.inotify.max_user_watches), or set reload = false in [workers]",
    )
}

struct Watcher {
    config: Config,
    /// The configuration file as it was read last.
    text: Option<String>,
    system: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    /// The name of the Worker that each directory (or single file) has.
    workers: BTreeMap<PathBuf, String>,
    /// By name.
    versions: HashMap<String, String>,
    /// What was said last about each path, so that it is not said again.
    reported: BTreeMap<PathBuf, Vec<Diagnostic>>,
    on_change: Box<dyn FnMut(Change) + Send>,
}

impl Watcher {
    fn run(mut self, messages: &Receiver<Message>) {
        // What changed before the watch began.
        let mut changed = None;
        loop {
            self.act(changed.as_ref());
            match next_batch(messages) {
                Some(paths) => changed = paths,
                None => return,
            }
        }
    }

    fn adopt(&mut self, running: &[Arc<Bundle>]) {
        // A Worker's target is its directory, or its main module where that stands alone.
        let names: HashMap<PathBuf, &String> = running
            .iter()
            .flat_map(|bundle| {
                let main = bundle.directory.join(&bundle.main);
                [(main, &bundle.name), (bundle.directory.clone(), &bundle.name)]
            })
            .collect();
        let (targets, _) = load::directories(&self.config);
        for target in targets {
            if let Some(name) = names.get(&target) {
                self.workers.insert(target, (*name).clone());
            }
        }
    }

    /// Watches every directory that matters now.
    fn follow(&mut self) -> Result<(), Diagnostic> {
        let wanted = directories::to_watch(&self.config)?;
        for gone in self.watched.difference(&wanted) {
            // Fails when the directory does not exist any more, which ends the watch as well.
            let _ = self.system.unwatch(gone);
        }
        for directory in &wanted {
            // Again also for those that are watched: they may have been removed and made anew.
            match self.system.watch(directory, RecursiveMode::NonRecursive) {
                Err(error) if directory.is_dir() => return Err(cannot_watch(directory, &error)),
                _ => {}
            }
        }
        self.watched = wanted;
        Ok(())
    }

    /// Loads what changed; `None` means that anything may have.
    fn act(&mut self, changed: Option<&BTreeSet<PathBuf>>) {
        let reconfigured = self.read_config();
        if let Err(error) = self.follow() {
            self.report(PathBuf::new(), vec![error]);
        }
        let (targets, diagnostics) = load::directories(&self.config);
        self.report(self.config.file.clone().unwrap_or_default(), diagnostics);
        let wanted: HashSet<&PathBuf> = targets.iter().collect();
        let gone: Vec<PathBuf> =
            self.workers.keys().filter(|target| !wanted.contains(target)).cloned().collect();
        for target in gone {
            self.reported.remove(&target);
            self.forget(&target);
        }
        for target in &targets {
            let known = self.workers.contains_key(target) || self.reported.contains_key(target);
            let touched = changed.is_none_or(|paths| paths.iter().any(|p| concerns(p, target)));
            if reconfigured || touched || !known {
                self.load(target);
            }
        }
    }

    /// Whether the configuration file has other content than before, and is valid.
    fn read_config(&mut self) -> bool {
        let Some(file) = self.config.file.clone() else { return false };
        let text = std::fs::read_to_string(&file).ok();
        if text == self.text {
            return false;
        }
        self.text = text;
        match Config::load(&file) {
            Ok(config) => {
                self.reported.remove(&file);
                self.config = config.clone();
                (self.on_change)(Change::Config(Box::new(config)));
                true
            }
            Err(diagnostics) => {
                self.report(file, diagnostics);
                false
            }
        }
    }

    fn load(&mut self, target: &Path) {
        let load::Loaded { bundle, diagnostics } = load::load(target, &self.config);
        let Some(bundle) = bundle else {
            self.report(target.to_owned(), diagnostics);
            return;
        };
        let known = self.workers.get(target).is_some_and(|name| *name == bundle.name);
        let mut others = self.workers.iter();
        let owner = if known { None } else { others.find(|(_, name)| **name == bundle.name) };
        if let Some((owner, name)) = owner {
            let message = format!("the Worker's name \"{name}\" is taken by {}", owner.display());
            let error = Diagnostic::error(target, message);
            self.report(target.to_owned(), vec![error.with_help("give one another `name`")]);
            return;
        }
        self.reported.remove(target);
        if self.workers.get(target).is_some_and(|name| *name != bundle.name) {
            self.forget(target);
        }
        self.workers.insert(target.to_owned(), bundle.name.clone());
        let before = self.versions.insert(bundle.name.clone(), bundle.version.clone());
        if before.as_ref() != Some(&bundle.version) {
            (self.on_change)(Change::Worker(Box::new(bundle), diagnostics));
        }
    }

    fn forget(&mut self, target: &Path) {
        if let Some(name) = self.workers.remove(target) {
            self.versions.remove(&name);
            (self.on_change)(Change::Removed(name));
        }
    }

    fn report(&mut self, about: PathBuf, diagnostics: Vec<Diagnostic>) {
        if diagnostics.is_empty() {
            self.reported.remove(&about);
        } else if self.reported.get(&about) != Some(&diagnostics) {
            self.reported.insert(about, diagnostics.clone());
            (self.on_change)(Change::Refused(diagnostics));
        }
    }
}

/// Whether a change of `path` may change the Worker in `target`.
fn concerns(path: &Path, target: &Path) -> bool {
    // A single file has its directory for its imports. The parent of a directory counts when the
    // directory itself came or went.
    let root = if target.is_file() { target.parent().unwrap_or(target) } else { target };
    path.starts_with(root) || root.starts_with(path)
}

/// Waits for changes and then for quiet. `None`: the watch is to end; `Some(None)`: events were
/// lost, anything may have changed.
#[allow(clippy::option_option)]
fn next_batch(messages: &Receiver<Message>) -> Option<Option<BTreeSet<PathBuf>>> {
    let mut paths = BTreeSet::new();
    let mut lost = false;
    let mut take = |message: Message| match message {
        Message::Stop => false,
        Message::Event(Ok(event)) => {
            lost |= event.need_rescan();
            paths.extend(event.paths);
            true
        }
        // An error of the system's watch: nothing is certain any more.
        Message::Event(Err(_)) => {
            lost = true;
            true
        }
    };
    if !take(messages.recv().ok()?) {
        return None;
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match messages.recv_timeout(QUIET.min(left)) {
            Ok(message) => {
                if !take(message) {
                    return None;
                }
            }
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        if left.is_zero() {
            break;
        }
    }
    Some((!lost).then_some(paths))
}

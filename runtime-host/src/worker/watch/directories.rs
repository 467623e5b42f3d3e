//! Which directories to watch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::load;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::limits::{DIRECTORIES_WATCHED_MIN, DIRECTORY_DEPTH_MAX};

/// The directory of the configuration file, those of all Workers with what is below them, those in
/// which Workers may come and go, and of `workers/*` each sub-directory: one that has no wrangler file
/// yet may be a Worker that is being copied. `node_modules` and hidden directories are left out: they
/// are large, and what is in them reaches a Worker only through a bundler.
pub fn to_watch(config: &Config) -> Result<BTreeSet<PathBuf>, Diagnostic> {
    let most = most();
    let mut wanted = BTreeSet::new();
    if let Some(file) = &config.file {
        wanted.insert(parent_of(file));
    }
    // Of `workers/*` the directory `workers`, of any other the directory it is in.
    wanted.extend(config.workers.directories.iter().map(|directory| parent_of(directory)));
    for directory in &config.workers.directories {
        if directory.file_name().is_some_and(|name| name == "*") {
            wanted.extend(sub_directories(&parent_of(directory)));
            refuse_too_many(directory, wanted.len(), most)?;
        }
    }
    let (targets, _) = load::directories(config);
    for target in targets {
        if target.is_dir() {
            add_tree(&target, &mut wanted, most)?;
        } else {
            wanted.insert(parent_of(&target));
        }
    }
    wanted.retain(|directory| directory.is_dir());
    Ok(wanted)
}

fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// How many directories may be watched: half of what the system lets its user watch.
fn most() -> usize {
    let allowed = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok();
    let allowed: Option<usize> = allowed.and_then(|text| text.trim().parse().ok());
    allowed.map_or(0, |watches| watches / 2).max(DIRECTORIES_WATCHED_MIN)
}

/// Directories that can't be read are left out: the loader says what is wrong with them.
fn add_tree(root: &Path, wanted: &mut BTreeSet<PathBuf>, most: usize) -> Result<(), Diagnostic> {
    let mut pending = vec![(root.to_owned(), 0)];
    while let Some((directory, depth)) = pending.pop() {
        if depth < DIRECTORY_DEPTH_MAX {
            pending.extend(sub_directories(&directory).map(|below| (below, depth + 1)));
        }
        wanted.insert(directory);
        refuse_too_many(root, wanted.len(), most)?;
    }
    Ok(())
}

/// Those that are neither hidden nor links.
fn sub_directories(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    directory.read_dir().into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.') || name == "node_modules";
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        (is_directory && !hidden).then(|| entry.path())
    })
}

fn refuse_too_many(root: &Path, count: usize, most: usize) -> Result<(), Diagnostic> {
    if count <= most {
        return Ok(());
    }
    let message = format!("cannot be watched: the Workers have more than {most} directories");
    Err(Diagnostic::error(root, message).with_help(
        "name their bundled output instead, raise the limit (sysctl \
         fs.inotify.max_user_watches), or set reload = false in [workers]",
    ))
}

//! Which files of a tree are run, with which queries.

use std::path::Path;
use std::time::Duration;

use regex_lite::Regex;

use super::DIRECTORIES;
use super::meta::Meta;
use crate::{Error, Result};

/// How long a test may take by itself, and one that says `timeout=long`: the suite's own figures.
const TIME: Duration = Duration::from_secs(10);
const LONG_TIME: Duration = Duration::from_mins(1);

/// A file with one of its variants.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// In the tree: `url/url-constructor.any.js`.
    pub path: String,
    /// The query, with its `?`, or nothing.
    pub variant: String,
    pub meta: Meta,
    pub kind: Kind,
    /// How many times as long as the suite has it the test may take.
    pub patience: u32,
}

/// How a file asks for its scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `.any.js`: in `META` lines.
    Any,
    /// `.worker.js`: by `importScripts`.
    Worker,
}

impl TestFile {
    /// The name under which it is known: path and query.
    pub fn name(&self) -> String {
        format!("{}{}", self.path, self.variant)
    }

    /// The time for its subtests.
    pub fn time(&self) -> Duration {
        let time = if self.meta.is_long() { LONG_TIME } else { TIME };
        time.saturating_mul(self.patience)
    }

    /// What its host is told that no host which serves may do, where a test is about just that: code
    /// from bytes, and clocks that run.
    pub fn allowances(&self) -> &'static [&'static str] {
        let is_in = |dirs: &[&str]| dirs.iter().any(|dir| self.path.starts_with(dir));
        if is_in(&["wasm/"]) {
            &["--allow-code-generation"]
        } else if is_in(&["hr-time/", "performance-timeline/", "user-timing/"]) {
            &["--running-clocks"]
        } else {
            &[]
        }
    }

    /// Whether it checks interfaces against the specifications' IDL.
    pub fn is_idl(&self) -> bool {
        self.path.contains("idlharness")
    }
}

/// The one of [`DIRECTORIES`] that a file belongs to, or its top directory.
pub fn directory(path: &str) -> &str {
    let is_below = |dir: &&&str| path.strip_prefix(**dir).is_some_and(|rest| rest.starts_with('/'));
    let top = || path.split('/').next().unwrap_or(path);
    DIRECTORIES.iter().find(is_below).copied().unwrap_or_else(top)
}

/// The row of the report: a directory, finer where directories hold much, with the checks of IDL and
/// what is not settled apart.
pub fn row(path: &str) -> String {
    if path.contains("idlharness") {
        return "(idlharness)".to_owned();
    }
    if path.contains("tentative") {
        return "(tentative)".to_owned();
    }
    match directory(path) {
        "fetch/api" | "html/webappapis" => path.split('/').take(3).collect::<Vec<_>>().join("/"),
        other => other.to_owned(),
    }
}

/// The tests below `dirs` whose path matches, in the order of `dirs` and of their names.
pub fn find(tree: &Path, dirs: &[String], filter: Option<&Regex>) -> Result<Vec<TestFile>> {
    let mut tests = Vec::new();
    for dir in dirs {
        let mut files = Vec::new();
        walk(tree, dir.trim_matches('/'), &mut files)?;
        files.sort();
        for path in files {
            let kind = match path.as_str() {
                path if path.ends_with(".any.js") => Kind::Any,
                path if path.ends_with(".worker.js") => Kind::Worker,
                _ => continue,
            };
            if filter.is_some_and(|filter| !filter.is_match(&path)) {
                continue;
            }
            let whole = tree.join(&path);
            let source = std::fs::read_to_string(&whole)
                .map_err(Error::during(format!("can't read {}", whole.display())))?;
            let meta = Meta::parse(&source);
            let is_a_test = match kind {
                Kind::Any => meta.is_for_workers(),
                // Some are what a test starts.
                Kind::Worker => source.contains("testharness.js"),
            };
            if is_a_test {
                for variant in meta.variants() {
                    let (path, meta) = (path.clone(), meta.clone());
                    tests.push(TestFile { path, variant, meta, kind, patience: 1 });
                }
            }
        }
    }
    Ok(tests)
}

/// Adds the files below `path`, named as in the tree.
fn walk(tree: &Path, path: &str, files: &mut Vec<String>) -> Result<()> {
    let whole = tree.join(path);
    let cannot = || format!("can't read {}", whole.display());
    if whole.metadata().map_err(Error::during(cannot()))?.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(&whole).map_err(Error::during(cannot()))? {
        let entry = entry.map_err(Error::during(cannot()))?;
        if let Some(name) = entry.file_name().to_str() {
            walk(tree, &format!("{path}/{name}"), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{directory, row};

    #[test]
    fn a_file_belongs_to_one_directory() {
        assert_eq!(directory("fetch/api/basic/x.any.js"), "fetch/api");
        assert_eq!(directory("dom/abort/x.any.js"), "dom/abort");
        assert_eq!(directory("dom/idlharness.any.js"), "dom");
        assert_eq!(directory("mimesniff/x.any.js"), "mimesniff");
        assert_eq!(row("fetch/api/basic/x.any.js"), "fetch/api/basic");
        assert_eq!(row("url/idlharness.any.js"), "(idlharness)");
        assert_eq!(row("compression/a.tentative.any.js"), "(tentative)");
    }

    #[test]
    fn only_tests_for_workers_are_found() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("url/sub")).unwrap();
        for (name, text) in [
            ("b.any.js", "// META: variant=?x\n// META: variant=?y\n"),
            ("a.any.js", "// META: global=window\n"),
            ("c.worker.js", "importScripts('/resources/testharness.js');"),
            ("d.worker.js", "onmessage = () => {};"),
            ("sub/e.any.js", ""),
            ("f.js", ""),
        ] {
            std::fs::write(tree.path().join("url").join(name), text).unwrap();
        }
        let names = |filter: Option<&str>| {
            let filter = filter.map(|text| regex_lite::Regex::new(text).unwrap());
            let found = super::find(tree.path(), &["url".to_owned()], filter.as_ref()).unwrap();
            found.iter().map(super::TestFile::name).collect::<Vec<_>>()
        };
        let all = ["url/b.any.js?x", "url/b.any.js?y", "url/c.worker.js", "url/sub/e.any.js"];
        assert_eq!(names(None), all);
        assert_eq!(names(Some("sub|c")), all[2..]);
    }
}

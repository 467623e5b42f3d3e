//! Typed access to a [`Table`] that collects what is wrong with it, instead of stopping at the
//! first error: a person mends a file in one go.

use std::cell::RefCell;
use std::path::PathBuf;

use super::document::{Entry, Node, Table, Value};
use crate::diagnostic::{Diagnostic, SourceText};
use crate::limits::DIAGNOSTICS_MAX;

/// One file being read.
#[derive(Debug)]
pub struct Reader<'a> {
    pub source: SourceText<'a>,
    diagnostics: RefCell<Vec<Diagnostic>>,
    /// Those beyond [`DIAGNOSTICS_MAX`].
    untold: RefCell<Untold>,
}

#[derive(Debug, Default)]
struct Untold {
    count: usize,
    errors: bool,
}

impl<'a> Reader<'a> {
    pub fn new(source: SourceText<'a>) -> Self {
        Self { source, diagnostics: RefCell::default(), untold: RefCell::default() }
    }

    pub fn section<'r>(&'r self, path: &str, table: &'r Table) -> Section<'r> {
        Section { reader: self, path: path.to_owned(), table, used: RefCell::default() }
    }

    /// An error about a value.
    pub fn error(&self, node: &Node, message: impl Into<String>) {
        if self.has_room(true) {
            self.push(self.source.error(node.start, node.end, message));
        }
    }

    /// An error about a key.
    pub fn key_error(&self, entry: &Entry, message: impl Into<String>) {
        if self.has_room(true) {
            self.push(self.source.error(entry.key_start, entry.key_end, message));
        }
    }

    pub fn key_warning(&self, entry: &Entry, message: impl Into<String>) {
        if self.has_room(false) {
            self.push(self.source.error(entry.key_start, entry.key_end, message).warning());
        }
    }

    pub fn push(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    fn has_room(&self, error: bool) -> bool {
        if self.diagnostics.borrow().len() < DIAGNOSTICS_MAX {
            return true;
        }
        let mut untold = self.untold.borrow_mut();
        untold.count += 1;
        untold.errors |= error;
        false
    }

    /// What was wrong, in the order of the file; of very much, the first and how many more.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut all = self.diagnostics.into_inner();
        all.sort_by_key(|d| d.position.map_or((0, 0), |at| (at.line, at.column)));
        let untold = self.untold.into_inner();
        if untold.count > 0 {
            let message = format!("{} more messages are not shown", untold.count);
            let more = Diagnostic::error(self.source.file, message);
            all.push(if untold.errors { more } else { more.warning() });
        }
        all
    }
}

/// What becomes of keys that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    Error,
    Warning,
}

/// One table of the file. Every key that is asked for counts as known.
#[derive(Debug)]
pub struct Section<'r> {
    reader: &'r Reader<'r>,
    /// `limits`, `worker.hello`; empty at the top.
    path: String,
    table: &'r Table,
    used: RefCell<Vec<&'static str>>,
}

impl<'r> Section<'r> {
    pub fn entry(&self, key: &'static str) -> Option<&'r Entry> {
        self.used.borrow_mut().push(key);
        self.table.get(key)
    }

    pub fn entries(&self) -> &'r [Entry] {
        &self.table.0
    }

    pub fn node(&self, key: &'static str) -> Option<&'r Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// What a message calls a key of this section.
    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn mismatch(&self, key: &str, node: &Node, example: &str) {
        let full = self.full(key);
        let message = format!("`{full}` can't be {}: write {key} = {example}", node.kind());
        self.reader.error(node, message);
    }

    pub fn string(&self, key: &'static str, example: &str) -> Option<&'r str> {
        let node = self.node(key)?;
        if let Value::String(text) = &node.value {
            return Some(text);
        }
        self.mismatch(key, node, example);
        None
    }

    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.mismatch(key, node, "true or false");
        None
    }

    /// A whole number from `min` to `max`.
    pub fn integer(&self, key: &'static str, min: u64, max: u64) -> Option<u64> {
        let node = self.node(key)?;
        let value = match node.value {
            Value::Integer(value) => u64::try_from(value).ok(),
            Value::Float(_) => None,
            _ => {
                self.mismatch(key, node, &min.max(1).to_string());
                return None;
            }
        };
        let value = value.filter(|value| (min..=max).contains(value));
        if value.is_none() {
            let full = self.full(key);
            let message = format!("`{full}` must be a whole number from {min} to {max}");
            self.reader.error(node, message);
        }
        value
    }

    pub fn strings(&self, key: &'static str, example: &str) -> Option<Vec<(&'r Node, &'r str)>> {
        let node = self.node(key)?;
        let Value::Array(items) = &node.value else {
            self.mismatch(key, node, example);
            return None;
        };
        let mut strings = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::String(text) => strings.push((item, text.as_str())),
                _ => self.mismatch(key, item, example),
            }
        }
        Some(strings)
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let text = self.string(key, &words.join(" or "))?;
        let found = choices.iter().find(|(word, _)| *word == text);
        if let (None, Some(node)) = (found, self.node(key)) {
            let full = self.full(key);
            let message = format!("`{full}` can't be \"{text}\": write {}", words.join(" or "));
            self.reader.error(node, message);
        }
        found.map(|(_, value)| *value)
    }

    pub fn table(&self, key: &'static str) -> Option<Section<'r>> {
        let entry = self.entry(key)?;
        self.subsection(entry)
    }

    /// A table below this one whose name is the user's.
    pub fn subsection(&self, entry: &'r Entry) -> Option<Section<'r>> {
        let path = self.full(&entry.key);
        if let Value::Table(table) = &entry.node.value {
            return Some(self.reader.section(&path, table));
        }
        let message = format!("`{path}` can't be {}: it is a section", entry.node.kind());
        self.reader.error(&entry.node, message);
        None
    }

    /// Reports keys that were not asked for.
    pub fn finish(self, unknown: Unknown) {
        let used = self.used.borrow();
        for entry in &self.table.0 {
            if used.contains(&entry.key.as_str()) {
                continue;
            }
            let place = match self.path.as_str() {
                "" => "at the top of the file".to_owned(),
                path => format!("in [{path}]"),
            };
            let remedy = match similar(&entry.key, &used) {
                Some(similar) => format!(": did you mean `{similar}`?"),
                None if unknown == Unknown::Error => {
                    let mut known = used.clone();
                    known.sort_unstable();
                    known.dedup();
                    format!("; known are {}", known.join(", "))
                }
                None => String::new(),
            };
            let message = format!("unknown key `{}` {place}{remedy}", entry.key);
            match unknown {
                Unknown::Error => self.reader.key_error(entry, message),
                Unknown::Warning => self.reader.key_warning(entry, message),
            }
        }
    }
}

/// Reads a configuration file as text, within [`crate::limits::CONFIG_FILE_MAX_BYTES`].
pub fn read_text(path: &std::path::Path) -> Result<String, Diagnostic> {
    use std::io::Read as _;

    let limit = crate::limits::CONFIG_FILE_MAX_BYTES;
    let failed = |error: std::io::Error| {
        Diagnostic::error(PathBuf::from(path), format!("cannot be read: {error}"))
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > limit {
        return Err(Diagnostic::error(
            PathBuf::from(path),
            format!("is larger than {limit} bytes, the limit for configuration files"),
        ));
    }
    Ok(text)
}

/// The known key that a typing error most likely meant.
fn similar<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let close = |candidate: &&&str| distance(key, candidate) <= 1 + candidate.len() / 5;
    known.iter().filter(close).min_by_key(|candidate| distance(key, candidate)).copied()
}

/// Levenshtein's distance, on bytes; names of any other length are far.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 8 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, byte) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(b.bytes()) {
            let replaced = diagonal + usize::from(byte != other);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::document::parse_toml;

    /// What `read` finds wrong with `text`, printed.
    fn errors(text: &str, read: impl Fn(&Section<'_>)) -> Vec<String> {
        let source = SourceText { file: Path::new("n.toml"), text };
        let table = parse_toml(source).unwrap();
        let reader = Reader::new(source);
        let section = reader.section("", &table);
        read(&section);
        section.finish(Unknown::Error);
        let all = reader.into_diagnostics();
        all.iter().map(|d| d.to_string().lines().next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn values_of_another_kind_are_told_what_to_write() {
        let all = errors("a = 1\nb = 'x'\nc = -1\nd = [1]\ne = 'z'\n[f]\nx = 1", |section| {
            assert_eq!(section.string("a", "\"text\""), None);
            assert_eq!(section.boolean("b"), None);
            assert_eq!(section.integer("c", 0, 9), None);
            assert!(section.strings("d", "[\"x\"]").unwrap().is_empty());
            assert_eq!(section.choice("e", &[("open", 1), ("closed", 2)]), None);
            section.table("f").unwrap().finish(Unknown::Error);
        });
        assert_eq!(
            all,
            [
                "n.toml:1:5: error: `a` can't be a number: write a = \"text\"",
                "n.toml:2:5: error: `b` can't be a string: write b = true or false",
                "n.toml:3:5: error: `c` must be a whole number from 0 to 9",
                "n.toml:4:6: error: `d` can't be a number: write d = [\"x\"]",
                "n.toml:5:5: error: `e` can't be \"z\": write \"open\" or \"closed\"",
                "n.toml:7:1: error: unknown key `x` in [f]; known are ",
            ]
        );
    }

    #[test]
    fn unknown_keys_get_a_proposal() {
        let all = errors("lisen = 1\nzzz = 1", |section| {
            section.node("listen");
            section.node("admin");
        });
        assert_eq!(
            all,
            [
                "n.toml:1:1: error: unknown key `lisen` at the top of the file: did you mean `listen`?",
                "n.toml:2:1: error: unknown key `zzz` at the top of the file; known are admin, listen",
            ]
        );
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}

//! From positions in the code an isolate runs back to those in the file its author wrote.

pub(super) mod decode;

use std::path::Path;

use super::resolve::{self, Target};
use crate::limits::SOURCE_MAP_MAX_BYTES;

/// A source map, decoded: only what the way back needs.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    /// Paths of the original files, relative to the Worker's directory where they lie in it.
    sources: Vec<String>,
    /// Sorted by generated place.
    mappings: Vec<Mapping>,
}

/// Lines and columns count from 0; columns are UTF-16 units (ECMA-426, source map format).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mapping {
    pub line: u32,
    pub column: u32,
    pub source: u32,
    pub source_line: u32,
    pub source_column: u32,
}

impl SourceMap {
    pub fn new(sources: Vec<String>, mut mappings: Vec<Mapping>) -> Self {
        mappings.retain(|mapping| (mapping.source as usize) < sources.len());
        mappings.sort_unstable();
        Self { sources, mappings }
    }

    /// The map that a bundler left for a file: the one that its last `//# sourceMappingURL=` names,
    /// beside it or in the comment itself. `None` when there is none, or when it can't be used: a
    /// map only makes positions nicer. `specifier` is the file's path in the Worker's directory.
    pub fn beside(file: &Path, specifier: &str, text: &str) -> Option<Self> {
        let comment = text.lines().next_back()?.trim().strip_prefix("//# sourceMappingURL=")?;
        if let Some(data) = comment.strip_prefix("data:") {
            let json = decode::data_url(data)?;
            return decode::decode(&json, specifier);
        }
        let Ok(Target::Path(path)) = resolve::target(specifier, &format!("./{comment}")) else {
            return None;
        };
        let map_file = file.parent()?.join(comment);
        let size = map_file.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?.len();
        if size > SOURCE_MAP_MAX_BYTES {
            return None;
        }
        decode::decode(&std::fs::read(map_file).ok()?, &path)
    }

    /// The original file, line and column (from 0) of a generated place (from 0): those of the
    /// nearest mapping at or before it on the same line.
    pub fn lookup(&self, line: u32, column: u32) -> Option<(&str, u32, u32)> {
        let after = self.mappings.partition_point(|m| (m.line, m.column) <= (line, column));
        let mapping = self.mappings.get(after.checked_sub(1)?)?;
        if mapping.line != line {
            return None;
        }
        let source = self.sources.get(mapping.source as usize)?;
        Some((source, mapping.source_line, mapping.source_column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_mapping_on_the_line() {
        let at = |line, column, source, source_line, source_column| Mapping {
            line,
            column,
            source,
            source_line,
            source_column,
        };
        let map = SourceMap::new(
            vec!["a.ts".into()],
            vec![at(2, 4, 0, 9, 1), at(0, 0, 0, 3, 0), at(0, 1, 7, 0, 0)],
        );
        assert_eq!(map.lookup(0, 5), Some(("a.ts", 3, 0)));
        assert_eq!(map.lookup(1, 5), None);
        assert_eq!(map.lookup(2, 3), None);
        assert_eq!(map.lookup(2, 4), Some(("a.ts", 9, 1)));
    }

    #[test]
    fn a_bundlers_map_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("index.js");
        let map = r#"{"version":3,"sources":["../src/a.ts"],"names":[],"mappings":"AACA;AAEA"}"#;
        std::fs::write(directory.path().join("index.js.map"), map).unwrap();
        let text = "a\nb\n//# sourceMappingURL=index.js.map\n";
        let found = SourceMap::beside(&file, "dist/index.js", text).unwrap();
        assert_eq!(found.lookup(0, 3), Some(("src/a.ts", 1, 0)));
        assert_eq!(found.lookup(1, 0), Some(("src/a.ts", 3, 0)));
        let missing = "a\n//# sourceMappingURL=other.js.map";
        assert!(SourceMap::beside(&file, "dist/index.js", missing).is_none());
        let outside = "a\n//# sourceMappingURL=../../index.js.map";
        assert!(SourceMap::beside(&file, "dist/index.js", outside).is_none());
    }
}

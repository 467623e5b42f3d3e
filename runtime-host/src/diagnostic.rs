//! What is wrong with a file that a person wrote, and where: printed as compilers do.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::limits::Limit;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A place in a text file. Both count from 1; the column counts characters, as editors do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// One message about one place. Its `Display` is
/// `file:line:column: error: message`, then the source line with a caret, then the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub file: PathBuf,
    /// `None` when the message is about the whole file or directory.
    pub position: Option<Position>,
    pub message: String,
    /// The line of the file that `position` names, with the text under it that marks the place.
    pub snippet: Option<Box<Snippet>>,
    /// What to do about it, when the message does not say it.
    pub help: Option<String>,
    /// The limit that refuses the version, for the metrics.
    pub limit: Option<Limit>,
    /// The Worker that is refused, where there is a limit.
    pub worker: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    line: String,
    /// Spaces and carets below the line.
    marks: String,
}

impl Diagnostic {
    /// About a file or directory as a whole.
    pub fn error(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.into(),
            position: None,
            message: message.into(),
            snippet: None,
            help: None,
            limit: None,
            worker: None,
        }
    }

    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn with_limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, " {severity}: {}", self.message)?;
        if let (Some(snippet), Some(Position { line, .. })) = (&self.snippet, self.position) {
            let number = line.to_string();
            let margin = " ".repeat(number.len());
            write!(f, "\n {number} | {}\n {margin} | {}", snippet.line, snippet.marks)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// Columns of a source line that a snippet shows: minified code has lines of megabytes.
const SNIPPET_COLUMNS: usize = 100;

/// A text file while it is being read: turns byte offsets into places.
#[derive(Clone, Copy, Debug)]
pub struct SourceText<'a> {
    pub file: &'a Path,
    pub text: &'a str,
}

impl SourceText<'_> {
    /// An error about the bytes from `start` to `end`; offsets beyond the text are brought back.
    pub fn error(&self, start: usize, end: usize, message: impl Into<String>) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.file, message);
        let (position, snippet) = self.locate(start, end);
        diagnostic.position = Some(position);
        diagnostic.snippet = Some(Box::new(snippet));
        diagnostic
    }

    pub fn position(&self, offset: usize) -> Position {
        self.locate(offset, offset).0
    }

    /// The byte offset of a place; of the end of the line or text when it lies beyond.
    /// `column` counts UTF-16 units from 1, as JavaScript engines and source maps do.
    pub fn offset(&self, line: u32, column: u32) -> usize {
        let mut start = 0;
        for _ in 1..line {
            match self.text[start..].find('\n') {
                Some(newline) => start += newline + 1,
                None => return self.text.len(),
            }
        }
        let mut units = column.saturating_sub(1) as usize;
        for (at, c) in self.text[start..].char_indices() {
            if units == 0 || c == '\n' {
                return start + at;
            }
            units = units.saturating_sub(c.len_utf16());
        }
        self.text.len()
    }

    fn locate(&self, start: usize, end: usize) -> (Position, Snippet) {
        let start = floor_char_boundary(self.text, start);
        let end = floor_char_boundary(self.text, end).max(start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &self.text[line_start..];
        let line = rest.split('\n').next().unwrap_or(rest).trim_end_matches('\r');
        let indent = self.text[line_start..start].chars().count();
        let width = self.text[start..end.min(line_start + line.len()).max(start)].chars().count();
        let position = Position {
            line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
            column: u32::try_from(indent + 1).unwrap_or(u32::MAX),
        };
        (position, Snippet::of(line, indent, width))
    }
}

impl Snippet {
    /// `indent` and `width` in characters.
    fn of(line: &str, indent: usize, width: usize) -> Self {
        let skipped = if indent + width > SNIPPET_COLUMNS {
            indent.saturating_sub(SNIPPET_COLUMNS / 2)
        } else {
            0
        };
        let shown: String = line.chars().skip(skipped).take(SNIPPET_COLUMNS).collect();
        // A tab stays a tab below a tab, so that the marks line up at any tab width.
        let mut marks: String = line
            .chars()
            .skip(skipped)
            .take(indent - skipped)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let room = SNIPPET_COLUMNS.saturating_sub(indent - skipped).max(1);
        marks.push_str(&"^".repeat(width.clamp(1, room)));
        Self { line: shown, marks }
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_like_a_compiler() {
        let source = SourceText { file: Path::new("a/b.js"), text: "let x;\n\tlet é = §;\n" };
        let start = source.text.find('§').unwrap();
        let error = source.error(start, start + 2, "what is this").with_help("remove it");
        assert_eq!(
            error.to_string(),
            "a/b.js:2:10: error: what is this\n 2 | \tlet é = §;\n   | \t        ^\n  help: remove it"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}?{}", "a".repeat(5000), "b".repeat(5000));
        let source = SourceText { file: Path::new("min.js"), text: &text };
        let printed = source.error(5000, 5001, "here").to_string();
        assert!(printed.starts_with("min.js:1:5001: error: here\n 1 | aaa"), "{printed}");
        assert!(printed.len() < 400);
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines[1].find('?'), lines[2].find('^'));
    }

    #[test]
    fn offsets_outside_of_the_text_are_brought_back() {
        let source = SourceText { file: Path::new("x"), text: "é" };
        assert_eq!(source.position(1), Position { line: 1, column: 1 });
        assert_eq!(source.error(99, 3, "end").position, Some(Position { line: 1, column: 2 }));
        assert_eq!(SourceText { file: Path::new("x"), text: "" }.position(0).line, 1);
    }

    #[test]
    fn offset_counts_utf16_units() {
        let source = SourceText { file: Path::new("x"), text: "a\n😀b\nc" };
        assert_eq!(source.offset(2, 3), 6);
        assert_eq!(source.offset(2, 99), 7);
        assert_eq!(source.offset(9, 1), source.text.len());
    }
}

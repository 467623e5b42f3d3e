//! Reads JavaScript: is it a module, what does it import, is its syntax right.

use oxc::allocator::Allocator;
use oxc::diagnostics::{OxcDiagnostic, Severity};
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::syntax::module_record::ModuleRecord;

use super::commonjs;
use crate::diagnostic::{Diagnostic, SourceText};
use crate::limits::DIAGNOSTICS_MAX;

/// What the loader must know of a JavaScript file.
#[derive(Debug, Default)]
pub struct Script {
    /// It has `import`, `export` or `import.meta`: without them a main file is a classic script.
    pub is_module: bool,
    /// In source order, without repetitions.
    pub imports: Vec<Import>,
    pub commonjs: Option<commonjs::Finding>,
}

/// An import whose specifier is written as a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub specifier: String,
    /// `import("…")`: may be in code that never runs or handles the failure.
    pub dynamic: bool,
    /// Bytes of the specifier in the source, quotes included.
    pub start: usize,
    pub end: usize,
}

/// How a file's syntax is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// An ES module, whatever it contains.
    Module,
    /// A module when it has module syntax, else a classic script.
    ModuleOrScript,
}

/// Reads a file, with its syntax errors as diagnostics.
pub fn read(source: SourceText<'_>, goal: Goal) -> Result<Script, Vec<Diagnostic>> {
    let kind = match goal {
        Goal::Module => SourceType::mjs(),
        Goal::ModuleOrScript => SourceType::unambiguous(),
    };
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source.text, kind).with_options(parse_options()).parse();
    let errors = diagnostics(source, &parsed.diagnostics);
    if !errors.is_empty() {
        return Err(errors);
    }
    let checked = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
    let errors = diagnostics(source, &checked.diagnostics);
    if !errors.is_empty() {
        return Err(errors);
    }
    let is_module = parsed.module_record.has_module_syntax;
    Ok(Script {
        is_module,
        imports: imports(source.text, &parsed.module_record),
        commonjs: commonjs::find(&parsed.program, checked.semantic.scoping(), is_module),
    })
}

pub(super) fn parse_options() -> ParseOptions {
    ParseOptions { parse_regular_expression: true, ..ParseOptions::default() }
}

/// The parser's errors as ours; its warnings are about style and dropped.
pub(super) fn diagnostics<'e>(
    source: SourceText<'_>,
    errors: impl IntoIterator<Item = &'e OxcDiagnostic>,
) -> Vec<Diagnostic> {
    errors
        .into_iter()
        .filter(|error| error.severity == Severity::Error)
        .take(DIAGNOSTICS_MAX)
        .map(|error| {
            let label = error.labels.iter().find(|label| label.primary()).or(error.labels.first());
            let (start, end) = label.map_or((0, 0), |label| {
                let start = label.offset() as usize;
                (start, start + label.len() as usize)
            });
            let mut diagnostic = source.error(start, end, error.message.to_string());
            diagnostic.help = error.help.as_ref().map(ToString::to_string);
            diagnostic
        })
        .collect()
}

fn imports(text: &str, record: &ModuleRecord<'_>) -> Vec<Import> {
    let fixed = record.requested_modules.iter().flat_map(|(specifier, requests)| {
        requests.iter().map(|request| Import {
            specifier: specifier.to_string(),
            dynamic: false,
            start: request.span.start as usize,
            end: request.span.end as usize,
        })
    });
    let dynamic = record.dynamic_imports.iter().filter_map(|import| {
        let (start, end) =
            (import.module_request.start as usize, import.module_request.end as usize);
        let specifier = literal(text.get(start..end)?)?.to_owned();
        Some(Import { specifier, dynamic: true, start, end })
    });
    let mut all: Vec<Import> = fixed.chain(dynamic).collect();
    // Fixed before dynamic, so that the stricter of two equal imports is the one that stays.
    all.sort_by_key(|import| (import.dynamic, import.start));
    let mut seen = std::collections::HashSet::new();
    all.retain(|import| seen.insert(import.specifier.clone()));
    all.sort_by_key(|import| import.start);
    all
}

/// The text of a string literal, or of a template without substitutions. One with escapes counts
/// as computed: nobody writes a path that way.
fn literal(expression: &str) -> Option<&str> {
    let quote = expression.chars().next().filter(|quote| "\"'`".contains(*quote))?;
    let text = expression.strip_prefix(quote)?.strip_suffix(quote)?;
    let computed = text.contains(quote) || text.contains('\\') || text.contains("${");
    (!computed).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read_js(text: &str) -> Result<Script, Vec<Diagnostic>> {
        read(SourceText { file: Path::new("src/index.js"), text }, Goal::ModuleOrScript)
    }

    fn specifiers(text: &str) -> Vec<String> {
        read_js(text).unwrap().imports.into_iter().map(|import| import.specifier).collect()
    }

    #[test]
    fn finds_imports_of_every_form_in_order() {
        let text = r#"
            import "./a.js";
            import b, { c } from './b.js';
            export * from "./c.js";
            export { d } from "./d.js";
            import * as e from "./e.json" with { type: "json" };
            const f = () => import("./f.js"), g = import(`./g.js`);
            import("./" + f); import("./x" + "y"); import(`./${g}`); import("./a.js");
        "#;
        assert_eq!(
            specifiers(text),
            ["./a.js", "./b.js", "./c.js", "./d.js", "./e.json", "./f.js", "./g.js"]
        );
    }

    #[test]
    fn a_static_import_wins_over_a_dynamic_one() {
        let script = read_js("import('./a.js'); import './a.js';").unwrap();
        assert_eq!(script.imports.len(), 1);
        assert!(!script.imports[0].dynamic);
    }

    #[test]
    fn knows_modules_from_scripts() {
        assert!(read_js("export default {}").unwrap().is_module);
        assert!(read_js("import './a.js'").unwrap().is_module);
        assert!(read_js("console.log(import.meta.url)").unwrap().is_module);
        assert!(!read_js("addEventListener('fetch', () => {})").unwrap().is_module);
        // Sloppy code is right in a script and wrong in a module.
        assert!(!read_js("with ({}) { var x = 010 }").unwrap().is_module);
        assert!(read_js("export {}; with ({}) {}").is_err());
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let errors = read_js("const a = 1;\nlet b = ;\n").unwrap_err();
        let text = errors[0].to_string();
        assert!(text.starts_with("src/index.js:2:9: error: "), "{text}");
        assert!(text.contains("2 | let b = ;\n   |         ^"), "{text}");
        let errors = read_js("let a;\nlet a;").unwrap_err();
        assert!(errors[0].position.is_some(), "{}", errors[0]);
        assert!(read_js("/(/").is_err());
    }
}

//! Strips TypeScript's types, and turns what is more than types (enums, namespaces, parameter
//! properties, JSX) into JavaScript. Nothing else is rewritten: the isolate knows modern syntax.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::Program;
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::{GetSpan, SourceType};
use oxc::transformer::{JsxRuntime, TransformOptions, Transformer};

use super::javascript::{diagnostics, parse_options};
use super::source_map::{Mapping, SourceMap};
use crate::diagnostic::{Diagnostic, SourceText};

/// JavaScript made from TypeScript, and the way back.
#[derive(Debug)]
pub struct Stripped {
    pub code: String,
    pub source_map: SourceMap,
}

/// Whether files of this extension (without dot) are TypeScript or JSX.
pub fn is_typescript(extension: &str) -> bool {
    matches!(extension, "ts" | "mts" | "tsx" | "jsx")
}

/// `specifier` names the file in the source map and tells by its extension what it is written in.
pub fn strip(source: SourceText<'_>, specifier: &str) -> Result<Stripped, Vec<Diagnostic>> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source.text, source_type(specifier))
        .with_options(parse_options())
        .parse();
    let errors = diagnostics(source, &parsed.diagnostics);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut program = parsed.program;
    if let Some(error) = decorator(source, &program) {
        return Err(vec![error]);
    }
    let checked = SemanticBuilder::new()
        .with_check_syntax_error(true)
        .with_enum_eval(true)
        // The transformer adds scopes and symbols of its own.
        .with_excess_capacity(2.0)
        .build(&program);
    let errors = diagnostics(source, &checked.diagnostics);
    if !errors.is_empty() {
        return Err(errors);
    }
    let scoping = checked.semantic.into_scoping();
    let options = transform_options();
    let transformed = Transformer::new(&allocator, Path::new(specifier), &options)
        .build_with_scoping(scoping, &mut program);
    // What the transformer warns about is code that it leaves as it was: broken JavaScript.
    let mut all = transformed.diagnostics.into_vec();
    for one in &mut all {
        one.severity = oxc::diagnostics::Severity::Error;
    }
    let errors = diagnostics(source, &all);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(print(&program, specifier))
}

fn source_type(specifier: &str) -> SourceType {
    let extension = specifier.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "mts" => SourceType::ts().with_module(true),
        "tsx" => SourceType::tsx(),
        "jsx" => SourceType::unambiguous().with_jsx(true),
        _ => SourceType::ts(),
    }
}

fn transform_options() -> TransformOptions {
    let mut options = TransformOptions::default();
    // esbuild's default: `React.createElement` unless a comment pragma names another function.
    options.jsx.runtime = JsxRuntime::Classic;
    options.jsx.display_name_plugin = false;
    options
}

fn print(program: &Program<'_>, specifier: &str) -> Stripped {
    let printed = Codegen::new()
        .with_options(CodegenOptions {
            source_map_path: Some(specifier.into()),
            comments: CommentOptions::disabled(),
            ..CodegenOptions::default()
        })
        .build(program);
    let mappings = printed.map.iter().flat_map(|map| {
        map.get_tokens().filter_map(|token| {
            Some(Mapping {
                line: token.get_dst_line(),
                column: token.get_dst_col(),
                source: token.get_source_id()?,
                source_line: token.get_src_line(),
                source_column: token.get_src_col(),
            })
        })
    });
    let source_map = SourceMap::new(vec![specifier.to_owned()], mappings.collect());
    Stripped { code: printed.code, source_map }
}

/// Engines do not know decorators yet, and the error that they give says nothing.
fn decorator(source: SourceText<'_>, program: &Program<'_>) -> Option<Diagnostic> {
    if !source.text.contains('@') {
        return None;
    }
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(program).semantic;
    let span = semantic.nodes().iter().find_map(|node| match node.kind() {
        AstKind::Decorator(decorator) => Some(decorator.span()),
        _ => None,
    })?;
    Some(
        source
            .error(span.start as usize, span.end as usize, "decorators are not supported")
            .with_help("bundle the Worker with esbuild, which translates them"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip_ts(text: &str) -> Result<Stripped, Vec<Diagnostic>> {
        strip(SourceText { file: Path::new("w/src/a.ts"), text }, "src/a.ts")
    }

    fn code(text: &str) -> String {
        strip_ts(text).unwrap().code
    }

    #[test]
    fn types_go_and_the_rest_stays() {
        let out = code(
            "import type { A } from './types';\nimport { type B, c } from './c';\n\
             import { Unused } from './d';\n\
             interface I { x: number }\nconst x: Unused = c as B satisfies B;\n\
             export default { async fetch(r: Request): Promise<Response> { return x!?.y ?? 1n } };",
        );
        assert!(!out.contains("types") && !out.contains("./d") && !out.contains("interface"));
        assert!(out.contains("import { c } from \"./c\""), "{out}");
        // Modern syntax is not rewritten for older engines.
        assert!(out.contains("async fetch(r)") && out.contains("?.y ?? 1n"), "{out}");
    }

    #[test]
    fn enums_namespaces_and_parameter_properties_become_code() {
        let out = code("export enum E { A, B = 'b' }\nconst enum C { X = 1 }\nconsole.log(C.X)");
        assert!(out.contains("E[E[\"A\"] = 0] = \"A\""), "{out}");
        let out = code("namespace N { export const a = 1 }\nconsole.log(N.a)");
        assert!(out.contains("N.a") && out.contains("function"), "{out}");
        let out = code("export class P { constructor(private readonly x: number) {} }");
        assert!(out.contains("this.x = x"), "{out}");
    }

    #[test]
    fn jsx_becomes_calls() {
        let strip =
            |file, text| strip(SourceText { file: Path::new(file), text }, file).unwrap().code;
        let out = strip("a.tsx", "/** @jsx h */ export const a = (x: string) => <p id={x}>b</p>");
        assert!(out.contains("h(\"p\", { id: x }, \"b\")"), "{out}");
        assert!(strip("a.jsx", "export const a = <p/>").contains("React.createElement(\"p\""));
    }

    #[test]
    fn positions_lead_back() {
        let text = "interface I {\n  x: number\n}\n\nexport function f(a: I): never {\n  throw new Error('x');\n}\n";
        let stripped = strip_ts(text).unwrap();
        let line = stripped.code.lines().position(|l| l.contains("throw")).unwrap();
        let column = stripped.code.lines().nth(line).unwrap().find("throw").unwrap();
        let back = stripped.source_map.lookup(line as u32, column as u32);
        assert_eq!(back, Some(("src/a.ts", 5, 2)));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let error = |text| strip_ts(text).unwrap_err()[0].to_string();
        assert!(error("let a: = 1").starts_with("w/src/a.ts:1:8: error: "));
        assert!(error("class A { @d m() {} }\nexport {}").contains("decorators"));
        assert!(error("export {}; namespace N { export let a = 1; }").contains("const"));
        // An at sign alone is no decorator.
        assert!(strip_ts("export const mail = 'a@b'").is_ok());
    }
}

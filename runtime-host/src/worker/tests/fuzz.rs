//! Arbitrary trees, specifiers, routes and source texts: nothing outside of a Worker's directory is
//! read, and nothing makes the loader fail otherwise than with an error.

use std::collections::HashSet;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};

use base64::Engine as _;
use nano_routing::{Pattern, RouteTable};
use proptest::prelude::*;
use proptest::sample::select;

use crate::config::Config;
use crate::diagnostic::SourceText;
use crate::fuzz::{self, edited, edits};
use crate::worker::javascript::{self, Goal};
use crate::worker::nesting::{self, PARSER_STACK_BYTES};
use crate::worker::resolve::{self, Target};
use crate::worker::{load, source_map, typescript};

/// Specifiers as they are and as they should not be.
fn specifiers() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => select(vec!["a", "b.js", "d", "in.js", "out.js", "up", "a.json", "index"]),
        3 => select(vec!["..", ".", "", "...", " "]),
        2 => select(vec!["%2e%2e", "%2E.", ".%2e", "%2f", "%2e%2e%2f", "%00", "%", "%zz", "..%5c", "\\", "..\\"]),
        1 => select(vec!["file:", "\u{ff0e}\u{ff0e}", "\u{2025}", "\0", "\n", "?module", "#", "c:"]),
    ];
    let start = select(vec![
        "./", "../", "/", "file:///", "file://", "FILE:///", "", "//", "\\", "./../", "data:,",
    ]);
    let joined = prop::collection::vec(part, 0..6).prop_map(|parts| parts.join("/"));
    prop_oneof![
        6 => (start, joined).prop_map(|(start, joined)| format!("{start}{joined}")),
        1 => fuzz::text(4),
    ]
}

#[test]
fn no_specifier_leaves_the_directory() {
    let referrers = select(vec!["index.js", "a/b/c.js", "", "a", "../x.js", "/etc/x.js"]);
    fuzz::check(1000, &(referrers, specifiers()), |(referrer, specifier)| {
        match resolve::target(referrer, &specifier) {
            Ok(Target::Path(path)) => {
                // Only names that a referrer brought itself.
                let own = referrer.contains("..");
                let plain = |part| matches!(part, Component::Normal(_));
                assert!(Path::new(&path).components().all(plain) || own, "{path:?}");
                assert!(!path.starts_with('/'), "{path:?}");
                resolve::first_candidate::<()>(&path, |candidate| {
                    assert!(candidate.starts_with(&path[..path.rfind('.').unwrap_or(path.len())]));
                    None
                });
            }
            Ok(Target::Host(_)) => {}
            Err(why) => assert!(!why.to_string().is_empty()),
        }
    });
}

const OUTSIDE: &str = "nobody may read this";

/// A file or link in a Worker's directory.
#[derive(Clone, Debug)]
enum Made {
    Module(Vec<String>),
    Link(&'static str),
}

fn trees() -> impl Strategy<Value = Vec<(&'static str, Made)>> {
    let places = select(vec![
        "index.js", "in.js", "d/in.js", "d/b.js", "d/d/a.js", "a.json", "b.js", "up", "d/up",
        "out.js", "a", "link.js",
    ]);
    let targets = select(vec![
        "../secret.js",
        "..",
        "../..",
        ".",
        "index.js",
        "d",
        "d/in.js",
        "up",
        "/etc",
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
        "nowhere",
        "a",
        "link.js",
        "../../worker/index.js",
    ]);
    let made = prop_oneof![
        3 => prop::collection::vec(specifiers(), 0..5).prop_map(Made::Module),
        2 => targets.prop_map(Made::Link),
    ];
    prop::collection::vec((places, made), 1..10)
}

#[test]
fn no_tree_of_files_and_links_lets_the_loader_out() {
    fuzz::check(60, &(trees(), any::<bool>()), |(tree, additional)| {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().join("worker");
        std::fs::create_dir_all(root.join("d/d")).expect("a directory");
        std::fs::write(place.path().join("secret.js"), format!("export default \"{OUTSIDE}\""))
            .expect("written");
        std::fs::write(
            root.join("wrangler.toml"),
            format!("main = \"index.js\"\nfind_additional_modules = {additional}\n[[rules]]\ntype = \"Text\"\nglobs = [\"**/*\"]"),
        )
        .expect("written");
        for (path, made) in tree {
            let path = root.join(path);
            // The first of two with one name stays.
            let _ = match made {
                Made::Module(specifiers) if !path.exists() => {
                    let imports =
                        specifiers.iter().map(|one| format!("import {one:?};\nimport({one:?});\n"));
                    std::fs::write(path, imports.collect::<String>() + "export default {}")
                }
                Made::Module(_) => Ok(()),
                Made::Link(target) => symlink(target, path),
            };
        }
        let loaded = load(&root, &Config::default());
        let errors = loaded.diagnostics.iter().any(crate::diagnostic::Diagnostic::is_error);
        assert_eq!(loaded.bundle.is_none(), errors);
        let Some(bundle) = loaded.bundle else { return };
        let mut seen = HashSet::new();
        for module in &bundle.modules {
            let text = String::from_utf8_lossy(&module.source);
            assert!(
                !text.contains(OUTSIDE) && !text.contains("root:"),
                "{}: {text}",
                module.specifier
            );
            assert!(seen.insert(&module.specifier), "{} came twice", module.specifier);
            let real = root.join(&module.specifier).canonicalize().expect("a file");
            assert!(
                real.starts_with(root.canonicalize().expect("a directory")),
                "{}",
                real.display()
            );
        }
    });
}

fn patterns() -> impl Strategy<Value = String> {
    let host = select(vec![
        "example.com",
        "*.example.com",
        "*example.com",
        "*",
        "EXAMPLE.com",
        "a.example.com",
        "*.com",
        "[::1]",
        "*:*",
        "example.com:*",
        "*.*",
        "",
        "x@y",
        "\u{fc}.de",
    ]);
    let path = select(vec![
        "", "/", "/*", "/a", "/a*", "/a/*", "/ab", "/a?b", "/*/b", "/\u{fc}*", "*", "/A",
    ]);
    let scheme = select(vec!["", "http://", "https://", "ftp://", "://"]);
    prop_oneof![
        8 => (scheme, host, path).prop_map(|(scheme, host, path)| format!("{scheme}{host}{path}")),
        1 => fuzz::text(4),
    ]
}

/// A pattern matches as its text says, whatever is in the table beside it.
fn text_matches(pattern: &str, host: &str, target: &str) -> bool {
    let rest = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    let (own, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let own = own.strip_suffix(":*").unwrap_or(own).to_ascii_lowercase();
    let host_fits = match own.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix),
        None => host == own,
    };
    let path_fits = match path.strip_suffix('*') {
        Some("") => target.starts_with('/'),
        Some(prefix) => target.starts_with(prefix),
        None => target == if path.is_empty() { "/" } else { path },
    };
    host_fits && path_fits
}

#[test]
fn a_request_finds_a_worker_whose_pattern_matches_or_none_does() {
    let hosts =
        select(vec!["example.com", "a.example.com", "xexample.com", "com", "[::1]", "other", ""]);
    let ports = select(vec!["", ":80", ":"]);
    let targets = select(vec!["/", "/a", "/a/b", "/ab?x=1", "/A", "/\u{fc}x", "*", ""]);
    let request = (hosts, ports, targets);
    fuzz::check(500, &(prop::collection::vec(patterns(), 0..8), request), |(patterns, request)| {
        let (host, port, target) = request;
        let mut table = RouteTable::default();
        let mut valid = Vec::new();
        for (at, pattern) in patterns.iter().enumerate() {
            table.add(&at.to_string(), [pattern]);
            match Pattern::parse(pattern) {
                Ok(_) => valid.push(at),
                Err(why) => assert!(!why.is_empty()),
            }
        }
        assert_eq!(table.is_empty(), valid.is_empty());
        let matching: Vec<usize> =
            valid.into_iter().filter(|at| text_matches(&patterns[*at], host, target)).collect();
        let found = table.find(&format!("{host}{port}"), target).map(str::parse::<usize>);
        match found {
            None => assert_eq!(matching, Vec::<usize>::new(), "{patterns:?}"),
            Some(found) => assert!(matching.contains(&found.expect("a number")), "{patterns:?}"),
        }
    });
}

const JAVASCRIPT: &str = r#"import a, { b as c } from "./a.js"; import * as d from './d.ts';
export * from "./e.js"; export const x = /[a-z]+(?<n>\d{2,})$/giu, y = `t${a + `n${1}`}`;
export default { async *fetch(request, { env = 1, ...rest } = {}, ctx) {
  label: for (const [k, v] of Object.entries(env ?? {})) { if (k) continue label; else break; }
  const { default: m } = await import("./m.js"); yield* m?.[0]?.(...rest) ?? (await x);
  try { throw new Error(`x`) } catch { return class extends Object { #p = 1n; static { this.q = 0x1f; } get z() { return #p in this } } } finally { }
} };
module.exports = require("./c.cjs"); //# sourceMappingURL=data:application/json;base64,e30=
"#;

const TYPESCRIPT: &str = r#"import type { A } from "./a"; import { type B, c } from "./b.ts";
enum E { X = 1, Y = X << 2, Z = "z".length } declare module "m" { const q: number }
abstract class K<T extends keyof A = any> implements B { constructor(private readonly p?: T, public q: E = E.X) { super() } }
namespace N { export const v = <const T,>(x: T): x is T & { [k in E]?: T } => x satisfies any as unknown as never }
export default { fetch(this: void, r: Request): Promise<Response>; fetch(r) { return <any>r! } } as ExportedHandler<Env>;
type F = T extends (infer U extends string)[] ? `${U}-x` : [...rest: readonly E[]]; let u: unique symbol; export = N;
"#;

const PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "=>",
    "...",
    "`",
    "${",
    "\"",
    "'",
    "/",
    "/*",
    "//",
    "*",
    "?.",
    "??=",
    "#",
    "@",
    "\\",
    "\\u{",
    "async",
    "await",
    "yield",
    "class",
    "enum",
    "import",
    "export",
    "default",
    "let",
    "of",
    "in",
    "as",
    "satisfies",
    "type",
    "declare",
    "namespace",
    "function*",
    "new.target",
    "import.meta",
    "<!--",
    "-->",
    "\u{2028}",
    "\u{feff}",
    "\0",
    "0b",
    "1_",
    "9n",
    ".5e",
    "var a;",
    "let a;",
    "if(",
    "else",
    "case 1:",
    ";",
    ",",
    ":",
    "=",
    "!",
    "|",
];

/// On a stack as the loader has it, which is not only large: an overflow would end the process.
fn on_parser_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(PARSER_STACK_BYTES);
        let thread = builder.spawn_scoped(scope, work).expect("a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn source_is_read(file: &str, text: &str) {
    let source = SourceText { file: Path::new(file), text };
    if nesting::check(source).is_err() {
        return;
    }
    for goal in [Goal::Module, Goal::ModuleOrScript] {
        match javascript::read(source, goal) {
            Ok(script) => {
                for import in script.imports {
                    assert!(text.get(import.start..import.end).is_some(), "{}", import.specifier);
                }
            }
            Err(errors) => assert!(errors.iter().all(|error| error.position.is_some())),
        }
    }
    if let Ok(stripped) = typescript::strip(source, file) {
        // What was made of it is JavaScript.
        let made = SourceText { file: Path::new("made.js"), text: &stripped.code };
        drop(javascript::read(made, Goal::ModuleOrScript));
        stripped.source_map.lookup(0, 0);
    }
}

#[test]
fn any_source_is_read_or_refused_with_its_place() {
    on_parser_stack(|| {
        fuzz::check(60, &fuzz::text(40), |text| source_is_read("a.js", &text));
        fuzz::check(100, &edits(PIECES), |edits| {
            source_is_read("a.mjs", &edited(JAVASCRIPT, &edits));
        });
        fuzz::check(100, &edits(PIECES), |edits| {
            source_is_read("a.ts", &edited(TYPESCRIPT, &edits));
        });
        fuzz::check(60, &edits(PIECES), |edits| {
            source_is_read("a.tsx", &edited(JAVASCRIPT, &edits));
        });
    });
}

#[test]
fn any_source_map_is_read_or_none() {
    let segment = prop_oneof![
        5 => "[A-Za-z0-9+/]{1,9}",
        2 => select(vec![",", ";", ";;;;", "AAAA", "gggggD", "//////H", "ggggggggggA"]).prop_map(str::to_owned),
        1 => fuzz::text(1),
    ];
    let mappings = prop::collection::vec(segment, 0..20).prop_map(|parts| parts.join(","));
    fuzz::check(300, &(mappings, specifiers()), |(mappings, source)| {
        let map =
            serde_json::json!({ "version": 3, "sources": [source, null], "mappings": mappings });
        let text = map.to_string();
        let encoded = base64::engine::general_purpose::STANDARD.encode(&text);
        let data = format!("//# sourceMappingURL=data:application/json;base64,{encoded}");
        source_map::SourceMap::beside(Path::new("/none/a.js"), "d/a.js", &data);
        if let Some(map) = source_map::decode::decode(text.as_bytes(), "d/a.js.map") {
            for line in [0, 1, 4, u32::MAX] {
                if let Some((name, _, _)) = map.lookup(line, u32::MAX) {
                    assert!(!name.is_empty());
                }
            }
        }
    });
}

//! Arbitrary wrangler files: there is a Worker, or an error that says where.

use std::path::Path;

use proptest::prelude::*;

use super::super::{Wrangler, read};
use crate::diagnostic::{Diagnostic, SourceText};
use crate::fuzz::{self, edited, edits};
use crate::limits::DIAGNOSTICS_MAX;
use crate::worker::RouteTable;

const TOML: &str = r#"# A comment
name = "hello"
main = "src/index.ts"
compatibility_date = 2026-08-01
compatibility_flags = ["nodejs_compat", 'x']
routes = ["example.com/*", { pattern = "api.example.com", custom_domain = true }]
find_additional_modules = true
base_dir = "src"
[vars]
KEY = "v\u00fclue"
LIMITS = { a = [1, 2.5, -3], "b.c" = 1979-05-27T07:32:00Z }
[limits]
cpu_ms = 50
subrequests = 7
[[rules]]
type = "Text"
globs = ["**/*.txt", "a?{b,c}[d-f]"]
fallthrough = true
[env.staging]
name = "other"
vars = { KEY = """
lines
""" }
"#;

const JSONC: &str = r#"{
  // A comment
  "name": "hello", /* another */ "main": "src/index.ts",
  "compatibility_date": "2026-08-01", "compatibility_flags": ["nodejs_compat"],
  "routes": ["example.com/*", { "pattern": "*.example.com/a", "zone_name": "x" }],
  "vars": { "KEY": "v\u00fclue", "N": -1.5e3, "O": { "a": [1, null, true] } },
  "limits": { "cpu_ms": 50 },
  "rules": [{ "type": "Data", "globs": ["**/*.bin"], "fallthrough": false }],
  "env": { "staging": { "name": "other", }, },
}
"#;

const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "=",
    ",",
    ":",
    "#",
    "//",
    "/*",
    "*/",
    "\\",
    "\\u",
    "\\ud800",
    "\n",
    "\r",
    "\0",
    "0x",
    "1e999",
    "99999999999999999999",
    "-",
    "nan",
    "true",
    "null",
    "a.b.c",
    "env",
    "[env.staging]",
    "main = 1\n",
    "vars = 3\n",
    "[vars]\n",
    "\u{feff}",
    "\u{fc}",
    "1979-05-27",
    "*",
    "?",
    "://",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":",
];

fn all_of(file: &str, text: &str) {
    for environment in [None, Some("staging"), Some("")] {
        let (wrangler, diagnostics) = read(SourceText { file: Path::new(file), text }, environment);
        // That there are more, and that `main` is missing.
        assert!(diagnostics.len() <= DIAGNOSTICS_MAX + 2);
        assert_eq!(
            wrangler.is_none(),
            diagnostics.iter().any(Diagnostic::is_error),
            "{diagnostics:?}"
        );
        for one in &diagnostics {
            let about_all = one.message.starts_with("`main` is missing")
                || one.message.ends_with("more messages are not shown");
            assert!(one.position.is_some() || about_all, "{one}");
            if let Some(position) = one.position {
                let lines = text.split('\n').count();
                assert!((1..=lines).contains(&(position.line as usize)), "{one}");
            }
            assert!(one.to_string().starts_with(file));
        }
        if let Some(wrangler) = wrangler {
            is_sound(&wrangler, text);
        }
    }
}

fn is_sound(wrangler: &Wrangler, text: &str) {
    let name = wrangler.name.as_deref().unwrap_or("x");
    assert!((1..=63).contains(&name.len()) && name.is_ascii());
    assert!(!wrangler.main.is_empty());
    let (start, end) = wrangler.main_span;
    assert!(text.get(start..end).is_some(), "{:?}", wrangler.main_span);
    assert_eq!(wrangler.vars.is_empty(), wrangler.var_spans.is_empty());
    for (name, (start, end)) in &wrangler.var_spans {
        assert!(wrangler.vars.contains_key(name) && text.get(*start..*end).is_some(), "{name}");
    }
    RouteTable::default().add(name, &wrangler.routes);
}

#[test]
fn any_text_is_read_or_refused_with_its_place() {
    fuzz::check(150, &(fuzz::text(60), any::<bool>()), |(text, toml)| {
        all_of(if toml { "wrangler.toml" } else { "wrangler.jsonc" }, &text);
    });
}

#[test]
fn any_change_to_a_toml_file_is_read_or_refused_with_its_place() {
    fuzz::check(150, &edits(PIECES), |edits| all_of("wrangler.toml", &edited(TOML, &edits)));
}

#[test]
fn any_change_to_a_json_file_is_read_or_refused_with_its_place() {
    fuzz::check(150, &edits(PIECES), |edits| all_of("wrangler.json", &edited(JSONC, &edits)));
}

#[test]
fn a_file_of_nothing_but_errors_is_refused_soon() {
    const BYTES: usize = 1024 * 1024;
    let began = std::time::Instant::now();
    all_of("wrangler.toml", &"=\n".repeat(BYTES / 2));
    all_of(
        "wrangler.toml",
        &(0..60_000).map(|n| format!("nam{n}=1\n")).collect::<Vec<_>>().concat(),
    );
    let keys = (0..60_000).map(|n| format!("\"nam{n}\":1,\n")).collect::<Vec<_>>().concat();
    all_of("wrangler.json", &format!("{{{keys}}}"));
    all_of("wrangler.json", &format!("{{\"routes\":[{}]}}", "1,".repeat(BYTES / 2 - 20)));
    // Without the bound it is an hour.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

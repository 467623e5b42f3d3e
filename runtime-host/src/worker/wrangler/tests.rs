mod fuzz;

use std::path::Path;

use serde_json::json;

use super::{Wrangler, read};
use crate::diagnostic::SourceText;
use crate::worker::bundle::ModuleKind;
use crate::worker::rules::Rules;

fn lines(file: &str, text: &str, environment: Option<&str>) -> (Option<Wrangler>, Vec<String>) {
    let (wrangler, diagnostics) = read(SourceText { file: Path::new(file), text }, environment);
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    (wrangler, diagnostics.iter().map(|d| first(d.to_string())).collect())
}

fn ok(file: &str, text: &str) -> Wrangler {
    let (wrangler, messages) = lines(file, text, None);
    assert!(messages.is_empty(), "{messages:#?}");
    wrangler.unwrap()
}

#[test]
fn the_three_file_formats_say_the_same() {
    let toml = r#"
name = "hello"
main = "src/index.ts"
compatibility_date = 2026-08-01
compatibility_flags = ["nodejs_compat"]
routes = ["example.com/*", { pattern = "api.example.com", custom_domain = true }]
find_additional_modules = true
base_dir = "src"
account_id = "ignored"
[vars]
KEY = "value"
LIMITS = { a = [1, 2] }
[limits]
cpu_ms = 50
subrequests = 7
[[rules]]
type = "Text"
globs = ["**/*.md"]
fallthrough = true
"#;
    let json = r#"{
  "$schema": "node_modules/wrangler/config-schema.json",
  // comments are welcome
  "name": "hello", "main": "src/index.ts", "compatibility_date": "2026-08-01",
  "compatibility_flags": ["nodejs_compat"],
  "routes": ["example.com/*", { "pattern": "api.example.com", "custom_domain": true }],
  "find_additional_modules": true, "base_dir": "src",
  "vars": { "KEY": "value", "LIMITS": { "a": [1, 2] } },
  "limits": { "cpu_ms": 50, "subrequests": 7 },
  "rules": [{ "type": "Text", "globs": ["**/*.md"], "fallthrough": true }],
}"#;
    for (file, text) in [("wrangler.toml", toml), ("wrangler.json", json), ("wrangler.jsonc", json)]
    {
        let wrangler = ok(file, text);
        assert_eq!(wrangler.name.as_deref(), Some("hello"));
        assert_eq!(wrangler.main, "src/index.ts");
        assert_eq!(wrangler.compatibility_date.as_deref(), Some("2026-08-01"));
        assert_eq!(wrangler.compatibility_flags, ["nodejs_compat"]);
        assert_eq!(wrangler.routes, ["example.com/*", "api.example.com/*"]);
        assert_eq!(
            serde_json::Value::Object(wrangler.vars),
            json!({ "KEY": "value", "LIMITS": { "a": [1, 2] } })
        );
        assert_eq!((wrangler.cpu_ms, wrangler.subrequests), (Some(50), Some(7)));
        assert!(wrangler.find_additional_modules);
        assert_eq!(wrangler.base_dir.as_deref(), Some("src"));
        assert_eq!(Rules::new(wrangler.rules).kind("a.md"), Ok(ModuleKind::Text));
    }
}

#[test]
fn an_environment_replaces_and_does_not_inherit_variables() {
    let text = r#"
name = "top"
main = "a.js"
route = "top.example/*"
[vars]
A = "top"
[env.production]
name = "prod"
route = "prod.example/*"
[env.production.vars]
B = "prod"
[env.staging]
"#;
    let (production, messages) = lines("wrangler.toml", text, Some("production"));
    assert!(messages.is_empty(), "{messages:#?}");
    let production = production.unwrap();
    assert_eq!(production.name.as_deref(), Some("prod"));
    assert_eq!(production.main, "a.js");
    assert_eq!(production.routes, ["prod.example/*"]);
    assert_eq!(serde_json::Value::Object(production.vars), json!({ "B": "prod" }));
    let top = lines("wrangler.toml", text, Some("other")).0.unwrap();
    assert_eq!(serde_json::Value::Object(top.vars), json!({ "A": "top" }));
    let staging = lines("wrangler.toml", text, Some("staging")).0.unwrap();
    assert!(staging.vars.is_empty());
    assert_eq!(staging.routes, ["top.example/*"]);
}

#[test]
fn what_is_not_supported_is_a_warning_with_its_line() {
    let text = r#"main = "a.js"
kv_namespaces = [{ binding = "CACHE", id = "x" }]
durable_objects.bindings = [{ name = "ROOM", class_name = "Room" }]
compatability_date = "2026-01-01"
[triggers]
crons = ["* * * * *"]
[no_such_thing]
[ai]
"#;
    let (wrangler, messages) = lines("wrangler.toml", text, None);
    assert!(wrangler.is_some());
    assert_eq!(
        messages,
        [
            "wrangler.toml:2:1: warning: `kv_namespaces` is not supported yet: env has no CACHE",
            "wrangler.toml:3:1: warning: `durable_objects` is not supported yet: env has no ROOM",
            "wrangler.toml:4:1: warning: unknown key `compatability_date` at the top of the file: \
             did you mean `compatibility_date`?",
            "wrangler.toml:5:2: warning: `triggers` is not supported: \
             the scheduled handler is never called",
            "wrangler.toml:7:2: warning: unknown key `no_such_thing` at the top of the file",
            "wrangler.toml:8:2: warning: `ai` is not supported yet: \
             its bindings are missing from env",
        ]
    );
}

#[test]
fn errors_name_place_and_remedy() {
    let expect = |text: &str, expected: &str| {
        let (wrangler, messages) = lines("wrangler.toml", text, None);
        assert!(wrangler.is_none(), "{text}");
        assert!(messages.iter().any(|m| m.contains(expected)), "{text}: {messages:#?}");
    };
    expect("name = \"x\"", "wrangler.toml: error: `main` is missing");
    expect("main = 1", "wrangler.toml:1:8: error: `main` can't be a number");
    expect("main = \"a\"\nname = \"a b\"", "2:8: error: `name` can't be \"a b\"");
    expect("main = \"a\"\ncompatibility_date = \"soon\"", "write it as YYYY-MM-DD");
    expect("main = \"a\"\nroute = \"a.*.b/*\"", "only at the beginning");
    expect("main = \"a\"\nroutes = \"a/*\"", "`routes` must be an array");
    expect("main = \"a\"\nroutes = [{ zone_id = \"x\" }]", "a route needs a pattern");
    expect("main = \"a\"\n[[rules]]\ntype = \"Txt\"\nglobs = [\"*\"]", "write \"ESModule\" or");
    expect("main = \"a\"\n[[rules]]\ntype = \"Text\"\nglobs = [\"{\"]", "4:10: error: the glob");
    expect("main = \"a\"\n[limits]\ncpu_ms = 0", "must be a whole number from 1 to");
    let (_, messages) = lines("wrangler.json", "{}", None);
    assert_eq!(messages.len(), 1);
}

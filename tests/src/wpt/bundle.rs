//! One file of the suite as one Worker: a script in service-worker format that holds the harness,
//! `testharness.js`, the scripts that the test names, and the test.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex_lite::Regex;
use serde_json::json;
use url::Url;

use super::expressions;
use super::file::{Kind, TestFile};
use super::server::Server;
use crate::{Error, Result};

const HARNESS: &str = include_str!("harness.js");
const TESTHARNESS: &str = "/resources/testharness.js";

static FUNCTION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)^(?:async\s+)?function\s*\*?\s*([A-Za-z_$][\w$]*)"));
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^var\s+([A-Za-z_$][\w$]*)"));
static IMPORT: LazyLock<Regex> = LazyLock::new(|| regex(r"importScripts\(([^)]*)\);?"));
static QUOTED: LazyLock<Regex> = LazyLock::new(|| regex(r#"['"]([^'"]+)['"]"#));

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a constant that each run uses")
}

/// Makes bundles of what a server gives out, which it asks for each script once.
#[derive(Debug)]
pub struct Bundler {
    server: Server,
    scripts: Mutex<HashMap<String, Arc<str>>>,
}

impl Bundler {
    pub fn new(server: Server) -> Self {
        Self { server, scripts: Mutex::default() }
    }

    async fn script(&self, path: &str) -> Result<Arc<str>> {
        let known = || self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = known().get(path) {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = self.server.get(path).await?.into();
        known().insert(path.to_owned(), Arc::clone(&text));
        Ok(text)
    }

    pub async fn bundle(&self, test: &TestFile) -> Result<String> {
        let at = format!("{}/{}", self.server.origin(), test.path);
        let at = Url::parse(&at).map_err(Error::during(format!("bad path {}", test.path)))?;
        let source = self.script(at.path()).await?;
        let (names, source) = match test.kind {
            Kind::Any => (test.meta.scripts().map(str::to_owned).collect(), source.to_string()),
            Kind::Worker => imports(&source),
        };
        let mut scripts = Vec::new();
        for name in names {
            let path = at.join(&name).map_err(Error::during(format!("bad script {name}")))?;
            if !path.path().ends_with("/testharness.js") {
                scripts.push((name, self.script(path.path()).await?.to_string()));
            }
        }
        scripts.push((test.path.clone(), source));

        let page = test.path.strip_suffix(".js").unwrap_or(&test.path);
        let file = json!({
            "name": test.name(),
            "url": format!("{}/{page}.worker.html{}", self.server.origin(), test.variant),
            "time_ms": test.time().as_millis() as u64,
        });
        let mut bundle = format!("{HARNESS}\nconst wptFile = {file};\n");
        let _ = writeln!(bundle, "const wptExpressions = {};", compiled(test, &scripts));
        let testharness = self.script(TESTHARNESS).await?;
        let _ = writeln!(bundle, "function wptTestharness(self) {{\n{testharness}\n}}");
        let _ = writeln!(bundle, "function wptTest() {{\n{}}}", body(&scripts));
        Ok(bundle)
    }
}

/// The scripts that a `.worker.js` imports, and the rest of it.
fn imports(source: &str) -> (Vec<String>, String) {
    let names = IMPORT
        .captures_iter(source)
        .flat_map(|call| {
            let arguments = call.get(1).map_or("", |arguments| arguments.as_str());
            QUOTED.captures_iter(arguments).map(|name| name[1].to_owned()).collect::<Vec<_>>()
        })
        .collect();
    (names, IMPORT.replace_all(source, "").into_owned())
}

/// An object literal with the expressions that the test has evaluated, or `null`.
fn compiled(test: &TestFile, scripts: &[(String, String)]) -> String {
    if !test.is_idl() {
        return "null".to_owned();
    }
    let mut literal = "{\n".to_owned();
    if let Some((_, source)) = scripts.last() {
        for text in expressions::of(source) {
            let _ = writeln!(literal, "{}: () => ({text}),", json!(text));
        }
    }
    literal + "}"
}

/// The scripts one after the other. In a browser each is a script of its own, so that its functions
/// and variables at the top are properties of the global scope, which some of the suite relies on.
fn body(scripts: &[(String, String)]) -> String {
    let mut body = String::new();
    let functions: BTreeSet<&str> =
        scripts.iter().flat_map(|(_, source)| names(&FUNCTION, source)).collect();
    for name in functions {
        let is_other = format!("typeof {name} === 'function' && globalThis.{name} !== {name}");
        let _ = writeln!(body, "if ({is_other}) globalThis.{name} = {name};");
    }
    for (index, (name, source)) in scripts.iter().enumerate() {
        let _ = writeln!(body, "// {name}\n{source}\n;");
        if index + 1 < scripts.len() {
            for name in names(&VARIABLE, source).into_iter().collect::<BTreeSet<_>>() {
                let is_set = format!("typeof {name} !== 'undefined'");
                let _ = writeln!(body, "if ({is_set}) globalThis.{name} = {name};");
            }
        }
    }
    body
}

fn names<'a>(regex: &Regex, source: &'a str) -> Vec<&'a str> {
    regex.captures_iter(source).filter_map(|found| found.get(1)).map(|name| name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::{body, imports};

    #[test]
    fn imports_become_scripts_of_the_bundle() {
        let (names, rest) = imports(
            "importScripts('/resources/testharness.js', \"a.js\");\nimportScripts('b.js')\ntest();\n",
        );
        assert_eq!(names, ["/resources/testharness.js", "a.js", "b.js"]);
        assert_eq!(rest, "\n\ntest();\n");
    }

    #[test]
    fn names_at_the_top_of_scripts_become_global() {
        let script = |source: &str| ("x.js".to_owned(), source.to_owned());
        let text = body(&[
            script("var a = 1;\nasync function f() {}\n  function g() {}\nfunction* h() {}"),
            script("var b;"),
        ]);
        for has in ["globalThis.a = a;", "globalThis.f = f;", "globalThis.h = h;"] {
            assert!(text.contains(has), "{has} in {text}");
        }
        assert!(!text.contains("globalThis.g") && !text.contains("globalThis.b"), "{text}");
    }
}

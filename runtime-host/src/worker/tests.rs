//! Whole Workers, written to a directory and loaded.

mod fuzz;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Bundle, Format, Loaded, ModuleKind, load, load_all};
use crate::config::Config;
use crate::diagnostic::SourceText;
use crate::limits::Limit;

pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    /// All at once: a watcher on a loaded machine could see a file that is being written.
    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, path).unwrap();
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(super) fn config(&self, text: &str) -> Config {
        let file = self.path("nano.toml");
        Config::parse(SourceText { file: &file, text }).unwrap()
    }

    /// Messages with paths relative to the folder; only their first lines.
    pub(super) fn messages(&self, loaded: &Loaded) -> Vec<String> {
        let root = format!("{}/", self.0.path().display());
        let line = |text: String| text.lines().next().unwrap_or_default().replace(&root, "");
        loaded.diagnostics.iter().map(|d| line(d.to_string())).collect()
    }
}

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let folder = Folder::new(files);
    let loaded = load(&folder.path("w"), &Config::default());
    assert!(loaded.diagnostics.is_empty(), "{:#?}", folder.messages(&loaded));
    loaded.bundle.unwrap()
}

fn refusal(files: &[(&str, &str)]) -> String {
    let folder = Folder::new(files);
    let loaded = load(&folder.path("w"), &Config::default());
    assert!(loaded.bundle.is_none());
    folder.messages(&loaded).join("\n")
}

const WRANGLER: (&str, &str) = ("w/wrangler.toml", "name = \"w\"\nmain = \"src/index.js\"\n");

#[test]
fn a_graph_of_every_kind() {
    let folder = Folder::new(&[
        ("w/wrangler.toml", "name = \"graph\"\nmain = \"src/index.ts\"\n"),
        (
            "w/src/index.ts",
            "import { a } from './a'; import data from '../data.json'; import page from './p.html';\n\
             import type { T } from './types'; import mod from './m.wasm?module';\n\
             import { env } from 'cloudflare:workers'; import bin from './b.bin';\n\
             const x: T = a; export default { fetch: () => import('./lazy.mjs') };\n\
             console.log(x, data, page, mod, env, bin);",
        ),
        ("w/src/a/index.js", "export { a } from '../b.js';"),
        ("w/src/b.ts", "import './index.js'; export const a: number = 1;"),
        ("w/data.json", "{ \"x\": [1] }"),
        ("w/src/p.html", "\u{feff}<p>é"),
        ("w/src/lazy.mjs", "export default 1"),
        ("w/src/b.bin", "\x01"),
    ]);
    folder.write("w/src/m.wasm", b"\0asm\x01\0\0\0");
    let loaded = load(&folder.path("w"), &Config::default());
    assert!(loaded.diagnostics.is_empty(), "{:#?}", folder.messages(&loaded));
    let bundle = loaded.bundle.unwrap();
    assert_eq!((bundle.name.as_str(), bundle.format), ("graph", Format::Modules));
    assert_eq!(bundle.main, "src/index.ts");
    let kinds: Vec<_> = bundle.modules.iter().map(|m| (m.specifier.as_str(), m.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("src/index.ts", ModuleKind::Esm),
            ("src/a/index.js", ModuleKind::Esm),
            ("data.json", ModuleKind::Json),
            ("src/p.html", ModuleKind::Text),
            ("src/m.wasm", ModuleKind::Wasm),
            ("src/b.bin", ModuleKind::Data),
            ("src/lazy.mjs", ModuleKind::Esm),
            ("src/b.ts", ModuleKind::Esm),
        ]
    );
    let source = |specifier: &str| {
        String::from_utf8(bundle.module(specifier).unwrap().source.to_vec()).unwrap()
    };
    assert_eq!(source("src/p.html"), "<p>é");
    assert!(!source("src/b.ts").contains("number"));
    // `./index.js` is `index.ts`: a cycle, found at run time by the same rules.
    assert!(bundle.resolve("src/b.ts", "./index.js").is_ok());
    assert!(bundle.resolve("src/index.ts", "./m.wasm?module").is_ok());
}

#[test]
fn javascript_is_left_byte_for_byte() {
    let text = "// comment\nexport  default {fetch(){}}//end";
    let bundle = bundle(&[WRANGLER, ("w/src/index.js", text)]);
    assert_eq!(bundle.modules[0].source, text);
    assert!(bundle.modules[0].source_map.is_none());
}

#[test]
fn a_script_without_module_syntax_is_service_worker_format() {
    let text = "addEventListener('fetch', e => e.respondWith(new Response('x')))";
    let format = |files: &[(&str, &str)]| bundle(files).format;
    assert_eq!(format(&[WRANGLER, ("w/src/index.js", text)]), Format::ServiceWorker);
    let ts = ("w/wrangler.toml", "main = \"a.ts\"");
    assert_eq!(format(&[ts, ("w/a.ts", "let a: number = 1")]), Format::ServiceWorker);
    let mjs = ("w/wrangler.toml", "main = \"a.mjs\"");
    assert_eq!(format(&[mjs, ("w/a.mjs", text)]), Format::Modules);
    let folder = Folder::new(&[("my worker.js", text)]);
    let single = load(&folder.path("my worker.js"), &Config::default()).bundle.unwrap();
    assert_eq!((single.name.as_str(), single.format), ("my-worker", Format::ServiceWorker));
    assert_eq!(single.main, "my worker.js");
}

#[test]
fn refusals_name_the_place_and_the_remedy() {
    let js = |text: &str| refusal(&[WRANGLER, ("w/src/index.js", text)]);
    assert_eq!(
        js("export default {};\nimport fs from 'node:fs'"),
        "w/src/index.js:2:16: error: the built-in module \"node:fs\" is not supported; \
         provided are: cloudflare:workers"
    );
    assert!(js("import { Hono } from 'hono'").contains(
        "w/src/index.js:1:22: error: cannot import the package \"hono\": packages are not looked \
         up in node_modules; bundle the Worker first: esbuild src/index.js --bundle"
    ));
    assert!(
        js("import '../../x.js'").contains("1:8: error: cannot import \"../../x.js\": it lies")
    );
    assert!(js("import '/etc/x.js'").contains("absolute paths are refused"));
    assert!(js("import './none.js'").contains("there is no src/none.js"));
    assert!(js("const x = require('./y')").contains("1:11: error: this is CommonJS (`require`)"));
    assert!(
        js("export default {\n  fetch() { return ] }\n}").contains("src/index.js:2:20: error: ")
    );
}

#[test]
fn refusals_in_typescript_point_into_the_source() {
    let message = refusal(&[
        ("w/wrangler.toml", "main = \"a.ts\""),
        (
            "w/a.ts",
            "interface A {\n  a: number\n}\n\nimport { b } from 'é-pkg';\nexport default b as A;\n",
        ),
    ]);
    assert!(message.starts_with("w/a.ts:5:19: error: cannot import the package"), "{message}");
    let message = refusal(&[
        ("w/wrangler.toml", "main = \"a.ts\""),
        ("w/a.ts", "type A = 1\n\nconst x: A = require('x')\nexport default x"),
    ]);
    assert!(message.starts_with("w/a.ts:3:14: error: this is CommonJS"), "{message}");
}

#[test]
fn refusals_of_modules_that_are_not_javascript() {
    let import = |name: &str, content: &str| {
        let main = format!("import x from './{name}'; export default x");
        refusal(&[WRANGLER, ("w/src/index.js", &main), (&format!("w/src/{name}"), content)])
    };
    assert_eq!(
        import("a.json", "{\n  \"a\": x\n}"),
        "w/src/a.json:2:8: error: not valid JSON: expected value"
    );
    assert!(import("a.json", "").contains("w/src/a.json:1:1: error: not valid JSON"));
    assert!(import("a.wasm", "(module)").contains("is not WebAssembly"));
    assert!(import("a.cjs", "").contains("it is CommonJS"));
    assert!(import("a.png", "").contains("no rule says what kind of module"));
    let folder = Folder::new(&[WRANGLER, ("w/src/index.js", "export { default } from './a.txt'")]);
    folder.write("w/src/a.txt", b"ab\xff");
    let messages = folder.messages(&load(&folder.path("w"), &Config::default()));
    assert!(messages[0].contains("w/src/a.txt: error: is not UTF-8: the byte at offset 2"));
}

#[test]
fn a_dynamic_import_that_cannot_be_found_is_a_warning() {
    let folder = Folder::new(&[
        WRANGLER,
        ("w/src/index.js", "export default {}; import('node:crypto').catch(() => {})"),
    ]);
    let loaded = load(&folder.path("w"), &Config::default());
    assert!(loaded.bundle.is_some());
    assert!(folder.messages(&loaded)[0].contains("1:27: warning: the built-in module"));
}

#[cfg(unix)]
#[test]
fn symbolic_links_do_not_lead_out() {
    let folder = Folder::new(&[
        WRANGLER,
        ("secret.json", "{}"),
        ("w/inside.json", "{}"),
        ("w/src/index.js", "import './in.json'; import './out.json'; import './dir/secret.json'"),
    ]);
    let link = |to: &Path, at: &str| std::os::unix::fs::symlink(to, folder.path(at)).unwrap();
    link(&folder.path("secret.json"), "w/src/out.json");
    link(&folder.path("w/inside.json"), "w/src/in.json");
    link(&folder.path(""), "w/src/dir");
    let messages = folder.messages(&load(&folder.path("w"), &Config::default()));
    assert_eq!(messages.len(), 2, "{messages:#?}");
    assert!(messages[0].contains("1:28: error: cannot import \"./out.json\": it lies outside"));
    assert!(messages[1].contains("cannot import \"./dir/secret.json\": it lies outside"));
}

#[test]
fn the_size_limit_counts_all_modules() {
    let large = "x".repeat(700 * 1024);
    let folder = Folder::new(&[
        WRANGLER,
        (
            "w/src/index.js",
            "import a from './a.txt'; import b from './b.txt'; export default a + b",
        ),
        ("w/src/a.txt", &large),
        ("w/src/b.txt", &large),
    ]);
    let loaded = load(&folder.path("w"), &folder.config("[worker.w.limits]\nbundle_mb = 1"));
    assert_eq!(
        folder.messages(&loaded),
        ["w/src/b.txt: error: with this file the Worker's modules have 1.4 MiB, more than the \
          limit of 1.0 MiB"]
    );
    let refused = &loaded.diagnostics[0];
    assert_eq!((refused.limit, refused.worker.as_deref()), (Some(Limit::Bundle), Some("w")));
    assert!(load(&folder.path("w"), &Config::default()).bundle.is_some());
}

#[test]
fn additional_modules_are_found_by_rule() {
    let folder = Folder::new(&[
        (
            "w/wrangler.toml",
            "main = \"src/index.js\"\nfind_additional_modules = true\n\
             [[rules]]\ntype = \"ESModule\"\nglobs = [\"lang/*.js\"]\n",
        ),
        ("w/src/index.js", "export default { fetch: (r) => import(`./lang/${r.url}.js`) }"),
        ("w/src/lang/de.js", "export default 'de'"),
        ("w/src/lang/en.js", "import './deep/x.js'; export default 'en'"),
        ("w/src/lang/deep/x.js", ""),
        ("w/src/text.txt", "t"),
        ("w/src/node_modules/a.txt", ""),
        ("w/src/.hidden/a.txt", ""),
        ("w/other/a.txt", ""),
    ]);
    let bundle = load(&folder.path("w"), &Config::default()).bundle.unwrap();
    let mut names: Vec<_> = bundle.modules.iter().map(|m| m.specifier.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["src/index.js", "src/lang/de.js", "src/lang/deep/x.js", "src/lang/en.js", "src/text.txt"]
    );
    assert!(bundle.resolve("src/index.js", "./lang/de.js").is_ok());
}

#[test]
fn settings_come_together() {
    let folder = Folder::new(&[
        (
            "w/wrangler.toml",
            "name = \"w\"\nmain = \"a.js\"\nroute = \"a.com/*\"\n[vars]\nA = 1\nB = 2\n\
             [limits]\ncpu_ms = 999\nsubrequests = 2\n[env.prod]\nvars = { C = 3 }\n",
        ),
        ("w/a.js", "export default {}"),
    ]);
    let nano = "[limits]\ncpu_ms = 100\n[workers]\nfailure_mode = \"open\"\n\
                [worker.w]\norigin = \"http://o:1\"\nvars = { B = 9 }\n";
    let settings = load(&folder.path("w"), &folder.config(nano)).bundle.unwrap().settings;
    assert_eq!((settings.limits.cpu_ms, settings.limits.subrequests), (100, 2));
    assert_eq!(serde_json::to_string(&settings.vars).unwrap(), r#"{"A":1,"B":9}"#);
    assert_eq!(settings.origin.unwrap().as_str(), "http://o:1/");
    assert_eq!(settings.routes, ["a.com/*"]);
    assert_eq!(settings.failure_mode, crate::exchange::FailureMode::Open);
    let nano = "[worker.w]\nenvironment = \"prod\"";
    let settings = load(&folder.path("w"), &folder.config(nano)).bundle.unwrap().settings;
    assert_eq!(serde_json::to_string(&settings.vars).unwrap(), r#"{"C":3}"#);
}

/// What a Worker may connect to is not its author's to say.
#[test]
fn egress_rules_are_the_operators() {
    let wrangler = "name = \"w\"\nmain = \"a.js\"\n[egress]\nallow = [\"127.0.0.1\"]\n";
    let folder = Folder::new(&[("w/wrangler.toml", wrangler), ("w/a.js", "export default {}")]);
    let opened = |nano: &str| {
        let egress = load(&folder.path("w"), &folder.config(nano)).bundle.unwrap().settings.egress;
        egress.judge(None, "127.0.0.1".parse().unwrap(), 80).is_ok()
    };
    assert!(!opened(""));
    assert!(!opened("[worker.other.egress]\nallow = [\"127.0.0.1\"]"));
    assert!(opened("[worker.w.egress]\nallow = [\"127.0.0.1:80\"]"));
    assert!(opened("[egress]\nallow = [\"127.0.0.0/8\"]"));
    assert!(opened("[worker.w]\norigin = \"http://127.0.0.1\""));
    assert!(!opened("[worker.w]\norigin = \"http://127.0.0.1:81\""));
}

#[test]
fn all_workers_of_a_configuration() {
    let worker = ("x", "main = \"a.js\"");
    let folder = Folder::new(&[
        ("workers/b/wrangler.toml", worker.1),
        ("workers/b/a.js", "export default {}"),
        ("workers/a/wrangler.json", "{ \"main\": \"a.js\", \"name\": \"first\" }"),
        ("workers/a/a.js", "export default {}"),
        ("workers/no-worker/readme", ""),
        ("again/wrangler.toml", "main = \"a.js\"\nname = \"first\""),
        ("again/a.js", "export default {}"),
        ("broken/wrangler.toml", "main = \"nope.js\""),
    ]);
    let config = folder.config(
        "[workers]\ndirectories = [\"workers/*\", \"workers/a\", \"again\", \"broken\", \"gone\"]\n\
         default = \"second\"\n[worker.third]\n",
    );
    let (bundles, diagnostics) = load_all(&config);
    let names: Vec<_> = bundles.iter().map(|bundle| bundle.name.as_str()).collect();
    assert_eq!(names, ["first", "b"]);
    let messages = folder.messages(&Loaded { bundle: None, diagnostics });
    assert_eq!(messages[0], "gone: error: does not exist; workers.directories names it");
    assert!(messages[1].starts_with("again: error: the Worker's name \"first\" is taken by "));
    assert_eq!(
        messages[2],
        "broken/wrangler.toml:1:8: error: `main`: cannot import \"./nope.js\": there is no nope.js"
    );
    assert_eq!(
        messages[3],
        "nano.toml: error: workers.default names \"second\", but loaded are: first, b"
    );
    assert!(messages[4].contains("warning: [worker.third] is for no Worker"));
}

#[test]
fn routes_that_two_workers_claim() {
    let folder = Folder::new(&[
        ("a/wrangler.toml", "main = \"a.js\"\nroute = \"x.com/*\""),
        ("a/a.js", "export default {}"),
        ("b/wrangler.toml", "main = \"a.js\"\nroutes = [\"http://X.com/*\", \"x.com/b/*\"]"),
        ("b/a.js", "export default {}"),
    ]);
    let config = folder.config("[workers]\ndirectories = [\"a\", \"b\"]");
    let (bundles, diagnostics) = load_all(&config);
    assert_eq!(bundles.len(), 2);
    assert_eq!(
        folder.messages(&Loaded { bundle: None, diagnostics }),
        [
            "b: warning: the route \"http://X.com/*\" of \"b\" is without effect: \"a\" has it already"
        ]
    );
}

/// The user's page shows both files whole; what it shows is accepted.
#[test]
fn the_documentation_is_true() {
    let page = include_str!("../../../docs/configuration.md");
    let mut blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let (nano, wrangler) = (blocks.next().unwrap(), blocks.next().unwrap());
    let source = SourceText { file: Path::new("nano.toml"), text: nano };
    let config = Config::parse(source).unwrap();
    assert_eq!(config.limits, crate::limits::Limits::default());
    assert_eq!(config.server.listen, Config::default().server.listen);
    let source = SourceText { file: Path::new("wrangler.toml"), text: wrangler };
    let (read, diagnostics) = super::wrangler::read(source, None);
    assert!(diagnostics.is_empty() && read.is_some(), "{diagnostics:#?}");
}

#[test]
fn directories_without_a_worker() {
    let folder = Folder::new(&[("w/readme", ""), ("x/wrangler.toml", "main = \"a.js\"")]);
    let message = |path: &str| folder.messages(&load(&folder.path(path), &Config::default()));
    assert!(message("w")[0].contains("has no wrangler.toml, wrangler.json or wrangler.jsonc"));
    assert_eq!(message("missing"), ["missing: error: does not exist"]);
    folder.write("x/a.js", "export default {}");
    folder.write("x/wrangler.json", "{ \"main\": \"a.js\" }");
    assert!(message("x")[0].starts_with("x/wrangler.toml: warning: is not read: "));
}

#[test]
fn variables_that_are_too_many_or_too_large_name_themselves_and_their_place() {
    let entry = ("w/a.js", "export default {}");
    let with = |vars: &str| {
        let file = format!("main = \"a.js\"\n[vars]\n{vars}");
        refusal(&[("w/wrangler.toml", &file), entry])
    };
    let large = format!("SMALL = \"x\"\nBIG = \"{}\"", "x".repeat(5121));
    assert_eq!(
        with(&large),
        "w/wrangler.toml:4:1: error: the variable `BIG` takes 5121 bytes: a variable may have 5120 \
         (limits.variable_kb)"
    );
    let vars = |count: usize, value: &str| -> String {
        (0..count).map(|i| ["V", &i.to_string(), " = ", value, "\n"].concat()).collect()
    };
    let many = vars(129, "1");
    assert_eq!(
        with(&many),
        "w/wrangler.toml:131:1: error: there are 129 variables: a Worker may have 128 \
         (limits.variables)"
    );
    // The most that is allowed, and what the operator adds to it.
    let most = vars(128, &format!("\"{}\"", "x".repeat(5120)));
    let file = format!("main = \"a.js\"\n[vars]\n{most}");
    let folder = Folder::new(&[("w/wrangler.toml", &file), entry]);
    let loaded = load(&folder.path("w"), &Config::default());
    assert!(loaded.bundle.is_some(), "{:#?}", folder.messages(&loaded));
    let config = folder.config("[worker.w.vars]\nMORE = 1");
    let loaded = load(&folder.path("w"), &config);
    assert!(loaded.bundle.is_none());
    let expected = "w/wrangler.toml:130:1: error: there are 129 variables: a Worker may have 128";
    assert!(folder.messages(&loaded)[0].starts_with(expected), "{:?}", folder.messages(&loaded));
    let refused = &loaded.diagnostics[0];
    assert_eq!((refused.limit, refused.worker.as_deref()), (Some(Limit::Variables), Some("w")));
    let config = folder.config("[worker.w.vars]\nMORE = 1\n[worker.w.limits]\nvariables = 129");
    assert!(load(&folder.path("w"), &config).bundle.is_some());
}

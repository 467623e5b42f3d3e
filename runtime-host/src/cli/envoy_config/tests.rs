use std::path::Path;

use clap::Parser as _;
use nano_routing::filter::Rules;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Arguments, Peer, documents, rules, yaml};
use crate::config::Config;
use crate::worker;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(line: &str) -> Arguments {
    let words = std::iter::once("nano-host").chain(line.split_whitespace());
    Line::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).arguments
}

/// Workers with these wrangler lines, and nano.toml.
fn project(workers: &[(&str, &str)], toml: &str) -> (TempDir, Config) {
    let directory = tempfile::tempdir().unwrap();
    for (name, lines) in workers {
        let worker = directory.path().join("workers").join(name);
        std::fs::create_dir_all(&worker).unwrap();
        let text = format!("name = \"{name}\"\nmain = \"index.js\"\n{lines}\n");
        std::fs::write(worker.join("wrangler.toml"), text).unwrap();
        std::fs::write(worker.join("index.js"), "export default { fetch() {} }").unwrap();
    }
    let file = directory.path().join("nano.toml");
    std::fs::write(&file, format!("[workers]\ndirectories = [\"workers/*\"]\n{toml}")).unwrap();
    let config = Config::load(&file).unwrap_or_else(|all| panic!("{all:?}"));
    (directory, config)
}

fn rules_of(config: &Config) -> (Value, Vec<String>) {
    let (bundles, _) = worker::load_all(config);
    let rules = rules::of(config, &bundles);
    let problems = rules::problems(config, &rules).iter().map(ToString::to_string).collect();
    (rules, problems)
}

#[test]
fn routes_are_written_once() {
    let (_directory, config) = project(
        &[
            ("api", "routes = [\"a.test/api/*\", \"b.test/*\"]"),
            ("shop", "routes = [{ pattern = \"shop.test\", custom_domain = true }]"),
        ],
        r#"default = "shop"
        [worker.shop]
        failure_mode = "open"
        [worker.shop.limits]
        requests_per_second = 20
        request_burst = 50
        [filter]
        blocked_methods = ["TRACE"]
        [[filter.routes]]
        pattern = "b.test/*"
        split = { by = ["cookie:id"], parts = [{ worker = "api", percent = 5 },
                                               { worker = "shop", percent = 95 }] }
        "#,
    );
    let (rules, problems) = rules_of(&config);
    assert_eq!(problems, [] as [String; 0]);
    let routes = json!([
        { "pattern": "b.test/*", "split": { "by": ["cookie:id"], "parts": [
            { "worker": "api", "percent": 5 }, { "worker": "shop", "percent": 95 }] } },
        { "pattern": "a.test/api/*", "worker": "api" },
        { "pattern": "shop.test/*", "worker": "shop" },
    ]);
    assert_eq!(rules["routes"], routes, "the operator's route replaces the Worker's own");
    assert_eq!(rules["default"], "shop");
    let shop = &rules["workers"]["shop"];
    assert_eq!((&shop["failure_mode"], &shop["tenant"]), (&json!("open"), &json!("shop")));
    assert_eq!(rules["workers"]["api"]["failure_mode"], "closed");
    assert!(rules["workers"]["api"]["version"].as_str().is_some_and(|v| v.len() == 12));
    let limit = json!({ "requests_per_second": 20, "burst": 50 });
    assert_eq!(rules["tenants"], json!({ "shop": limit }));
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let (_directory, config) = project(
        &[("api", "")],
        "[filter]\nblocked = 1\n[[filter.routes]]\npattern = \"a.*.com/*\"\nworker = \"apo\"\n\
         [filter.tenants.t]\nburst = 1\n",
    );
    let (_, problems) = rules_of(&config);
    let shown = |place: &str, text: &str| {
        let found = problems
            .iter()
            .any(|p| p.contains(&format!("nano.toml:{place}: error: ")) && p.contains(text));
        assert!(found, "{place} {text}: {problems:#?}");
    };
    shown("4:11", "[filter] blocked: unknown key; known are blocked_methods, ");
    shown("6:11", "[filter] routes[0].pattern: \"a.*.com/*\" may have a * in its host");
    shown("7:10", "[filter] routes[0].worker: \"apo\" is not in `workers`");
    shown("8:17", "[filter] tenants.t: needs `requests_per_second`");
}

#[test]
fn every_format_has_the_rules() {
    let (_directory, config) = project(
        &[("api", "routes = [\"a.test/*\"]"), ("open", "")],
        "[worker.open]\nfailure_mode = \"open\"",
    );
    let (rules, _) = rules_of(&config);
    let print = |line: &str| {
        let arguments = arguments(line);
        let host = arguments.host.clone().unwrap_or(Peer::Unix("/run/nano.sock".into()));
        let line = Arguments { host: Some(host), ..arguments };
        documents(&line, &config, rules.clone()).unwrap()
    };
    assert!(Rules::read(&print("--format filter")[0]).is_ok());
    let chain = &print("--format http-filters")[0];
    let names: Vec<&str> =
        chain.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    let ext_proc = "envoy.filters.http.ext_proc";
    assert_eq!(names, ["envoy.filters.http.wasm", ext_proc, &format!("{ext_proc}.open")]);
    let configuration = &chain[0]["typed_config"]["config"]["configuration"];
    let text = configuration["value"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), rules);
    assert_eq!(print("--format cluster")[0]["name"], "nano_host");
    let istio = print("--format istio --host nano-host.infra.svc:9000 --selector app=gw");
    assert_eq!(istio[0]["spec"]["pluginConfig"], rules);
    assert_eq!(istio[1]["spec"]["configPatches"].as_array().unwrap().len(), 3);
    let gateway = print(
        "--format gateway --host nano-host.infra.svc:9000 --wasm oci://images.test/filter:1 \
         --target HTTPRoute/shop",
    );
    let backend = &gateway[1]["spec"]["extProc"][0]["backendRefs"][0];
    assert_eq!(*backend, json!({ "name": "nano-host", "namespace": "infra", "port": 9000 }));
    assert_eq!(gateway[1]["spec"]["wasm"][0]["config"], rules);
    for line in ["--format istio", "--format gateway --host nano:1"] {
        let host = Some(Peer::Unix("/run/nano.sock".into()));
        let mut wrong = arguments(line);
        wrong.host = wrong.host.or(host);
        assert!(documents(&wrong, &config, rules.clone()).is_err(), "{line}");
    }
}

#[test]
fn a_worker_without_any_mode_still_has_a_filter() {
    let config = Config { file: Some(Path::new("nano.toml").to_owned()), ..Config::default() };
    let chain = &documents(&arguments("--format http-filters"), &config, json!({})).unwrap()[0];
    assert_eq!(chain.as_array().unwrap().len(), 2);
}

#[test]
fn yaml_quotes_what_it_must() {
    let value = json!({
        "plain": "envoy.filters.http.wasm", "@type": "type/x", "number": 1, "text": "1", "no": "no",
        "colon": "a: b", "line": "a\nb", "lines": "a: 1\n  b\n", "star": "*/*", "empty": {}, "none": [], "null": null,
        "list": [{ "a": 1, "b": { "c": [1, 2] } }, "x", [true]],
    });
    let expected = "plain: envoy.filters.http.wasm\n\"@type\": type/x\nnumber: 1\ntext: \"1\"\n\
        \"no\": \"no\"\ncolon: \"a: b\"\nline: \"a\\nb\"\nlines: |\n  a: 1\n    b\nstar: \"*/*\"\nempty: {}\nnone: []\n\
        \"null\": null\nlist:\n  - a: 1\n    b:\n      c:\n        - 1\n        - 2\n  - x\n  -\n    - true\n";
    assert_eq!(yaml::write(&value), expected);
}

//! The filter's real module, as `cargo xtask filter` builds it, without Envoy.

mod host;

use std::fmt::Write as _;

use host::{Reply, Shared, Vm};

/// The module that `NANO_FILTER_WASM` names.
fn module(faulty: bool) -> Vec<u8> {
    let path = nano_tests::filter::module(faulty).unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(path).expect("a readable module")
}

fn start(configuration: &str) -> Vm {
    Vm::start(&module(false), configuration, &Shared::default()).expect("a good configuration")
}

fn get<'a>(host: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", "GET"), (":authority", host), (":path", path), ("x-request-id", "id-1")]
}

#[test]
fn a_request_with_a_worker_has_filter_state() {
    let mut vm = start(
        r#"{"workers": {"shop": {"version": "abc", "failure_mode": "open"}, "plain": {}},
            "routes": [{"pattern": "a.test/*", "worker": "shop"}, {"pattern": "b.test/*", "worker": "plain"}]}"#,
    );
    assert_eq!(vm.request(&get("a.test", "/x")), None);
    let state: Vec<_> =
        vm.world().state.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let expected = [
        ("nano_failure_mode", "open"),
        ("nano_request_id", "id-1"),
        ("nano_version", "abc"),
        ("nano_worker", "shop"),
    ];
    assert_eq!(state, expected);
    assert_eq!(vm.request(&get("b.test", "/")[..3]), None);
    assert_eq!(vm.world().state.len(), 1);
    assert_eq!(vm.request(&get("c.test", "/x")), None);
    assert!(vm.world().state.is_empty());
    assert_eq!((vm.metric("nano_filter.worker"), vm.metric("nano_filter.skipped")), (2, 1));
    // Each key is declared as a string: name, then type 1.
    let declared = vm.world().foreign.iter().filter(|call| call.starts_with("declare_property"));
    let declared: Vec<_> = declared.collect();
    assert_eq!(declared.len(), 5, "{declared:?}");
    assert_eq!(declared[0], r#"declare_property "\n\u{b}nano_worker\u{18}\u{1}""#);
}

#[test]
fn the_route_is_chosen_again_only_where_asked_for() {
    let rules = r#""workers": {"w": {}}, "default": "w""#;
    for (extra, calls) in [("", 0), (r#", "reroute": true"#, 1)] {
        let mut vm = start(&format!("{{{rules}{extra}}}"));
        vm.request(&get("a.test", "/"));
        let cleared = |call: &&String| call.starts_with("clear_route_cache");
        assert_eq!(vm.world().foreign.iter().filter(cleared).count(), calls, "{extra}");
    }
}

#[test]
fn forged_headers_are_gone() {
    let mut vm = start(r#"{"workers": {"w": {}}, "routes": [], "strip_headers": ["x-tenant"]}"#);
    let mut headers = get("a.test", "/");
    headers.extend([
        ("x-nano-worker", "w"),
        ("x-nano-worker", "w2"),
        ("x-tenant", "t"),
        ("x-tenant-name", "kept"),
    ]);
    assert_eq!(vm.request(&headers), None);
    assert!(vm.world().state.is_empty());
    let names: Vec<_> = vm.world().headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [":method", ":authority", ":path", "x-request-id", "x-tenant-name"]);
    assert_eq!(vm.metric("nano_filter.stripped_headers"), 2);
}

#[test]
fn answers_have_status_headers_and_body() {
    let mut vm = start(
        r#"{"routes": [
            {"pattern": "a.test/*", "redirect": {"to": "https://b.test{path}", "status": 301}},
            {"pattern": "c.test/*", "answer": {"status": 451, "body": "No.", "headers": {"X-Why": "law"}}}]}"#,
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let redirect = Reply {
        status: 301,
        headers: vec![pair("location", "https://b.test/x?y")],
        body: String::new(),
    };
    assert_eq!(vm.request(&get("a.test", "/x?y")), Some(redirect));
    let answer = vm.request(&get("c.test", "/")).expect("an answer");
    let headers = [pair("x-why", "law"), pair("content-type", "text/plain; charset=utf-8")];
    assert_eq!((answer.status, answer.body.as_str()), (451, "No."));
    assert_eq!(answer.headers, headers);
    assert_eq!(vm.metric("nano_filter.answered.rule"), 2);
    assert_eq!(vm.world().state["nano_answer"], "rule");
}

const LIMITED: &str = r#"{"tenants": {"t": {"requests_per_second": 10, "burst": 3}},
    "workers": {"w": {"tenant": "t"}}, "default": "w"}"#;

#[test]
fn vms_share_limits_and_a_new_one_goes_on() {
    let shared = Shared::default();
    let module = module(false);
    let start = || Vm::start(&module, LIMITED, &shared).expect("a good configuration");
    let (mut first, mut second) = (start(), start());
    let status = |vm: &mut Vm| vm.request(&get("a.test", "/")).map_or(200, |reply| reply.status);
    assert_eq!([status(&mut first), status(&mut second), status(&mut first)], [200; 3]);
    assert_eq!([status(&mut first), status(&mut second)], [429; 2]);
    drop(first);
    let mut third = start();
    assert_eq!(status(&mut third), 429);
    assert_eq!(third.metric("nano_filter.tenant.t.limited"), 1);
    assert_eq!(third.metric("nano_filter.answered.rate_limited"), 1);
    third.store.data_mut().now_ns += 100_000_000;
    assert_eq!([status(&mut third), status(&mut third)], [200, 429]);
}

#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    let refused = |text: &str| {
        let vm = Vm::start(&module(false), text, &Shared::default());
        vm.err().unwrap_or_else(|| panic!("{text} was taken"))
    };
    let log = refused(r#"{"routes": [{"pattern": "*/*", "worker": "x"}], "extra": 1}"#);
    assert!(log.contains("configuration: routes[0].worker: \"x\" is not in `workers`"), "{log}");
    assert!(log.contains("configuration: extra: unknown key"), "{log}");
    assert!(refused("{\n oops").contains("line 2 column 2"));
    assert!(refused("").contains("the configuration is empty"));
}

#[test]
fn a_panic_is_a_trap_with_a_message() {
    let configuration = r#"{"workers": {"w": {}}, "default": "w"}"#;
    let mut faulty =
        Vm::start(&module(true), configuration, &Shared::default()).expect("a good configuration");
    let mut headers = get("a.test", "/");
    headers.push(("x-nano-fault", "panic"));
    assert!(faulty.try_request(&headers).is_err());
    assert!(faulty.world().log.iter().any(|line| line.contains("the request asked for it")));
    // The shipped one does nothing of the kind.
    assert_eq!(start(configuration).request(&headers), None);
}

#[test]
fn nothing_that_a_client_sends_is_a_panic() {
    let mut vm = start(
        r#"{"workers": {"w": {}}, "default": "w", "routes": [{"pattern": "*/*", "split": {
            "by": ["cookie:a", "header:b", "address"], "parts": [{"worker": "w", "percent": 100}]}}]}"#,
    );
    let long = "x".repeat(100_000);
    for headers in [
        vec![],
        vec![(":authority", ""), (":path", "")],
        vec![(":authority", ":"), (":path", "*"), (":method", "\u{0}")],
        vec![(":authority", "]:[:::"), (":path", "no slash"), ("cookie", ";;=;a;a=;=a")],
        vec![(":authority", "é.test"), (":path", "/é\u{fffd}"), ("", ""), ("b", "")],
        vec![(":authority", long.as_str()), (":path", long.as_str()), ("cookie", long.as_str())],
        vec![("x-nano-", ""), ("x-nano-worker", long.as_str()), ("X-NANO-WORKER", "w")],
    ] {
        assert_eq!(vm.request(&headers), None);
    }
}

/// A thousand times the routes are looked up in about the same time.
#[test]
fn a_decision_does_not_grow_with_the_routes() {
    let configuration = |tenants: usize| {
        let mut routes = String::new();
        for tenant in 0..tenants {
            let _ = write!(
                routes,
                r#"{{"pattern": "t{tenant}.test/*", "worker": "w"}},
                   {{"pattern": "*.t{tenant}.test/api/*", "worker": "w"}},"#
            );
        }
        let routes = routes.trim_end_matches(',');
        format!(r#"{{"workers": {{"w": {{}}}}, "routes": [{routes}]}}"#)
    };
    let cost = |tenants: usize| {
        let mut vm = start(&configuration(tenants));
        vm.request(&get("t1.test", "/"));
        ["t1.test", "a.t2.test", "none.example"].map(|host| vm.cost(&get(host, "/api/x")))
    };
    let (few, many) = (cost(5), cost(5_000));
    for (few, many) in few.iter().zip(many) {
        assert!(many < few * 2, "{few} became {many}");
        // An interpreter's instruction is about one of the processor when it is compiled.
        assert!(*few < 60_000, "{few}");
    }
}

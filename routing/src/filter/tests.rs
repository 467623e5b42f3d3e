use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::rate::Rate;
use super::*;

type Headers = Vec<(String, Vec<u8>)>;

fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Headers {
    let (host, path) = url.split_at(url.find('/').unwrap());
    let own = [(":method", method), (":authority", host), (":path", path)];
    let all = own.iter().chain(headers);
    all.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

fn rules(text: &str) -> Rules {
    Rules::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(text: &str) -> Vec<String> {
    let problems = Rules::parse(text.as_bytes()).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// A Worker's name, `-` for none, or the status of an answer.
fn outcome(rules: &Rules, headers: &Headers) -> String {
    match rules.decide(&Head::new(headers), || Some(b"192.0.2.1".to_vec())) {
        Decision::Worker(worker) => worker.name.clone(),
        Decision::Pass => "-".to_owned(),
        Decision::Reply(reply) => reply.status.to_string(),
    }
}

#[test]
fn routes_with_conditions() {
    let rules = rules(
        r#"{
        "workers": {"api": {}, "beta": {}, "all": {}, "v2": {}},
        "default": "all",
        "routes": [
            {"pattern": "a.test/api/*", "methods": ["POST", "PUT"], "worker": "api"},
            {"pattern": "a.test/*", "headers": [{"name": "X-Beta", "exact": "1"}], "worker": "beta"},
            {"pattern": "a.test/*", "headers": [{"name": "accept", "contains": "html"},
                {"name": "x-no", "present": false}], "worker": "v2"},
            {"pattern": "a.test/static/*", "pass": true},
            {"pattern": "a.test/old/*", "redirect": {"to": "https://b.test{path}", "status": 308}},
            {"pattern": "a.test/gone", "answer": {"status": 410, "body": "Gone.\n"}}
        ]}"#,
    );
    let of = |method: &str, url: &str, headers: &[(&str, &str)]| {
        outcome(&rules, &request(method, url, headers))
    };
    assert_eq!(of("POST", "a.test/api/x", &[]), "api");
    // The condition does not hold: the next pattern, then the default.
    assert_eq!(of("GET", "a.test/api/x", &[("x-beta", "1")]), "beta");
    assert_eq!(of("GET", "a.test/api/x", &[]), "all");
    assert_eq!(of("GET", "A.test:80/x", &[("accept", "text/html")]), "v2");
    assert_eq!(of("GET", "a.test/x", &[("accept", "text/html"), ("x-no", "")]), "all");
    assert_eq!(of("GET", "a.test/x", &[("x-beta", "0"), ("x-beta", "1")]), "beta");
    assert_eq!(of("GET", "a.test/static/x.css", &[("x-beta", "1")]), "-");
    assert_eq!(of("GET", "a.test/old/x?y", &[]), "308");
    assert_eq!(of("GET", "a.test/gone", &[]), "410");
    assert_eq!(of("GET", "other.test/", &[]), "all");

    let old = request("GET", "a.test/old/x?y=1", &[]);
    let Decision::Reply(reply) = rules.decide(&Head::new(&old), || None) else { panic!() };
    assert_eq!(reply.headers, [("location", "https://b.test/old/x?y=1".into())]);
}

#[test]
fn a_byte_that_is_no_text_does_not_hide_a_path() {
    let rules = rules(
        r#"{"workers": {"guard": {}}, "routes": [{"pattern": "a.test/admin*", "worker": "guard"}]}"#,
    );
    let mut headers = request("GET", "a.test/admin", &[]);
    headers[2].1.extend(b"/\xff");
    assert_eq!(outcome(&rules, &headers), "guard");
}

#[test]
fn what_is_refused_before_any_rule() {
    let rules = rules(
        r#"{"workers": {"w": {}}, "default": "w", "blocked_methods": ["TRACE", "PURGE"],
            "sizes": {"path_bytes": 20, "header_bytes": 200, "headers": 8}}"#,
    );
    let of = |method: &str, url: &str, headers: &[(&str, &str)]| {
        outcome(&rules, &request(method, url, headers))
    };
    let long = "x".repeat(19);
    assert_eq!(of("GET", &format!("a.test/{long}"), &[]), "w");
    assert_eq!(of("GET", &format!("a.test/{long}x"), &[]), "414");
    assert_eq!(of("GET", "a.test/", &[("a", &"x".repeat(200))]), "431");
    assert_eq!(of("GET", "a.test/", &[("a", ""); 5]), "w");
    assert_eq!(of("GET", "a.test/", &[("a", ""); 6]), "431");
    let trace = request("TRACE", "a.test/", &[]);
    let Decision::Reply(reply) = rules.decide(&Head::new(&trace), || None) else { panic!() };
    assert_eq!(reply.status, 405);
    let allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, CONNECT";
    assert_eq!(reply.headers[1], ("allow", allow.into()));
}

#[test]
fn maintenance_lets_only_some_through() {
    let rules = rules(
        r#"{"workers": {"w": {}}, "default": "w", "maintenance": {
            "headers": {"Retry-After": "60"}, "body": "Back soon.\n",
            "unless": [{"name": "x-team", "exact": "secret"}]}}"#,
    );
    assert_eq!(outcome(&rules, &request("GET", "a.test/", &[])), "503");
    assert_eq!(outcome(&rules, &request("GET", "a.test/", &[("x-team", "secret")])), "w");
    // Without exemptions: nobody.
    let closed = self::rules(r#"{"maintenance": {}}"#);
    assert_eq!(outcome(&closed, &request("GET", "a.test/", &[])), "503");
}

#[test]
fn a_roll_out_follows_cookie_header_and_address() {
    let rules = rules(
        r#"{"workers": {"old": {}, "new": {}}, "routes": [{"pattern": "*/*", "split": {
            "by": ["cookie:uid", "header:X-User", "address"],
            "parts": [{"worker": "new", "percent": 12.5}, {"worker": "old", "percent": 80},
                      {"pass": true, "percent": 7.5}]}}]}"#,
    );
    let mut groups: HashMap<String, usize> = HashMap::new();
    for user in 0..2_000 {
        let cookie = format!("a=b; uid=u{user}; c=d");
        let by_cookie = outcome(&rules, &request("GET", "a.test/", &[("cookie", &cookie)]));
        let name = format!("u{user}");
        let by_header = outcome(&rules, &request("GET", "b.test/x", &[("x-user", &name)]));
        assert_eq!(by_cookie, by_header, "the value counts, not where it stands");
        *groups.entry(by_cookie).or_default() += 1;
    }
    assert!((200..300).contains(&groups["new"]), "{groups:?}");
    assert!((110..190).contains(&groups["-"]), "{groups:?}");
    // Neither cookie nor header: the address.
    let plain = outcome(&rules, &request("GET", "a.test/", &[("cookie", "uid=; x=1")]));
    assert_eq!(plain, outcome(&rules, &request("GET", "a.test/2", &[])));
}

#[test]
fn internal_headers_are_known() {
    let rules = rules(r#"{"strip_headers": ["X-Tenant", "x-internal-*"]}"#);
    for (name, stripped) in [
        ("x-nano-worker", true),
        ("x-nano-anything", true),
        ("x-nano", false),
        ("x-tenant", true),
        ("x-tenant-id", false),
        ("x-internal-a", true),
        ("x-request-id", false),
    ] {
        assert_eq!(rules.strips(name), stripped, "{name}");
    }
}

#[test]
fn every_mistake_has_its_place() {
    for (text, expected) in [
        (r#"{"route": []}"#, "route: unknown key; known are "),
        (r#"{"routes": {}}"#, "routes: must be an array, not an object"),
        (
            r#"{"routes": [{"pattern": "a.*.com/*", "pass": true}]}"#,
            "routes[0].pattern: \"a.*.com/*\" may have a * in its host only at the beginning",
        ),
        (r#"{"routes": [{"pattern": "*/*"}]}"#, "routes[0]: needs one of `worker`"),
        (r#"{"routes": [{"pass": true}]}"#, "routes[0]: needs `pattern`"),
        (
            r#"{"routes": [{"pattern": "*/*", "worker": "x"}]}"#,
            "routes[0].worker: \"x\" is not in `workers`",
        ),
        (
            r#"{"routes": [{"pattern": "*/*", "pass": true}, {"pattern": "*/*", "pass": true}]}"#,
            "routes[1]: is never reached",
        ),
        (
            r#"{"routes": [{"pattern": "*/*", "pass": true, "methods": ["get"]}]}"#,
            "routes[0].methods[0]: \"get\" is not a method in upper case",
        ),
        (
            r#"{"routes": [{"pattern": "*/*", "pass": true, "headers": [{"name": "a"}]}]}"#,
            "routes[0].headers[0]: needs one of `exact`",
        ),
        (
            r#"{"routes": [{"pattern": "*/*", "redirect": {"to": "x"}}]}"#,
            "routes[0].redirect.to: \"x\" must begin with",
        ),
        (
            r#"{"routes": [{"pattern": "*/*", "answer": {"status": 99}}]}"#,
            "routes[0].answer.status: must be a whole number from 200 to 599",
        ),
        (
            r#"{"routes": [{"pattern": "*/*", "answer": {"headers": {"a": "b\nc"}}}]}"#,
            "routes[0].answer.headers.a: must be a string without control characters",
        ),
        (r#"{"workers": {"a b": {}}}"#, "workers.a b: a name has"),
        (r#"{"workers": {"a": {"tenant": "t"}}}"#, "workers.a.tenant: \"t\" is not in `tenants`"),
        (r#"{"workers": {"a": {"failure_mode": "x"}}}"#, "workers.a.failure_mode: must be"),
        (r#"{"tenants": {"t": {}}}"#, "tenants.t: needs `requests_per_second`"),
        (
            r#"{"tenants": {"t": {"requests_per_second": 0}}}"#,
            "tenants.t.requests_per_second: must be a number from",
        ),
        (r#"{"default": "x"}"#, "default: \"x\" is not in `workers`"),
        (
            r#"{"workers": {"a": {}}, "routes": [{"pattern": "*/*", "split": {"by": ["address"],
            "parts": [{"worker": "a", "percent": 10}]}}]}"#,
            "routes[0].split.parts: must add up to 100 percent, not 10",
        ),
        (
            r#"{"routes": [{"pattern": "*/*", "split": {"by": ["ip"],
            "parts": [{"pass": true, "percent": 100}]}}]}"#,
            "routes[0].split.by[0]: \"ip\" is not",
        ),
        (r#"{"strip_headers": ["a b"]}"#, "strip_headers[0]: \"a b\" is not the name"),
        (r#"{"sizes": {"path_bytes": "8k"}}"#, "sizes.path_bytes: must be a whole number, not"),
        ("[]", "must be an object, not an array"),
        ("", "not valid: EOF while parsing a value at line 1 column 0"),
    ] {
        let all = problems(text);
        assert!(all.iter().any(|p| p.starts_with(expected)), "{text}: {all:?}");
    }
    // All of them at once.
    assert_eq!(problems(r#"{"x": 1, "y": 2, "default": 3}"#).len(), 3);
}

/// Shared data as Envoy has it.
#[derive(Default)]
struct Shared {
    data: Mutex<HashMap<String, (Vec<u8>, u32)>>,
    lost: AtomicUsize,
}

impl Store for Shared {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.data.lock().unwrap().get(key).cloned()
    }

    fn set(&self, key: &str, data: &[u8], number: u32) -> bool {
        let mut all = self.data.lock().unwrap();
        let next = match all.get(key) {
            Some((_, now)) if *now != number => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            Some((_, now)) => now + 1,
            None => 1,
        };
        all.insert(key.to_owned(), (data.to_vec(), next));
        true
    }
}

#[test]
fn threads_share_a_limit_exactly() {
    let shared = Shared::default();
    let admitted = AtomicUsize::new(0);
    let rate = Rate::new(1.0, 1_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    if admit(&shared, "t", &rate, 1_000_000_000).is_ok() {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 1_000, "{} writes came too late", shared.lost.into_inner());
}

#[test]
fn a_limit_says_when_to_come_again() {
    let rules = rules(
        r#"{"tenants": {"t": {"requests_per_second": 0.5}}, "workers": {"w": {"tenant": "t"}}}"#,
    );
    let tenant = rules.tenant_of(&rules.workers()[0]).unwrap();
    let shared = Shared::default();
    admit(&shared, &tenant.name, &tenant.rate, 5).unwrap();
    let wait = admit(&shared, &tenant.name, &tenant.rate, 5).unwrap_err();
    let reply = rules.limited(wait);
    assert_eq!((reply.status, reply.reason), (429, Reason::RateLimited));
    assert_eq!(reply.headers[1], ("retry-after", "2".into()));
}

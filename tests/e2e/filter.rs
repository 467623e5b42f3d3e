//! The proxy-wasm filter in a real Envoy with two threads, before `ext_proc`.

#![allow(clippy::float_cmp)] // Counters, which are whole numbers.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nano_tests::client::{Proto, Reply, Request};
use nano_tests::filter::{self, Filtered};
use nano_tests::runner::Theme;
use nano_tests::stack::{Setup, Stack, StackOptions};
use nano_tests::{cases, envoy};
use serde_json::{Value, json};

use crate::common::{answer, worker};
use crate::examples;

/// Requests that the tenant `slow` may send at once; a further one comes in a hundred seconds.
const BURST: usize = 40;

pub fn themes() -> Vec<Theme> {
    let mut themes = vec![
        Theme {
            name: "filter",
            stack: Box::new(|| start(false)),
            cases: cases![
                nothing_reaches_the_host_without_a_worker,
                workers_are_chosen,
                the_worker_knows_what_the_filter_said,
                a_worker_may_route_again,
                a_route_chosen_again_has_its_worker,
                forged_headers_do_nothing,
                bytes_that_are_no_text_are_no_panic,
                answers_without_an_upstream,
                what_is_too_large_is_refused,
                a_roll_out_keeps_its_clients,
                an_unreachable_host_fails_as_configured,
                threads_share_a_limit,
                a_new_configuration_keeps_the_limits,
                a_wrong_configuration_is_refused,
                envoy_takes_what_is_printed,
            ],
            serial: true,
        },
        Theme {
            name: "filter_fault",
            stack: Box::new(|| start(true)),
            cases: cases![a_panic_ends_no_more_than_its_thread_for_a_moment],
            serial: true,
        },
    ];
    themes.extend(examples::all().into_iter().map(|example| {
        let filtered = Filtered { shipped: true, faulty: false, change: |_| {} };
        examples::theme("filtered_examples", example, Setup::Filtered(filtered))
    }));
    themes
}

fn start(faulty: bool) -> nano_tests::Result<Stack> {
    let workers = ["rated", "routed", "steered", "whoami-a", "whoami-b"];
    let setup = Setup::Filtered(Filtered { shipped: false, faulty, change: routes });
    Stack::start(&StackOptions {
        settings: toml::toml! {
            [worker.routed]
            failure_mode = "open"
            [filter]
            blocked_methods = ["DELETE"]
            strip_headers = ["x-tenant"]
            [filter.sizes]
            path_bytes = 1000
            header_bytes = 4000
            [filter.tenants.slow]
            requests_per_second = 0.01
            burst = 40
            [filter.workers.rated]
            tenant = "slow"
            [[filter.routes]]
            pattern = "a.test/*"
            methods = ["PUT"]
            worker = "whoami-b"
            [[filter.routes]]
            pattern = "a.test/*"
            worker = "whoami-a"
            [[filter.routes]]
            pattern = "rated.test/*"
            worker = "rated"
            [[filter.routes]]
            pattern = "split.test/*"
            split = { by = ["cookie:uid"], parts = [{ worker = "whoami-a", percent = 30 },
                { worker = "whoami-b", percent = 60 }, { pass = true, percent = 10 }] }
            [[filter.routes]]
            pattern = "old.test/*"
            redirect = { to = "https://new.test{path}", status = 308 }
            [[filter.routes]]
            pattern = "gone.test/*"
            answer = { status = 410, body = "Gone.\n", headers = { cache-control = "max-age=60" } }
        },
        ..StackOptions::new(setup, workers.map(worker).to_vec())
    })
}

/// Routes that a Worker's header, or another filter, leads to, and hosts whose runtime host is gone.
fn routes(bootstrap: &mut Value) {
    let dead = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 1 } });
    let mut no_host = bootstrap["static_resources"]["clusters"][0].clone();
    no_host["name"] = "no_host".into();
    no_host["load_assignment"] = json!({ "cluster_name": "no_host", "endpoints": [
        { "lb_endpoints": [{ "endpoint": { "address": dead } }] }] });
    if let Value::Array(clusters) = &mut bootstrap["static_resources"]["clusters"] {
        clusters.push(no_host);
    }
    let listener = &mut bootstrap["static_resources"]["listeners"][0];
    let to = |name: &str, matching: Value| {
        let header = json!({ "header": { "key": "x-route", "value": name } });
        let mut matching = matching;
        matching["prefix"] = "/".into();
        json!({ "name": name, "match": matching, "response_headers_to_add": [header],
                "route": { "cluster": "origin", "timeout": "60s" } })
    };
    let per_route = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute",
        "overrides": { "grpc_service": { "envoy_grpc": { "cluster_name": "no_host" } } },
    });
    let mut unreachable = to("unreachable", json!({}));
    unreachable["typed_per_filter_config"] = json!({
        "envoy.filters.http.ext_proc": per_route, "envoy.filters.http.ext_proc.open": per_route,
    });
    let header = |value: &str| {
        json!({ "headers": [
        { "name": "x-cluster", "string_match": { "exact": value } }] })
    };
    filter::manager(listener)["route_config"]["virtual_hosts"] = json!([
        { "name": "unreachable", "domains": ["down.test"], "routes": [unreachable] },
        { "name": "all", "domains": ["*"], "routes": [
            to("other", header("other")), to("second", header("second")),
            to("default", json!({})),
        ] },
    ]);
    // A later filter that has Envoy choose the route again, for requests of any kind.
    let lua = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": { "inline_string": "function envoy_on_request(handle)
            if handle:headers():get('x-test-reroute') then
              handle:headers():replace('x-cluster', 'second')
              handle:clearRouteCache()
            end
          end" },
    });
    let filters = filter::http_filters(listener);
    filters.insert(1, json!({ "name": "envoy.filters.http.lua", "typed_config": lua }));
}

fn ask(stack: &Stack, proto: Proto, method: &str, host: &str, path: &str) -> Request {
    Request::new(proto, method, &format!("{}{path}", stack.url())).host(host)
}

async fn get(stack: &Stack, host: &str, path: &str) -> Reply {
    answer(ask(stack, Proto::H1, "GET", host, path)).await
}

/// A counter of Envoy; 0 while there is none.
async fn count(stack: &Stack, name: &str) -> f64 {
    let stats = stack.envoy().stats().await.unwrap_or_else(|error| panic!("{error}"));
    stats.sum(name, &[]).unwrap_or(0.0)
}

async fn nothing_reaches_the_host_without_a_worker(stack: Arc<Stack>) {
    let messages = async || {
        (count(&stack, envoy::MESSAGES_SENT).await, count(&stack, "nano_filter_skipped").await)
    };
    let before = messages().await;
    for proto in Proto::BOTH {
        for (host, path) in [("none.test", "/x"), ("none.test", "/")] {
            let request = ask(&stack, proto, "POST", host, path).body("untouched");
            let reply = answer(request).await;
            assert_eq!(reply.status, 200, "{}", reply.short_text());
        }
    }
    let after = messages().await;
    assert_eq!(after, (before.0, before.1 + 4.0), "messages to the runtime host, skipped requests");
    assert_eq!(get(&stack, "a.test", "/").await.text(), "whoami-a");
    let (sent, skipped) = messages().await;
    assert!(sent > after.0, "the counter counts");
    assert_eq!(skipped, after.1);
}

async fn workers_are_chosen(stack: Arc<Stack>) {
    for proto in Proto::BOTH {
        for (method, host, path, worker) in [
            ("GET", "a.test", "/", "whoami-a"),
            ("PUT", "a.test", "/", "whoami-b"),
            ("GET", "A.test:8080", "/any?x", "whoami-a"),
            ("GET", "routed.test", "/", "routed"),
            ("GET", "routed.test", "/special/1", "whoami-b"),
            ("GET", "x.wild.test", "/deep/1", "routed"),
        ] {
            let reply = answer(ask(&stack, proto, method, host, path)).await;
            assert_eq!(reply.text(), worker, "{method} {host}{path}");
        }
    }
}

async fn the_worker_knows_what_the_filter_said(stack: Arc<Stack>) {
    let cf = get(&stack, "steered.test", "/cf").await;
    let cf = cf.json().unwrap_or_else(|error| panic!("{error}: {}", cf.short_text()));
    assert_eq!(cf["workerVersion"].as_str().map(str::len), Some(12), "{cf}");
    assert_eq!(cf["requestId"].as_str().map(str::len), Some(36), "{cf}");
    assert_eq!(cf["routeName"], "default");
}

/// A Worker sets a header; the runtime host has Envoy choose the route again.
async fn a_worker_may_route_again(stack: Arc<Stack>) {
    for proto in Proto::BOTH {
        let reply = answer(ask(&stack, proto, "GET", "steered.test", "/x")).await;
        assert_eq!(reply.header("x-route"), Some("other"), "{}", reply.short_text());
    }
    assert_eq!(get(&stack, "none.test", "/x").await.header("x-route"), Some("default"));
}

/// Another filter has the route chosen again between ours and `ext_proc`: a request with a Worker
/// keeps it, one without has none.
async fn a_route_chosen_again_has_its_worker(stack: Arc<Stack>) {
    let request =
        |host: &str| ask(&stack, Proto::H2, "GET", host, "/x").header("x-test-reroute", "1");
    assert_eq!(answer(request("a.test")).await.text(), "whoami-a");
    let before = count(&stack, envoy::MESSAGES_SENT).await;
    let reply = answer(request("none.test")).await;
    assert_eq!(reply.header("x-route"), Some("second"));
    assert_eq!(count(&stack, envoy::MESSAGES_SENT).await, before);
}

async fn forged_headers_do_nothing(stack: Arc<Stack>) {
    let forged = |host: &str, path: &str| {
        ask(&stack, Proto::H1, "GET", host, path)
            .header("x-nano-worker", "whoami-b")
            .header("X-Nano-Mode-Override", "off")
            .header("x-nano-version", "1")
            .header("x-nano-version", "2")
            .header("x-tenant", "other")
            .header("wasm.nano_worker", "whoami-b")
    };
    assert_eq!(answer(forged("a.test", "/")).await.text(), "whoami-a");
    let before = count(&stack, envoy::MESSAGES_SENT).await;
    let at_origin = answer(forged("none.test", "/x")).await;
    assert_eq!(count(&stack, envoy::MESSAGES_SENT).await, before, "no Worker was chosen");
    let in_worker = answer(forged("steered.test", "/headers")).await;
    for reply in [at_origin, in_worker] {
        let text = reply.text().to_lowercase();
        assert!(text.contains("x-request-id"), "{text}");
        assert!(!text.contains("x-nano-") && !text.contains("x-tenant"), "{text}");
    }
    assert!(count(&stack, "nano_filter_stripped_headers").await >= 12.0);
}

/// Envoy refuses such names of headers, so that the filter's SDK, which would panic, sees none; such
/// values and paths reach the filter.
async fn bytes_that_are_no_text_are_no_panic(stack: Arc<Stack>) {
    let address = stack.url().trim_start_matches("http://").to_owned();
    let status = |line: &'static [u8], header: &'static [u8]| {
        let address = address.clone();
        let ask = move || -> std::io::Result<String> {
            let mut stream = std::net::TcpStream::connect(address)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(line)?;
            stream.write_all(b"\r\nhost: a.test\r\nconnection: close\r\n")?;
            stream.write_all(header)?;
            stream.write_all(b"\r\n\r\n")?;
            let mut answer = [0; 12];
            // Envoy may reset a connection on which it refused something.
            let read = stream.read_exact(&mut answer);
            Ok(if read.is_ok() {
                String::from_utf8_lossy(&answer[9..]).into()
            } else {
                "reset".into()
            })
        };
        async { tokio::task::spawn_blocking(ask).await.expect("no panic").expect("an answer") }
    };
    let name = status(b"GET / HTTP/1.1", b"x-\xff\xfe: 1").await;
    assert!(name == "400" || name == "reset", "{name}");
    assert_eq!(status(b"GET / HTTP/1.1", b"cookie: \xff\xfe=1; uid=\xc3").await, "200");
    let path = status(b"GET /\xff\xfe HTTP/1.1", b"x-a: 1").await;
    assert!(path == "200" || path == "400" || path == "reset", "{path}");
    assert!(!stack.envoy().process().log().contains("panicked"));
}

async fn answers_without_an_upstream(stack: Arc<Stack>) {
    let before = count(&stack, envoy::MESSAGES_SENT).await;
    for proto in Proto::BOTH {
        let reply = answer(ask(&stack, proto, "GET", "old.test", "/a/b?c=d")).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (308, Some("https://new.test/a/b?c=d"))
        );
        let reply = answer(ask(&stack, proto, "POST", "gone.test", "/").body("x")).await;
        assert_eq!((reply.status, reply.text().as_str()), (410, "Gone.\n"));
        assert_eq!(reply.header("cache-control"), Some("max-age=60"));
        let reply = answer(ask(&stack, proto, "DELETE", "a.test", "/")).await;
        assert_eq!(reply.status, 405);
        assert!(reply.header("allow").is_some_and(|allow| !allow.contains("DELETE")));
    }
    assert_eq!(count(&stack, envoy::MESSAGES_SENT).await, before);
    assert_eq!(count(&stack, "nano_filter_answered_rule").await, 4.0);
    assert_eq!(count(&stack, "nano_filter_answered_method_blocked").await, 2.0);
    let began = Instant::now();
    // Envoy writes its log when the buffer is full, or after a while.
    while !stack.envoy().process().log().contains("answer=method_blocked") {
        assert!(began.elapsed() < Duration::from_secs(20), "the access log does not tell");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn what_is_too_large_is_refused(stack: Arc<Stack>) {
    for proto in Proto::BOTH {
        let path = format!("/{}", "x".repeat(1000));
        assert_eq!(answer(ask(&stack, proto, "GET", "a.test", &path)).await.status, 414);
        let path = format!("/{}", "x".repeat(999));
        assert_eq!(answer(ask(&stack, proto, "GET", "a.test", &path)).await.status, 200);
        let large = ask(&stack, proto, "GET", "a.test", "/").header("x-large", &"x".repeat(4000));
        assert_eq!(answer(large).await.status, 431);
    }
}

async fn a_roll_out_keeps_its_clients(stack: Arc<Stack>) {
    let group = async |proto: Proto, user: usize| {
        let cookie = format!("theme=dark; uid=user-{user}");
        let request = ask(&stack, proto, "GET", "split.test", "/").header("cookie", &cookie);
        let text = answer(request).await.text();
        if text.starts_with("whoami") { text } else { "none".to_owned() }
    };
    let mut groups = Vec::new();
    for user in 0..150 {
        groups.push(group(Proto::H1, user).await);
    }
    let share = |of: &str| groups.iter().filter(|group| *group == of).count();
    let (a, b, none) = (share("whoami-a"), share("whoami-b"), share("none"));
    assert!((25..=65).contains(&a) && (65..=115).contains(&b) && none >= 4, "{a} {b} {none}");
    for (user, before) in groups.iter().enumerate() {
        assert_eq!(group(Proto::H2, user).await, *before, "user {user}");
    }
}

/// Per-route settings hold for `ext_proc` in its wrapper too.
async fn an_unreachable_host_fails_as_configured(stack: Arc<Stack>) {
    // The virtual host goes by the authority, so that of the Workers' routes has to be another one.
    let with_route = |worker: &str| format!("/{worker}");
    let mut listener = listener(&stack);
    let routes = [
        json!({ "pattern": "down.test/open*", "worker": "routed" }),
        json!({ "pattern": "down.test/closed*", "worker": "whoami-a" }),
        json!({ "pattern": "new.test/*", "worker": "whoami-b" }),
    ];
    filter::add_routes(&mut listener, routes);
    publish(&stack, &listener);
    wait_for(&stack, "new.test", "whoami-b").await;
    let reply = get(&stack, "down.test", &with_route("open")).await;
    assert_eq!((reply.status, reply.header("x-route")), (200, Some("unreachable")));
    assert_eq!(get(&stack, "down.test", &with_route("closed")).await.status, 500);
    assert_eq!(get(&stack, "down.test", &with_route("none")).await.status, 200);
}

/// Both of Envoy's threads take from one bucket, and each request takes one token.
async fn threads_share_a_limit(stack: Arc<Stack>) {
    let requests = (0..3 * BURST).map(|_| {
        let stack = Arc::clone(&stack);
        tokio::spawn(async move { get(&stack, "rated.test", "/").await })
    });
    let requests: Vec<_> = requests.collect();
    let (mut admitted, mut retry) = (0, HashSet::new());
    for request in requests {
        let reply = request.await.unwrap_or_else(|error| panic!("{error}"));
        match reply.status {
            200 => admitted += 1,
            429 => drop(retry.insert(reply.header("retry-after").map(str::to_owned))),
            other => panic!("{other}: {}", reply.short_text()),
        }
    }
    assert_eq!(admitted, BURST);
    assert!(retry.iter().flatten().all(|s| s.parse::<u64>().is_ok_and(|s| s <= 100)), "{retry:?}");
    let limited = count(&stack, "nano_filter_tenant_slow_limited").await;
    assert_eq!(limited, (2 * BURST) as f64);
    // Others are not limited.
    assert_eq!(get(&stack, "a.test", "/").await.status, 200);
}

/// The listener as Envoy has it now.
fn listener(stack: &Stack) -> Value {
    let text = std::fs::read(stack.directory().join(filter::LISTENER_FILE)).expect("a listener");
    let document: Value = serde_json::from_slice(&text).expect("JSON");
    document["resources"][0].clone()
}

fn publish(stack: &Stack, listener: &Value) {
    filter::publish(stack.directory(), listener).unwrap_or_else(|error| panic!("{error}"));
}

/// Waits until a host's Worker answers, as a new listener takes a moment.
async fn wait_for(stack: &Stack, host: &str, worker: &str) {
    let began = Instant::now();
    while get(stack, host, "/").await.text() != worker {
        assert!(began.elapsed() < Duration::from_secs(20), "{worker} never answered for {host}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_new_configuration_keeps_the_limits(stack: Arc<Stack>) {
    assert_eq!(get(&stack, "rated.test", "/").await.status, 429, "the bucket is empty");
    let mut listener = listener(&stack);
    let route = json!({ "pattern": "newer.test/*", "worker": "whoami-a" });
    filter::add_routes(&mut listener, [route]);
    publish(&stack, &listener);
    wait_for(&stack, "newer.test", "whoami-a").await;
    assert_eq!(get(&stack, "rated.test", "/").await.status, 429, "and stays so");
}

async fn a_wrong_configuration_is_refused(stack: Arc<Stack>) {
    let rejected = "envoy_listener_manager_lds_update_rejected";
    let before = count(&stack, rejected).await;
    let good = listener(&stack);
    let mut wrong = good.clone();
    filter::change_rules(&mut wrong, |rules| rules["routes"][0]["pattern"] = "a.*.test/*".into());
    publish(&stack, &wrong);
    let began = Instant::now();
    while count(&stack, rejected).await <= before {
        assert!(began.elapsed() < Duration::from_secs(20), "Envoy took it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = stack.envoy().process().log();
    assert!(log.contains("configuration: routes[0].pattern: \"a.*.test/*\" may have"), "{log}");
    assert_eq!(get(&stack, "a.test", "/").await.text(), "whoami-a");
    publish(&stack, &good);
}

/// The bootstrap in YAML, and `check` with a mistake in `[filter]`.
async fn envoy_takes_what_is_printed(stack: Arc<Stack>) {
    let config = stack.directory().join("config/nano.toml");
    let module = filter::module(false).unwrap_or_else(|error| panic!("{error}"));
    let arguments = ["--wasm".to_owned(), module.display().to_string()];
    let printed =
        filter::envoy_config(&config, &arguments).unwrap_or_else(|error| panic!("{error}"));
    let file = stack.directory().join("printed.yaml");
    std::fs::write(&file, printed).expect("written");
    let program = envoy::find().unwrap_or_else(|error| panic!("{error}"));
    let mut validate = Command::new(program);
    validate.args(["--mode", "validate", "--disable-hot-restart", "-c"]).arg(&file);
    let output = tokio::task::spawn_blocking(move || validate.output());
    let output = output.await.expect("no panic").expect("Envoy starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    for format in ["cluster", "filter", "http-filters", "istio", "gateway"] {
        let arguments =
            ["--format", format, "--host", "nano-host:9000", "--wasm", "oci://i.test/f"];
        let arguments = arguments.map(ToOwned::to_owned);
        let printed = filter::envoy_config(&config, &arguments);
        assert!(printed.is_ok_and(|text| text.len() > 100), "{format}");
    }
    let wrong = stack.directory().join("config/wrong.toml");
    let text = std::fs::read_to_string(&config).expect("nano.toml");
    std::fs::write(&wrong, text.replace("blocked_methods", "blocked_method")).expect("written");
    let error = filter::envoy_config(&wrong, &[]).expect_err("a mistake").to_string();
    assert!(error.contains("[filter] blocked_method: unknown key"), "{error}");
}

async fn a_panic_ends_no_more_than_its_thread_for_a_moment(stack: Arc<Stack>) {
    assert_eq!(get(&stack, "a.test", "/").await.text(), "whoami-a");
    for proto in Proto::BOTH {
        let request = ask(&stack, proto, "GET", "a.test", "/").header("x-nano-fault", "panic");
        let reply = answer(request).await;
        assert_eq!(reply.status, 503, "{}", reply.short_text());
        let began = Instant::now();
        // Some in a row, so that each of the threads has answered.
        let mut good = 0;
        while good < 20 {
            assert!(began.elapsed() < Duration::from_secs(20), "the filter does not recover");
            let text = get(&stack, "a.test", "/").await.text();
            good = if text == "whoami-a" { good + 1 } else { 0 };
            if good == 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let log = stack.envoy().process().log();
    assert!(log.contains("the request asked for it"), "the panic's message is in Envoy's log");
}

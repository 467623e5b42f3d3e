//! The engine with real isolates and a scripted front end.

mod apart;
mod crew;
mod isolates;
mod sockets;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::{Bounds, Deployed, Host, Routing};
use crate::client::ClientConfig;
use crate::client::tests::loopback;
use crate::client::tests::server::{answer, describe, http, reply};
use crate::egress::Policy;
use crate::exchange::{
    Command, Engine, FailureMode, OutBody, Outbox, RequestHead, Session, Start, Started,
};
use crate::isolate::platform;
use crate::supervisor::board::{Board, Notices};
use crate::supervisor::sys::now_ms;
use crate::telemetry::metrics::{Eviction, Metrics};
use crate::worker::{Bundle, Format, Module, ModuleKind, Settings};

pub(super) fn bundle(name: &str, source: &str) -> Bundle {
    let module = Module {
        specifier: "index.js".into(),
        kind: ModuleKind::Esm,
        source: Bytes::copy_from_slice(source.as_bytes()),
        source_map: None,
    };
    let settings = Settings { egress: loopback(), ..Settings::default() };
    let directory = PathBuf::from("/");
    Bundle::new(name.into(), directory, Format::Modules, "index.js".into(), vec![module], settings)
}

fn answering(text: &str) -> String {
    format!("export default {{ fetch() {{ return new Response({text:?}) }} }}")
}

fn start(worker: Option<&str>, mode: Option<FailureMode>) -> Start {
    let request = RequestHead {
        method: "GET".into(),
        scheme: "http".into(),
        authority: "example.com".into(),
        path: "/".into(),
        ..RequestHead::default()
    };
    Start {
        request,
        worker: worker.map(Into::into),
        failure_mode: mode,
        request_id: "r".into(),
        cf: serde_json::Map::new(),
        reports: false,
    }
}

fn session(host: &Host, start: Start) -> Box<dyn Session> {
    match host.start(start) {
        Started::Session(session) => session,
        Started::NoWorker => panic!("no Worker"),
    }
}

/// Waits until the Worker's commands are there: another thread may run the isolate.
async fn commands(session: Box<dyn Session>) -> Vec<Command> {
    let outbox = Arc::clone(session.outbox());
    let mut commands = Vec::new();
    std::future::poll_fn(|cx| outbox.poll_drain(cx, &mut commands)).await;
    drop(session);
    commands
}

fn text(commands: &[Command]) -> String {
    match commands {
        [Command::Respond(response)] => match &response.body {
            OutBody::Full(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn host() -> Arc<Host> {
    host_with(Bounds::default())
}

fn host_with(bounds: Bounds) -> Arc<Host> {
    platform::initialize();
    let client = ClientConfig::load(None).expect("TLS");
    Host::new(tokio::runtime::Handle::current(), client, Arc::new(Metrics::new()), bounds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_gets_the_named_worker_the_default_or_none() {
    let host = host();
    host.deploy(Arc::new(bundle("a", &answering("from a")))).await.expect("a starts");
    assert!(matches!(host.start(start(None, None)), Started::NoWorker));
    host.set_routing(Routing { default: Some("a".into()), ..Routing::default() });
    for named in [None, Some("a")] {
        let session = session(&host, start(named, None));
        assert_eq!(text(&commands(session).await), "from a");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_worker_fails_by_the_routes_mode() {
    let host = host();
    let open = session(&host, start(Some("gone"), Some(FailureMode::Open)));
    assert_eq!(commands(open).await, [Command::PassThrough]);
    let closed = session(&host, start(Some("gone"), None));
    assert!(text(&commands(closed).await).contains("1104"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_does_not_start_leaves_the_old_one() {
    let host = host();
    host.deploy(Arc::new(bundle("a", &answering("one")))).await.expect("it starts");
    let refused =
        host.deploy(Arc::new(bundle("a", "export default {"))).await.expect_err("a syntax error");
    assert!(refused.to_string().contains("index.js"), "{refused}");
    assert_eq!(text(&commands(session(&host, start(Some("a"), None))).await), "one");
    host.deploy(Arc::new(bundle("a", &answering("two")))).await.expect("it starts");
    assert_eq!(text(&commands(session(&host, start(Some("a"), None))).await), "two");
}

/// Whether a front end is told that the Worker reads responses, before and after one did not fit.
async fn learned(host: &Host, reads_responses: Option<bool>) -> [bool; 2] {
    let mut version = bundle("a", &answering("ok"));
    version.settings.reads_responses = reads_responses;
    host.deploy(Arc::new(version)).await.expect("it starts");
    let before = session(host, start(Some("a"), None));
    let first = before.reads_response_first();
    before.response_did_not_fit();
    [first, session(host, start(Some("a"), None)).reads_response_first()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_reads_large_responses_is_known_unless_the_operator_said() {
    let host = host();
    assert_eq!(learned(&host, None).await, [false, true]);
    // Another version has to show it again, and what the operator says counts.
    assert_eq!(learned(&host, None).await, [false, true]);
    assert_eq!(learned(&host, Some(false)).await, [false, false]);
    assert_eq!(learned(&host, Some(true)).await, [true, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_version_learned_outlives_its_isolate() {
    let host = host();
    assert_eq!(learned(&host, None).await, [false, true]);
    let worker = host.registry.worker("a").expect("it is deployed");
    let evicted = || worker.current().evict(Eviction::Count);
    while !tokio::task::block_in_place(evicted) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(session(&host, start(Some("a"), None)).reads_response_first());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_share_an_isolate() {
    let host = host();
    host.deploy(Arc::new(bundle("a", &answering("ok")))).await.expect("it starts");
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(
                async move { text(&commands(session(&host, start(Some("a"), None))).await) },
            )
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic"), "ok");
    }
}

/// A host under a supervisor, with what the supervisor says.
fn supervised() -> (Arc<Host>, Board) {
    platform::initialize();
    let board = Board::create().expect("memory");
    let notices = Notices::open(&board.for_engine().expect("a descriptor")).expect("a map");
    let client = ClientConfig::load(None).expect("TLS");
    let runtime = tokio::runtime::Handle::current();
    let metrics = Arc::new(Metrics::new());
    let notices = Some(Arc::new(notices));
    (Host::supervised(runtime, client, metrics, Bounds::default(), notices), board)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarantined_version_is_refused_by_the_failure_mode_until_its_time_is_over() {
    let (host, board) = supervised();
    let version = bundle("a", &answering("well"));
    let number = version.version.clone();
    host.deploy(Arc::new(version)).await.expect("it starts");
    host.deploy(Arc::new(bundle("b", &answering("b")))).await.expect("it starts");
    board.publish(0, "a", &number, 2, now_ms() + 60_000);
    let page = text(&commands(session(&host, start(Some("a"), None))).await);
    assert!(page.contains("1105"), "{page}");
    let open = session(&host, start(Some("a"), Some(FailureMode::Open)));
    assert_eq!(commands(open).await, [Command::PassThrough]);
    assert_eq!(text(&commands(session(&host, start(Some("b"), None))).await), "b");
    board.publish(0, "a", &number, 2, now_ms());
    assert_eq!(text(&commands(session(&host, start(Some("a"), None))).await), "well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_quarantined_from_the_start_is_started_by_a_request_after_it() {
    let (host, board) = supervised();
    let version = bundle("a", &answering("well"));
    board.publish(0, "a", &version.version, 2, now_ms() + 60_000);
    let number = version.version.clone();
    let deployed = host.deploy(Arc::new(version)).await.expect("it is not refused");
    assert!(matches!(deployed, Deployed::Quarantined(_)), "{deployed:?}");
    let page = text(&commands(session(&host, start(Some("a"), None))).await);
    assert!(page.contains("1105"), "{page}");
    board.publish(0, "a", &number, 2, now_ms());
    assert_eq!(text(&commands(session(&host, start(Some("a"), None))).await), "well");
    // Another version was never concerned.
    board.publish(0, "a", &number, 3, now_ms() + 60_000);
    let deployed = host.deploy(Arc::new(bundle("a", &answering("new")))).await.expect("it starts");
    assert_eq!(deployed, Deployed::Ready);
    assert_eq!(text(&commands(session(&host, start(Some("a"), None))).await), "new");
}

/// What a Worker gets that is sent to its own authority by another site's redirect.
async fn redirected_home(origin: Option<url::Url>) -> String {
    let elsewhere = http(|_| async { answer(302, "location", "http://example.com/home") }).await;
    let source = format!(
        "export default {{ async fetch() {{
            try {{
                const answer = await fetch({:?});
                return new Response(answer.url + ' ' + await answer.text());
            }} catch (error) {{ return new Response(error.message) }}
        }} }}",
        elsewhere.url("/").as_str(),
    );
    let host = host();
    let mut bundle = bundle("a", &source);
    bundle.settings.origin = origin;
    host.deploy(Arc::new(bundle)).await.expect("it starts");
    text(&commands(session(&host, start(Some("a"), None))).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_the_own_authority_goes_to_the_configured_origin() {
    let home = http(|request| async { reply(describe(request).await) }).await;
    let seen = redirected_home(Some(home.url("/"))).await;
    assert!(seen.starts_with("http://example.com/home GET /home\n"), "{seen}");
    assert!(seen.contains("host: example.com\n"), "{seen}");
    // By DNS it would come back to the proxy.
    let refused = redirected_home(None).await;
    assert!(refused.contains("set `origin`"), "{refused}");
}

/// A Worker that answers when it is told to, under these limits.
async fn gated(limits: crate::limits::Limits) -> Arc<Host> {
    let host = host();
    let mut version = bundle(
        "a",
        "export default { async fetch(request) {
            const response = await fetch(request);
            return new Response('after ' + response.status) } }",
    );
    version.settings.limits = limits;
    host.deploy(Arc::new(version)).await.expect("it starts");
    host
}

fn limited(concurrent_requests: u32, queued_requests: u32) -> crate::limits::Limits {
    crate::limits::Limits {
        concurrent_requests,
        queued_requests,
        queue_ms: 60_000,
        ..crate::limits::Limits::default()
    }
}

async fn some(outbox: &Outbox) -> Vec<Command> {
    let mut commands = Vec::new();
    std::future::poll_fn(|cx| outbox.poll_drain(cx, &mut commands)).await;
    commands
}

fn metric(host: &Host, line: &str) -> bool {
    let text = host.services.metrics.render().expect("rendered");
    text.lines().any(|l| l == line)
}

async fn eventually(host: &Host, line: &str) {
    let began = std::time::Instant::now();
    while !metric(host, line) {
        assert!(began.elapsed().as_secs() < 10, "{line} does not come");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_beyond_the_places_wait_in_order_and_leave_with_their_clients() {
    let host = gated(limited(1, 3)).await;
    let ask = || session(&host, start(Some("a"), None));
    let first = ask();
    assert!(matches!(some(first.outbox()).await[..], [Command::Continue(_)]));
    let (second, third, fourth) = (ask(), ask(), ask());
    assert!(metric(&host, r#"nano_queued_requests{worker="a"} 3"#));
    let refused = ask();
    assert!(text(&commands(refused).await).contains("1102"));
    assert!(metric(&host, r#"nano_requests_total{worker="a",outcome="loadShed"} 1"#));
    assert!(metric(&host, r#"nano_limits_reached_total{worker="a",limit="queued_requests"} 1"#));
    // The second's client does not wait.
    drop(second);
    assert!(metric(&host, r#"nano_requests_total{worker="a",outcome="canceled"} 1"#));
    let mut nothing = Vec::new();
    third.outbox().drain(&mut nothing);
    assert!(nothing.is_empty(), "it waits");
    drop(first);
    assert!(matches!(some(third.outbox()).await[..], [Command::Continue(_)]));
    fourth.outbox().drain(&mut nothing);
    assert!(nothing.is_empty(), "it waits");
    // What the front end says reaches the handler that waited.
    let head = crate::exchange::ResponseHead { status: 204, ..Default::default() };
    third.post(crate::exchange::Event::Response(head));
    assert_eq!(text(&some(third.outbox()).await), "after 204");
    drop(third);
    assert!(matches!(some(fourth.outbox()).await[..], [Command::Continue(_)]));
    drop(fourth);
    eventually(&host, r#"nano_queued_requests{worker="a"} 0"#).await;
    // All places are back.
    let last = ask();
    assert!(matches!(some(last.outbox()).await[..], [Command::Continue(_)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waited_too_long_is_shed() {
    let limits = crate::limits::Limits { queue_ms: 30, ..limited(1, 9) };
    let host = gated(limits).await;
    let first = session(&host, start(Some("a"), None));
    some(first.outbox()).await;
    let page = text(&commands(session(&host, start(Some("a"), None))).await);
    assert!(page.contains("1102"), "{page}");
    assert!(metric(&host, r#"nano_limits_reached_total{worker="a",limit="queue_ms"} 1"#));
    // The route says that the host's failures are not the client's.
    let open = session(&host, start(Some("a"), Some(FailureMode::Open)));
    assert_eq!(commands(open).await, [Command::PassThrough]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_that_come_and_go_leave_no_place_behind() {
    let host = gated(limited(2, 100)).await;
    let tasks: Vec<_> = (0..80_u32)
        .map(|i| {
            let host = Arc::clone(&host);
            tokio::spawn(async move {
                let session = session(&host, start(Some("a"), None));
                let outbox = Arc::clone(session.outbox());
                let patience = std::time::Duration::from_micros(u64::from(i % 7) * 300);
                let begun = tokio::time::timeout(patience, some(&outbox)).await;
                if begun.is_ok() && i % 3 == 0 {
                    session
                        .post(crate::exchange::Event::Closed(crate::exchange::Close::Disconnected));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    eventually(&host, r#"nano_running_invocations{worker="a"} 0"#).await;
    eventually(&host, r#"nano_queued_requests{worker="a"} 0"#).await;
    let both = [session(&host, start(Some("a"), None)), session(&host, start(Some("a"), None))];
    for session in &both {
        assert!(matches!(some(session.outbox()).await[..], [Command::Continue(_)]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_beyond_the_rate_are_1015_also_where_the_route_fails_open() {
    let limits = crate::limits::Limits {
        requests_per_second: 1,
        request_burst: 2,
        ..crate::limits::Limits::default()
    };
    let host = gated(limits).await;
    for _ in 0..2 {
        let session = session(&host, start(Some("a"), None));
        assert!(matches!(some(session.outbox()).await[..], [Command::Continue(_)]));
    }
    let refused = commands(session(&host, start(Some("a"), Some(FailureMode::Open)))).await;
    let page = text(&refused);
    assert!(page.contains("1015") && page.contains("rate limited"), "{page}");
    assert!(metric(&host, r#"nano_requests_total{worker="a",outcome="rateLimited"} 1"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_larger_than_allowed_reach_no_handler() {
    let host = host();
    host.deploy(Arc::new(bundle("a", &answering("ok")))).await.expect("it starts");
    let ask = |path: usize, value: usize| {
        let mut start = start(Some("a"), Some(FailureMode::Open));
        start.request.path = "/".repeat(path).into();
        start.request.headers.push("x", "y".repeat(value));
        session(&host, start)
    };
    // `http://example.com` is 18 bytes of the URL.
    let (path, value) = (16 * 1024 - 18, 128 * 1024 - 1);
    assert_eq!(text(&commands(ask(path, value)).await), "ok");
    for (path, value, code, outcome) in
        [(path + 1, value, "414", "urlTooLong"), (path, value + 1, "431", "headersTooLarge")]
    {
        let refused = commands(ask(path, value)).await;
        let [Command::Respond(response)] = &refused[..] else { panic!("{refused:?}") };
        let status = response.head.as_ref().expect("a head").status;
        assert_eq!(status.to_string(), code);
        assert!(text(&refused).contains(&format!("Error {code}")));
        let line = format!(r#"nano_requests_total{{worker="a",outcome="{outcome}"}} 1"#);
        assert!(metric(&host, &line));
    }
}

/// A Worker that asks a server and tells what came of it.
fn asking(url: &url::Url) -> String {
    format!(
        "export default {{ async fetch() {{
            try {{ return new Response(await (await fetch({:?})).text()); }}
            catch (error) {{ return new Response(`${{error.name}}: ${{error.message}}`); }}
        }} }}",
        url.as_str()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_share_no_connection() {
    let server = http(|_| async { reply("x") }).await;
    let host = host();
    for name in ["a", "b"] {
        host.deploy(Arc::new(bundle(name, &asking(&server.url("/"))))).await.expect("it starts");
    }
    for name in ["a", "b", "a", "b"] {
        assert_eq!(text(&commands(session(&host, start(Some(name), None))).await), "x");
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_versions_rules_hold_at_once() {
    let server = http(|_| async { reply("x") }).await;
    let host = host();
    let open = bundle("a", &asking(&server.url("/")));
    let mut closed = open.clone();
    closed.settings.egress = Policy::default();
    for (version, expected) in [(&open, "x"), (&closed, "TypeError: connect to localhost")] {
        host.deploy(Arc::new(version.clone())).await.expect("it starts");
        let seen = text(&commands(session(&host, start(Some("a"), None))).await);
        assert!(seen.starts_with(expected), "{seen}");
    }
    let rendered = host.services.metrics.render().expect("metrics");
    assert!(rendered.contains("nano_egress_denied_total{worker=\"a\"} 1"), "{rendered}");
}

/// The client gets a page and not the upstream, also where failures let requests go on: else the
/// header would be a way past the Worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_came_too_often_is_refused_in_every_failure_mode() {
    let host = host();
    host.deploy(Arc::new(bundle("a", &answering("ok")))).await.expect("it starts");
    for mode in [None, Some(FailureMode::Open)] {
        for (value, expected) in
            [("16", "ok"), ("17", "1019"), ("nonsense", "1019"), ("1/0", "ok"), ("1/-1", "1019")]
        {
            let mut start = start(Some("a"), mode);
            start.request.headers.push("nano-loop", value);
            let seen = text(&commands(session(&host, start)).await);
            assert!(seen.contains(expected), "{value}: {seen}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_of_the_same_delay_go_off_in_the_order_in_which_they_were_set() {
    let host = host();
    let source = "export default { async fetch() {
        const row = [];
        const after = (ms, what) => new Promise((resolve) => {
            setTimeout(() => { row.push(what); resolve(); }, ms);
        });
        const replaced = setTimeout(() => row.push('cleared'), 20);
        const all = [after(40, 'late')];
        for (let i = 0; i < 50; i++) all.push(after(20, i));
        clearTimeout(replaced);
        all.push(after(0, 'first'));
        await Promise.all(all);
        return new Response(row.join());
    } }";
    host.deploy(Arc::new(bundle("a", source))).await.expect("it starts");
    let answer = text(&commands(session(&host, start(Some("a"), None))).await);
    let numbers: Vec<_> = (0..50).map(|i| i.to_string()).collect();
    assert_eq!(answer, format!("first,{},late", numbers.join(",")));
}

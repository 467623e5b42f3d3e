//! The engine with real isolates and a scripted front end.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::{Host, Routing};
use crate::client::ClientConfig;
use crate::client::tests::loopback;
use crate::client::tests::server::{answer, describe, http, reply};
use crate::egress::Policy;
use crate::exchange::{
    Command, Engine, FailureMode, OutBody, RequestHead, Session, Start, Started,
};
use crate::isolate::platform;
use crate::telemetry::metrics::Metrics;
use crate::worker::{Bundle, Format, Module, ModuleKind, Settings};

fn bundle(name: &str, source: &str) -> Bundle {
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
    platform::initialize();
    let client = ClientConfig::load(None).expect("TLS");
    Host::new(tokio::runtime::Handle::current(), client, Arc::new(Metrics::new()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_gets_the_named_worker_the_default_or_none() {
    let host = host();
    host.deploy(bundle("a", &answering("from a"))).await.expect("a starts");
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
    host.deploy(bundle("a", &answering("one"))).await.expect("it starts");
    let refused = host.deploy(bundle("a", "export default {")).await.expect_err("a syntax error");
    assert!(refused.to_string().contains("index.js"), "{refused}");
    assert_eq!(text(&commands(session(&host, start(Some("a"), None))).await), "one");
    host.deploy(bundle("a", &answering("two"))).await.expect("it starts");
    assert_eq!(text(&commands(session(&host, start(Some("a"), None))).await), "two");
}

/// Whether a front end is told that the Worker reads responses, before and after one did not fit.
async fn learned(host: &Host, reads_responses: Option<bool>) -> [bool; 2] {
    let mut version = bundle("a", &answering("ok"));
    version.settings.reads_responses = reads_responses;
    host.deploy(version).await.expect("it starts");
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
    worker.replace(&worker.current(), &host.services);
    assert!(session(&host, start(Some("a"), None)).reads_response_first());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_share_an_isolate() {
    let host = host();
    host.deploy(bundle("a", &answering("ok"))).await.expect("it starts");
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
    host.deploy(bundle).await.expect("it starts");
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
        host.deploy(bundle(name, &asking(&server.url("/")))).await.expect("it starts");
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
        host.deploy(version.clone()).await.expect("it starts");
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
    host.deploy(bundle("a", &answering("ok"))).await.expect("it starts");
    for mode in [None, Some(FailureMode::Open)] {
        for (value, expected) in [("16", "ok"), ("17", "1019"), ("nonsense", "1019")] {
            let mut start = start(Some("a"), mode);
            start.request.headers.push("nano-loop", value);
            let seen = text(&commands(session(&host, start)).await);
            assert!(seen.contains(expected), "{value}: {seen}");
        }
    }
}

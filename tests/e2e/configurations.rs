//! The configurations in `envoy/`, each in a real Envoy: that it is valid, and that what its first lines
//! promise happens. (`envoy.yaml` is what the examples are tested with.)

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nano_tests::client::{Proto, Reply, Request};
use nano_tests::host::Host;
use nano_tests::process::{Output, free_port};
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{self, Setup, Stack, StackOptions};
use nano_tests::{cases, envoy};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{answer, unique_id, worker, write_worker};

pub fn themes() -> Vec<Theme> {
    vec![sidecar(), edge(), tls(), affinity(), observability(), istio("sidecar"), istio("gateway")]
}

/// A request through the first listener.
async fn ask(stack: &Stack, host: &str, path: &str) -> Reply {
    let url = format!("{}{path}", stack.url());
    answer(Request::new(Proto::H1, "GET", &url).host(host)).await
}

fn theme(name: &'static str, options: StackOptions, cases: Vec<Case>) -> Theme {
    Theme { name, stack: Box::new(move || Stack::start(&options)), cases, serial: true }
}

/// Marks responses with its name, and answers `/short` by itself.
fn marking(name: &str) -> String {
    format!(
        "export default {{\n  async fetch(request) {{\n    \
         if (new URL(request.url).pathname === '/short') return new Response('{name}');\n    \
         const response = await fetch(request);\n    \
         const marked = new Response(response.body, response);\n    \
         marked.headers.set('x-worker', '{name}');\n    return marked;\n  }},\n}};\n"
    )
}

fn variant(file: &'static str, workers: Vec<std::path::PathBuf>) -> StackOptions {
    StackOptions::new(Setup::Variant(file, Vec::new()), workers)
}

fn sidecar() -> Theme {
    let options = StackOptions {
        unix_socket: true,
        default: Some("hello".into()),
        ..variant("sidecar.yaml", vec![stack::root().join("examples/hello")])
    };
    theme("sidecar", options, cases![a_unix_socket_joins_them, every_configuration_is_valid])
}

async fn a_unix_socket_joins_them(stack: Arc<Stack>) {
    let reply = ask(&stack, "app", "/").await;
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    let metrics = stack.host().metrics().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(metrics.sum("nano_requests_total", &["worker=\"hello\""]).is_some_and(|n| n >= 1.0));
}

async fn every_configuration_is_valid(_stack: Arc<Stack>) {
    let directory = certificates();
    let envoy = envoy::find().unwrap_or_else(|error| panic!("{error}"));
    let mut checked = 0;
    for entry in std::fs::read_dir(stack::root().join("envoy")).expect("the directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        // Envoy reads the files that a configuration names.
        let text = std::fs::read_to_string(&path).expect("it is read");
        let own = directory.path().to_string_lossy();
        let copy = directory.path().join("envoy.yaml");
        std::fs::write(&copy, text.replace("/etc/envoy/tls", &own)).expect("written");
        let output = Command::new(&envoy)
            .args(["--mode", "validate", "--log-level", "error", "--config-path"])
            .arg(&copy)
            .output()
            .expect("Envoy runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", path.display());
        checked += 1;
    }
    assert!(checked >= 6, "only {checked} files");
}

fn edge() -> Theme {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let workers = ["shop", "api"].map(|name| write_worker(directory.path(), name, &marking(name)));
    let case = Case::new("tenants_fail_open_and_closed", |stack| async move {
        tenants_fail_open_and_closed(stack, directory).await;
    });
    theme("edge", variant("edge.yaml", workers.to_vec()), vec![case])
}

async fn tenants_fail_open_and_closed(stack: Arc<Stack>, _directory: TempDir) {
    for (host, worker) in [("shop.example.com", "shop"), ("api.example.com", "api")] {
        let reply = ask(&stack, host, "/echo").await;
        assert_eq!((reply.status, reply.header("x-worker")), (200, Some(worker)));
        // No client chooses another.
        let url = format!("{}/short", stack.url());
        let request = Request::new(Proto::H1, "GET", &url).host(host);
        let reply = answer(request.header("x-nano-worker", "other")).await;
        assert_eq!(reply.text(), worker);
    }
    let sent = async || {
        let stats = stack.envoy().stats().await.unwrap_or_else(|error| panic!("{error}"));
        stats.sum(envoy::MESSAGES_SENT, &[]).unwrap_or(0.0)
    };
    let before = sent().await;
    let reply = ask(&stack, "static.example.com", "/echo").await;
    assert_eq!((reply.status, reply.header("x-worker")), (200, None));
    assert_eq!(sent().await.total_cmp(&before), std::cmp::Ordering::Equal);
    assert_eq!(ask(&stack, "unknown.example.com", "/").await.status, 404);
    // Without the runtime host.
    stack.host().terminate().unwrap_or_else(|error| panic!("{error}"));
    let began = Instant::now();
    while ask(&stack, "api.example.com", "/echo").await.status != 500 {
        assert!(began.elapsed() < Duration::from_secs(20), "the runtime host does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let reply = ask(&stack, "shop.example.com", "/echo").await;
    assert_eq!((reply.status, reply.header("x-worker")), (200, None));
}

/// An authority, and certificates that it gave the runtime host and Envoy.
fn certificates() -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written");
    };
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // A certificate that bears its issuer's name counts as signed by itself.
    params.distinguished_name.push(DnType::CommonName, "authority");
    write("ca.crt", &params.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(params, key);
    for (file, name) in [("host", "nano.internal"), ("tls", "envoy.internal")] {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        write(&format!("{file}.crt"), &certificate.pem());
        write(&format!("{file}.key"), &key.serialize_pem());
    }
    directory
}

fn tls() -> Theme {
    let directory = certificates();
    let file = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let (certificate, key, client_ca) = (file("host.crt"), file("host.key"), file("ca.crt"));
    let replaced = vec![("/etc/envoy/tls".to_owned(), file("").trim_end_matches('/').to_owned())];
    let options = StackOptions {
        default: Some("hello".into()),
        settings: toml::toml! {
            [server.tls]
            certificate = certificate
            key = key
            client_ca = client_ca
        },
        ..StackOptions::new(
            Setup::Variant("tls.yaml", replaced),
            vec![stack::root().join("examples/hello")],
        )
    };
    let case = Case::new("both_sides_show_a_certificate", |stack| async move {
        both_sides_show_a_certificate(stack, directory).await;
    });
    theme("tls", options, vec![case])
}

async fn both_sides_show_a_certificate(stack: Arc<Stack>, _directory: TempDir) {
    let reply = ask(&stack, "app", "/").await;
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    let stats = stack.envoy().stats().await.unwrap_or_else(|error| panic!("{error}"));
    let handshakes = stats.sum("envoy_cluster_ssl_handshake", &[]).unwrap_or(0.0);
    assert!(handshakes >= 1.0, "no TLS handshake");
    // Who shows none gets nothing.
    let plain = Request::new(Proto::H2, "POST", &format!("http://{}/", stack.grpc())).send().await;
    assert!(plain.is_err());
}

fn affinity() -> Theme {
    let source = "let id;\nexport default {\n  fetch() {\n    id ??= crypto.randomUUID();\n    \
                  return new Response(id);\n  },\n};\n";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let worker = write_worker(directory.path(), "who", source);
    let second = SocketAddr::from(([127, 0, 0, 1], free_port().expect("a port")));
    let socket = |port| format!("socket_address: {{ address: 127.0.0.1, port_value: {port} }}");
    let options = StackOptions {
        default: Some("who".into()),
        ..StackOptions::new(
            Setup::Variant("affinity.yaml", vec![(socket(9002), socket(second.port()))]),
            vec![worker],
        )
    };
    let case = Case::new("each_tenant_has_one_host", move |stack| async move {
        each_tenant_has_one_host(stack, &directory, second).await;
    });
    theme("affinity", options, vec![case])
}

async fn each_tenant_has_one_host(stack: Arc<Stack>, directory: &TempDir, second: SocketAddr) {
    let admin = SocketAddr::from(([127, 0, 0, 1], free_port().expect("a port")));
    let config = directory.path().join("nano.toml");
    let text = format!(
        "[server]\nlisten = [\"{second}\"]\nadmin = \"{admin}\"\n[workers]\ndirectories = \
         [\"who\"]\ndefault = \"who\"\n"
    );
    std::fs::write(&config, text).expect("written");
    let output = Output::File(directory.path().join("second.log"));
    let host = Host::start(&config, admin, &output).unwrap_or_else(|error| panic!("{error}"));
    let tenants: Vec<String> =
        (0..24).map(|number| format!("tenant{number}.example.com")).collect();
    let round = async || {
        let mut homes = HashMap::new();
        for tenant in &tenants {
            let reply = ask(&stack, tenant, "/").await;
            if reply.status == 200 {
                homes.insert(tenant.clone(), reply.text());
            }
        }
        homes
    };
    let ids = |homes: &HashMap<String, String>| {
        let ids: std::collections::HashSet<_> = homes.values().cloned().collect();
        ids.len()
    };
    // Until Envoy's health checks have found the second.
    let began = Instant::now();
    while ids(&round().await) < 2 {
        assert!(began.elapsed() < Duration::from_secs(40), "one host serves all");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let homes = round().await;
    assert_eq!(homes.len(), tenants.len());
    for _ in 0..3 {
        assert_eq!(round().await, homes);
    }
    assert_eq!(ids(&homes), 2);
    // When one goes, its tenants have the other.
    host.terminate().unwrap_or_else(|error| panic!("{error}"));
    let began = Instant::now();
    loop {
        let now = round().await;
        if now.len() == tenants.len() && ids(&now) == 1 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(40), "not all have moved: {now:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn observability() -> Theme {
    let options = StackOptions {
        default: Some("lab".into()),
        settings: toml::toml! {
            [ext_proc]
            report = true
        },
        ..variant("observability.yaml", vec![worker("lab")])
    };
    theme("observability", options, cases![access_logs_tell_what_the_worker_did])
}

/// The line of Envoy's access log about the request with this path.
async fn logged(stack: &Stack, path: &str) -> Value {
    let began = Instant::now();
    loop {
        let log = stack.envoy().process().log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(line) = lines.into_iter().find(|line| line["path"] == path) {
            return line;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no line about {path}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn access_logs_tell_what_the_worker_did(stack: Arc<Stack>) {
    let mut asked = Vec::new();
    for (handler, status, outcome) in [
        ("pass", 200, "ok"),
        ("short", 201, "ok"),
        ("responseHeaders", 200, "ok"),
        ("throws", 500, "exception"),
    ] {
        let path = format!("/bytes/10?{}", unique_id());
        let url = format!("{}{path}", stack.url());
        let request = Request::new(Proto::H1, "GET", &url).header("x-do", handler);
        assert_eq!(answer(request).await.status, status, "{handler}");
        asked.push((handler, status, outcome, path));
    }
    // Envoy writes them every ten seconds.
    for (handler, status, outcome, path) in asked {
        let line = logged(&stack, &path).await;
        assert_eq!(line["status"], status, "{handler}: {line}");
        assert_eq!(line["worker"], "lab", "{handler}: {line}");
        assert_eq!(line["outcome"], outcome, "{handler}: {line}");
        assert_eq!(line["version"].as_str().map(str::len), Some(12), "{handler}: {line}");
        let cpu = &line["cpu_us"];
        let cpu = cpu.as_f64().or_else(|| cpu.as_str().and_then(|text| text.parse().ok()));
        assert!(cpu.is_some_and(|cpu| cpu > 0.0 && cpu < 1e7), "{handler}: {line}");
    }
    let admin = stack.host().admin();
    let metrics = nano_tests::client::get(&format!("http://{admin}/metrics")).await;
    let metrics = metrics.unwrap_or_else(|error| panic!("{error}")).text();
    assert!(metrics.contains("nano_requests_total{worker=\"lab\",outcome=\"exception\"} 1"));
}

/// What an `EnvoyFilter` of `envoy/istio` puts into Istio's proxy, in an Envoy of ours.
fn istio(file: &'static str) -> Theme {
    let start = move || {
        let manifest = stack::shipped(&format!("istio/{file}.yaml"))?;
        let [cluster, filter] = &values(&manifest)[..] else {
            panic!("istio/{file}.yaml has another number of patches")
        };
        let cluster = cluster.replace("nano-host.nano-system.svc.cluster.local", "127.0.0.1");
        let text = stack::shipped("sidecar.yaml")?;
        let begin = "                  - name: envoy.filters.http.ext_proc";
        let own_filter =
            between(&text, begin, "                  - name: envoy.filters.http.router");
        let own_cluster = between(&text, "    - name: nano_host", "    - name: application");
        let text =
            text.replace(own_filter, &item(filter, 18)).replace(own_cluster, &item(&cluster, 4));
        Stack::start(&StackOptions {
            default: Some("hello".into()),
            ..StackOptions::new(Setup::Given(text), vec![stack::root().join("examples/hello")])
        })
    };
    let name = if file == "sidecar" { "istio_sidecar" } else { "istio_gateway" };
    Theme { name, stack: Box::new(start), cases: cases![what_istio_gets_works], serial: true }
}

async fn what_istio_gets_works(stack: Arc<Stack>) {
    let reply = ask(&stack, "app", "/").await;
    assert_eq!(reply.status, 200, "{}", reply.short_text());
    let metrics = stack.host().metrics().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(metrics.sum("nano_requests_total", &["worker=\"hello\""]).is_some_and(|n| n >= 1.0));
}

/// The values of the patches, without their indentation.
fn values(manifest: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        match (inside, line.strip_prefix("          ")) {
            (true, Some(own)) => {
                let value = values.last_mut().expect("it began");
                value.push_str(own);
                value.push('\n');
            }
            _ if line == "        value:" => {
                inside = true;
                values.push(String::new());
            }
            _ => inside = false,
        }
    }
    values
}

/// The text as an item of a list that is indented so far.
fn item(text: &str, indentation: usize) -> String {
    let mut item = String::new();
    for (number, line) in text.lines().enumerate() {
        let sign = if number == 0 { "- " } else { "  " };
        item.extend([&" ".repeat(indentation), sign, line, "\n"]);
    }
    item
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let begin = text.find(begin).expect("the begin");
    let length = text[begin..].find(end).expect("the end");
    &text[begin..begin + length]
}

//! What a client may connect to, with real servers and a resolver that says what the test wants.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use url::Url;

use super::super::lookup::Script;
use super::server::{answer, http, https, reply};
use super::{
    Client, ClientConfig, Denied, ErrorKind, FetchError, FetchRequest, Origin, Override, loopback,
    text,
};
use crate::egress::{Policy, Reason, Section};

/// A client with these rules and what it was refused.
fn guarded(allow: &[&str], deny: &[&str]) -> (Client, Arc<Mutex<Vec<Denied>>>) {
    let rules = |list: &[&str]| list.iter().map(|rule| rule.parse().expect("a rule")).collect();
    let section = Section { allow: rules(allow), deny: rules(deny), ..Section::default() };
    let client = Client::new(&ClientConfig::load(None).expect("roots"));
    let refused = set(&client, &Policy::new(&section, &Section::default(), None));
    (client, refused)
}

fn set(client: &Client, policy: &Policy) -> Arc<Mutex<Vec<Denied>>> {
    let refused = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&refused);
    client.set_rules(policy, Arc::new(move |denied: &Denied| list.lock().push(denied.clone())));
    refused
}

fn script(client: &Client, script: Script) {
    client.pools.lock().lookups.script = Some(script);
}

async fn ask(client: &Client, url: &str) -> Result<String, FetchError> {
    let url: Url = url.parse().expect("a URL");
    Ok(text(client.fetch(FetchRequest::get(url)).await?).await)
}

async fn refused(client: &Client, url: &str) -> FetchError {
    let error = ask(client, url).await.expect_err(url);
    assert_eq!(error.kind, ErrorKind::Denied, "{url}: {error}");
    error
}

#[tokio::test]
async fn loopback_is_closed_in_every_spelling_and_scheme() {
    let server = http(|_| async { reply("secret") }).await;
    let (client, _) = guarded(&[], &[]);
    let port = server.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "\u{ff11}27.0.0.1",
        "0.0.0.0",
        "0",
        "127.9.9.9",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "2852039166",
        "[::ffff:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        for scheme in ["http", "https"] {
            refused(&client, &format!("{scheme}://{host}:{port}/")).await;
        }
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_refusal_is_told_with_the_address_and_shown_without_it() {
    let (client, denied) = guarded(&[], &["*.secret.example:80"]);
    script(&client, Arc::new(|_| Ok(vec![IpAddr::from([127, 0, 0, 7])])));
    let error = refused(&client, "http://db.internal:5432/").await;
    assert!(error.message.contains("connect to db.internal:5432 failed"), "{error}");
    assert!(error.message.contains("[egress]") && !error.message.contains("127"), "{error}");
    refused(&client, "http://a.secret.example/").await;
    let denied = denied.lock();
    assert_eq!(denied[0].address, Some(IpAddr::from([127, 0, 0, 7])));
    assert_eq!(denied[0].reason, Reason::Special("a loopback address"));
    assert_eq!((denied[1].host.as_str(), denied[1].port), ("a.secret.example", 80));
    assert_eq!(denied[1].address, None);
    assert_eq!(denied[1].reason, Reason::Listed("*.secret.example:80".into()));
    assert_eq!(denied.len(), 2);
}

/// A denied name is not even asked for: a lookup tells its servers something.
#[tokio::test]
async fn a_denied_name_is_not_looked_up() {
    let (client, _) = guarded(&[], &["*.secret.example"]);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    script(
        &client,
        Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Err(io::Error::other("no such name"))
        }),
    );
    refused(&client, "http://a.secret.example/").await;
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let error = ask(&client, "http://secret.example/").await.expect_err("an error");
    assert_eq!((error.kind, asked.load(Ordering::SeqCst)), (ErrorKind::Dns, 1));
}

#[tokio::test]
async fn denied_addresses_of_a_name_are_left_out() {
    let server = http(|_| async { reply("allowed") }).await;
    let port = server.address.port();
    let (client, denied) = guarded(&[&format!("127.0.0.1:{port}")], &[]);
    script(
        &client,
        Arc::new(|_| {
            Ok(["169.254.169.254", "::1", "127.0.0.1", "127.0.0.2"]
                .map(|address| address.parse().expect("an address"))
                .to_vec())
        }),
    );
    let url = format!("http://many.example:{port}/");
    assert_eq!(ask(&client, &url).await.expect("an answer"), "allowed");
    assert!(denied.lock().is_empty());
}

/// The name leads to an allowed address first and to a denied one from then on, as an attacker's
/// name server has it.
#[tokio::test]
async fn rebinding_leads_nowhere() {
    let server = http(|_| async { reply("x") }).await;
    let port = server.address.port();
    let (client, denied) = guarded(&[&format!("127.0.0.1:{port}")], &[]);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    script(
        &client,
        Arc::new(move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            Ok(vec![IpAddr::from(if first { [127, 0, 0, 1] } else { [169, 254, 169, 254] })])
        }),
    );
    let url = format!("http://rebinding.example:{port}/");
    // One lookup a connection: what was judged is what is connected to, and later requests use the
    // connection that was judged.
    for _ in 0..3 {
        assert_eq!(ask(&client, &url).await.expect("an answer"), "x");
    }
    assert_eq!((asked.load(Ordering::SeqCst), server.connections()), (1, 1));
    // Without a connection the name is looked up and judged again.
    let after = set(&client, &Policy::new(&Section::default(), &Section::default(), None));
    refused(&client, &url).await;
    assert_eq!(after.lock()[0].address, Some(IpAddr::from([169, 254, 169, 254])));
    assert!(denied.lock().is_empty());
}

#[tokio::test]
async fn a_redirect_to_a_denied_server_is_refused() {
    let secret = http(|_| async { reply("secret") }).await;
    let targets = [
        format!("http://127.0.0.1:{}/", secret.address.port()),
        format!("https://localhost:{}/", secret.address.port()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ];
    for target in targets {
        let location = target.clone();
        let front = http(move |_| {
            let location = location.clone();
            async move { answer(302, "location", &location) }
        })
        .await;
        let (client, denied) = guarded(&[&format!("127.0.0.1:{}", front.address.port())], &[]);
        refused(&client, &format!("http://127.0.0.1:{}/", front.address.port())).await;
        assert_eq!(denied.lock().len(), 1, "{target}");
        assert_eq!(front.connections(), 1);
    }
    assert_eq!(secret.connections(), 0);
}

#[tokio::test]
async fn the_operators_target_needs_no_other_permission() {
    let server = http(|_| async { reply("origin") }).await;
    let (client, _) = guarded(&[], &[]);
    let mut request = FetchRequest::get("https://shop.example/x".parse().expect("a URL"));
    let target = Origin::of(&server.url("/")).expect("an origin");
    request.override_target = Some(Override { authority: "shop.example".into(), target });
    assert_eq!(text(client.fetch(request).await.expect("an answer")).await, "origin");
    // Its connection is not one for the tenant's own URLs.
    refused(&client, server.url("/").as_str()).await;
}

#[tokio::test]
async fn stricter_rules_end_the_connections_of_the_old_ones() {
    let server = http(|_| async { reply("x") }).await;
    let (client, _) = guarded(&["localhost"], &[]);
    let url = server.url("/").to_string();
    assert_eq!(ask(&client, &url).await.expect("an answer"), "x");
    set(&client, &Policy::default());
    refused(&client, &url).await;
    set(&client, &loopback());
    assert_eq!(ask(&client, &url).await.expect("an answer"), "x");
    assert_eq!(server.connections(), 2);
}

/// The rules come before the handshake.
#[tokio::test]
async fn a_denied_tls_server_sees_nothing() {
    let (server, _) = https(&["h2"], |_| async { reply("") }).await;
    let (client, _) = guarded(&[], &[]);
    refused(&client, server.url("/").as_str()).await;
    assert_eq!(server.connections(), 0);
}

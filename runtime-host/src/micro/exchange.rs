//! Cases that are whole exchanges: Envoy's encoded messages in, encoded replies out, and between
//! them all that serves a request but the connection.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::messages::{body, request, response};
use crate::client::ClientConfig;
use crate::engine::{Bounds, Host, Routing};
use crate::ext_proc::offline::Offline;
use crate::isolate::platform;
use crate::limits::Limits;
use crate::telemetry::metrics::Metrics;
use crate::worker::{Bundle, Format, Module, ModuleKind, Settings};

/// What a Worker is asked, and what it has to answer.
pub struct Script {
    worker: &'static str,
    messages: Vec<Bytes>,
    /// Texts that the replies hold, in this order.
    wanted: &'static [&'static str],
}

macro_rules! worker_of_benches {
    ($name:literal) => {
        include_str!(concat!("../../../benches/workers/", $name, "/worker.js"))
    };
}

pub fn header_rewrite() -> Script {
    Script {
        worker: worker_of_benches!("header-rewrite"),
        messages: vec![request(), response("text/html", 64)],
        wanted: &["x-edge", "x-debug", "strict-transport-security", "x-powered-by"],
    }
}

pub fn header_rewrite_request() -> Script {
    Script {
        worker: worker_of_benches!("header-rewrite-request"),
        messages: vec![request()],
        wanted: &["x-edge", "x-debug"],
    }
}

pub fn short_circuit() -> Script {
    Script {
        worker: worker_of_benches!("short-circuit"),
        messages: vec![request()],
        wanted: &["x-edge", r#"{"ok":true,"message":"answered at the edge"}"#],
    }
}

/// The upstream's JSON of 2 KB parsed, changed and sent on.
pub fn json_2k() -> Script {
    let json = products(2_000);
    Script {
        worker: worker_of_benches!("json-2k"),
        messages: vec![request(), response("application/json", json.len()), body(json, true)],
        wanted: &["x-edge", r#""currency":"EUR""#, r#""count":"#],
    }
}

/// The upstream's 100 KB as a text, and a response made of it.
pub fn text_100k() -> Script {
    let text = text(100_000);
    Script {
        worker: include_str!("workers/text.js"),
        messages: vec![request(), response("text/plain", text.len()), body(text, true)],
        wanted: &["x-edge", "The colour of the sky"],
    }
}

/// What programs do with `Headers`, some dozen times.
pub fn headers_object() -> Script {
    Script {
        worker: include_str!("workers/headers.js"),
        messages: vec![request()],
        wanted: &["x-fields", "25"],
    }
}

/// As many as the Workers below do in an exchange.
pub const CRYPTO_OPERATIONS: u32 = 16;

pub fn hmac_verify() -> Script {
    Script {
        worker: include_str!("workers/hmac-verify.js"),
        messages: vec![request()],
        wanted: &["16 are good"],
    }
}

pub fn sha256_digest() -> Script {
    Script {
        worker: include_str!("workers/sha256-digest.js"),
        messages: vec![request()],
        wanted: &["16384 bytes"],
    }
}

pub fn stream_identity() -> Script {
    streamed(worker_of_benches!("stream-identity"), &["The colour of the sky"])
}

pub fn stream_upper() -> Script {
    streamed(worker_of_benches!("stream-upper"), &["THE COLOUR OF THE SKY"])
}

/// 1 MB (10⁶ bytes) in pieces of about 16 KiB, as Envoy reads them from a connection.
fn streamed(worker: &'static str, wanted: &'static [&'static str]) -> Script {
    const PIECE: usize = 15_625;
    let text = Bytes::from(text(64 * PIECE));
    let mut messages = vec![request(), response("text/plain", text.len())];
    for at in (0..text.len()).step_by(PIECE) {
        messages.push(body(text.slice(at..at + PIECE), at + PIECE == text.len()));
    }
    Script { worker, messages, wanted }
}

/// A host with the Worker, and a closure that plays the exchange.
pub fn prepare(script: &Script) -> Box<dyn FnMut()> {
    platform::initialize();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has room for a runtime");
    let client = ClientConfig::load(None).expect("TLS can be set up");
    let host =
        Host::new(runtime.handle().clone(), client, Arc::new(Metrics::new()), Bounds::default());
    runtime.block_on(host.deploy(Arc::new(bundle(script.worker)))).expect("the Worker starts");
    host.set_routing(Routing { default: Some("micro".into()), ..Routing::default() });
    let offline = Offline::new(host);
    let messages = script.messages.clone();
    verify(&offline.exchange(&messages), script.wanted);
    Box::new(move || {
        // The host keeps a handle only.
        let _alive = &runtime;
        black_box(offline.exchange(black_box(&messages)));
    })
}

fn verify(replies: &[Bytes], wanted: &[&str]) {
    let replies = String::from_utf8_lossy(&replies.concat()).into_owned();
    let mut rest = replies.as_str();
    for wanted in wanted {
        let Some((_, after)) = rest.split_once(wanted) else {
            panic!("{wanted:?} is missing in the replies: {replies:.2000}")
        };
        rest = after;
    }
}

/// A Worker of one module.
pub fn bundle(source: &'static str) -> Bundle {
    let module = Module {
        specifier: "worker.js".into(),
        kind: ModuleKind::Esm,
        source: Bytes::from_static(source.as_bytes()),
        source_map: None,
    };
    // Valgrind takes fifty times as long, and no case is about running into a limit.
    let limits = Limits { cpu_ms: 3_600_000, startup_ms: 3_600_000, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    Bundle::new(
        "micro".into(),
        PathBuf::from("/"),
        Format::Modules,
        "worker.js".into(),
        vec![module],
        settings,
    )
}

/// Text of that many ASCII bytes.
fn text(len: usize) -> String {
    let line = "The colour of the sky is what each observer says it is; a second one is for the \
                sea, and the third remains without any name at all.\n";
    let mut text = line.repeat(len / line.len() + 1);
    text.truncate(len);
    text
}

/// JSON of about that many bytes: what a shop's interface may answer.
fn products(bytes: usize) -> String {
    let mut json = String::from(r#"{"items":["#);
    for id in 1.. {
        // Writing to a String can't fail.
        let _ok = write!(
            json,
            r#"{{"id":{id},"name":"Product number {id}","price_cents":{},"#,
            1000 + id * 7 % 9000
        );
        let _ok = write!(
            json,
            r#""internal_note":"supplier {}","tags":["new","blue"],"stock":{{"berlin":{}}}}}"#,
            id % 13,
            id % 20
        );
        if json.len() >= bytes {
            break;
        }
        json.push(',');
    }
    json.push_str("]}");
    json
}

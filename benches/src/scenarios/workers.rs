//! Scenarios in which a Worker does what Workers do, compared with workerd.

use nano_tests::Result;
use serde_json::json;

use super::{Setting, traffic};
use crate::data;
use crate::floor::{Answer, EDGE};
use crate::hono;
use crate::load::Exchange;
use crate::measure::Traffic;
use crate::outcome::Outcome;
use crate::servers::Worker;
use crate::stack::Plan;
use crate::variant::Variant::{self, FloorBody, Nano, Workerd};

/// HS256, the secret of auth-gate's wrangler file, subject `ada`, valid until the year 2100.
const TOKEN: &str = concat!(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
    "eyJzdWIiOiJhZGEiLCJleHAiOjQxMDI0NDQ4MDB9.",
    "fuDuUf8f8meXMId2DKcDg-Gbznvyme6CqbK5oF39u_E",
);

/// `auth-gate`.
pub fn auth_gate(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let token = format!("Bearer {TOKEN}");
    let exchange = Exchange::get("bench.test", "/", &[("authorization", &token)])
        .header("x-seen-user", "ada")
        .body(data::SMALL);
    against_workerd(name, setting, Worker::of_benches(name), vec![exchange])
}

/// `ab-cookie`.
pub fn ab_cookie(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let visitor = |cookie: &str| Exchange::get("bench.test", "/", &[("cookie", cookie)]);
    let cookie = "experiment=a; Path=/; Max-Age=2592000";
    let exchanges = vec![
        visitor("theme=dark").header("x-group", "a").header("set-cookie", cookie).body(data::SMALL),
        visitor("theme=dark; experiment=a").header("x-group", "a").body(data::SMALL),
        visitor("experiment=b").header("x-group", "b").without("set-cookie").body(page("/new")),
    ];
    against_workerd(name, setting, Worker::of_benches(name), exchanges)
}

/// `json-2k` and `json-100k`.
pub fn json_rewrite(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let path = name.replace("json-", "/json/");
    let products = page(&path);
    let exchange = Exchange::get("bench.test", &path, &[])
        .header("content-type", "application/json")
        .header(EDGE.0, EDGE.1);
    let rewritten = data::rewritten(&String::from_utf8_lossy(&products));
    let wanted = Traffic {
        unchanged: vec![exchange.clone().body(products)],
        ..versus_workerd(setting, &[FloorBody, Nano, Workerd], vec![exchange.body(rewritten)])
    };
    let plan = Plan::new(&wanted.variants, Worker::of_benches(name)).floor(Answer::Buffered, true);
    traffic(name, setting, &plan, &wanted, |_, _| Ok(()))
}

/// `subrequest-1` and `subrequest-4`.
pub fn subrequests(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let mut worker = Worker::of_benches(name);
    worker.vars.push(("API".into(), "{origin}".into()));
    let count: usize = if name == "subrequest-1" { 1 } else { 4 };
    let total: usize = (1..=count).map(|number| 10 * number).sum();
    let exchange = Exchange::get("bench.test", "/account", &[])
        .header("content-type", "application/json")
        .body(json!({ "parts": count, "total": total }).to_string());
    against_workerd(name, setting, worker, vec![exchange])
}

/// `hono`.
pub fn hono_application(name: &'static str, setting: &Setting) -> Result<Outcome> {
    let bundle = hono::Bundle::make()?;
    against_workerd(name, setting, bundle.worker(name), hono::exchanges("bench.test"))
}

fn against_workerd(
    name: &'static str,
    setting: &Setting,
    worker: Worker,
    exchanges: Vec<Exchange>,
) -> Result<Outcome> {
    let wanted = versus_workerd(setting, &[Nano, Workerd], exchanges);
    let plan = Plan::new(&wanted.variants, worker);
    traffic(name, setting, &plan, &wanted, |_, _| Ok(()))
}

fn versus_workerd(setting: &Setting, variants: &[Variant], exchanges: Vec<Exchange>) -> Traffic {
    Traffic {
        latency_against: vec![Workerd],
        connections: setting.connections(&[16, 64]),
        ..Traffic::new(variants, exchanges)
    }
}

/// What the origin serves there.
fn page(path: &str) -> bytes::Bytes {
    let page = data::pages().into_iter().find(|(each, _)| *each == path);
    page.map(|(_, page)| page.body).unwrap_or_default()
}

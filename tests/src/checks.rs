//! `check.toml` of an example: requests through Envoy and what must come back.
//!
//! ```toml
//! # Lines shown to people; {url} is where Envoy listens.
//! curl = ["curl -i {url}/old"]
//!
//! # More of nano.toml, while this example runs; {origin} is the demo origin's URL.
//! [settings.worker.hello.vars]
//! API = "{origin}"
//!
//! [[request]]
//! name = "an old address is sent to the new one"
//! path = "/old"                       # method = "GET", headers = {}, body = "" by default
//! times = 20                          # asked so often; every answer must be right
//! any_of = true                       # with times: one right answer is enough
//! expect = { status = 301, headers = { location = "/new" }, absent = ["x-powered-by"] }
//! # body = "all of it", body_contains = ["parts"], body_lacks = ["parts"],
//! # body_json = { the = "members that must be there" }
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::client::{Proto, Reply, Request};
use crate::{Error, Result};

/// A parsed `check.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    #[serde(default)]
    pub curl: Vec<String>,
    #[serde(default)]
    pub settings: toml::Table,
    #[serde(rename = "request")]
    pub requests: Vec<Check>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub name: String,
    #[serde(default = "get")]
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
    #[serde(default = "once")]
    pub times: u32,
    #[serde(default)]
    pub any_of: bool,
    pub expect: Expect,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub status: u16,
    /// A value that ends with `*` is a prefix.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub absent: Vec<String>,
    pub body: Option<String>,
    #[serde(default)]
    pub body_contains: Vec<String>,
    #[serde(default)]
    pub body_lacks: Vec<String>,
    pub body_json: Option<Value>,
}

fn get() -> String {
    "GET".to_owned()
}

fn once() -> u32 {
    1
}

impl Checks {
    /// Reads `check.toml` of an example's directory.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join("check.toml");
        let text = std::fs::read_to_string(&path)
            .map_err(Error::during(format!("can't read {}", path.display())))?;
        toml::from_str(&text).map_err(Error::during(path.display()))
    }

    /// The curl lines, for a stack at this URL.
    pub fn curl_lines(&self, url: &str) -> Vec<String> {
        self.curl.iter().map(|line| line.replace("{url}", url)).collect()
    }

    /// [`Self::run`] over HTTP/1.1, for callers without a runtime.
    pub fn run_blocking(&self, url: &str, show: &mut (dyn FnMut(&str) + Send)) -> Result<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::during("can't start a runtime"))?;
        Ok(runtime.block_on(self.run(url, Proto::H1, show)))
    }

    /// Sends all requests and tells `show` what came back, in lines for people. True when all
    /// was as expected.
    pub async fn run(&self, url: &str, proto: Proto, show: &mut (dyn FnMut(&str) + Send)) -> bool {
        let mut good = true;
        for check in &self.requests {
            match check.run(url, proto).await {
                Ok(reply) => {
                    show(&format!("ok      {}: {} {}", check.name, check.method, check.path));
                    show(&indented(&describe(&reply)));
                }
                Err(error) => {
                    good = false;
                    show(&format!("FAILED  {}: {} {}", check.name, check.method, check.path));
                    show(&indented(&error.to_string()));
                }
            }
        }
        good
    }
}

impl Check {
    async fn run(&self, url: &str, proto: Proto) -> Result<Reply> {
        let mut last = None;
        for _ in 0..self.times.max(1) {
            let reply = self.send(url, proto).await?;
            let wrong = self.expect.differences(&reply);
            match (wrong.is_empty(), self.any_of) {
                (true, true) => return Ok(reply),
                (true, false) => last = Some(Ok(reply)),
                (false, any_of) => {
                    let error =
                        Error::new(format!("{}\ngot: {}", wrong.join("\n"), describe(&reply)));
                    if !any_of {
                        return Err(error);
                    }
                    last = Some(Err(error));
                }
            }
        }
        last.unwrap_or_else(|| Err(Error::new("nothing was asked")))
    }

    async fn send(&self, url: &str, proto: Proto) -> Result<Reply> {
        let mut request = Request::new(proto, &self.method, &format!("{url}{}", self.path));
        for (name, value) in &self.headers {
            request = match name.as_str() {
                "host" => request.host(value),
                _ => request.header(name, value),
            };
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        tokio::time::timeout(std::time::Duration::from_secs(30), request.send())
            .await
            .map_err(|_| Error::new("no answer in 30 s"))?
    }
}

impl Expect {
    /// What is not as expected, a line each.
    fn differences(&self, reply: &Reply) -> Vec<String> {
        let mut wrong = Vec::new();
        if reply.status != self.status {
            wrong.push(format!("expected status {}", self.status));
        }
        for (name, expected) in &self.headers {
            let values = reply.headers_named(name);
            let fits = |value: &&str| match expected.strip_suffix('*') {
                Some(prefix) => value.starts_with(prefix),
                None => value == expected,
            };
            if !values.iter().any(fits) {
                wrong.push(format!("expected header {name}: {expected} and not {values:?}"));
            }
        }
        for name in &self.absent {
            if let Some(value) = reply.header(name) {
                wrong.push(format!("expected no header {name}, it is {value:?}"));
            }
        }
        let text = reply.text();
        if let Some(expected) = &self.body
            && text.trim_end() != expected.trim_end()
        {
            wrong.push(format!("expected the body {expected:?}"));
        }
        for part in self.body_contains.iter().filter(|part| !text.contains(part.as_str())) {
            wrong.push(format!("expected {part:?} in the body"));
        }
        for part in self.body_lacks.iter().filter(|part| text.contains(part.as_str())) {
            wrong.push(format!("expected no {part:?} in the body"));
        }
        if let Some(expected) = &self.body_json {
            match reply.json() {
                Ok(actual) if contains(&actual, expected) => {}
                Ok(_) => wrong.push(format!("expected JSON with {expected}")),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        wrong
    }
}

/// Whether `actual` has every member of `expected` (arrays: the same length).
fn contains(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => expected
            .iter()
            .all(|(key, value)| actual.get(key).is_some_and(|actual| contains(actual, value))),
        (Value::Array(actual), Value::Array(expected)) => {
            actual.len() == expected.len()
                && actual.iter().zip(expected).all(|(actual, value)| contains(actual, value))
        }
        _ => actual == expected,
    }
}

/// Status, headers and the beginning of the body.
fn describe(reply: &Reply) -> String {
    let mut text = format!("{:?} {}\n", reply.version, reply.status);
    for (name, value) in &reply.headers {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    if !reply.body.is_empty() {
        let _ = write!(text, "\n{}", reply.short_text().trim_end());
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("        {line}")).collect::<Vec<_>>().join("\n")
}

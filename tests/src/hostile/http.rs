//! Requests of a case through Envoy, also by clients that behave badly.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::arena::Arena;
use super::case::Case;
use super::expect::Answer;
use crate::client::{Proto, Reply, Request};
use crate::listeners::Mode;
use crate::{Error, Result, pattern};

/// How long the log line of an answered request may take.
const LOG_LIMIT: Duration = Duration::from_secs(20);

/// One request, sent `times` times one after the other by each of `together` clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpAttack {
    #[serde(default = "root")]
    pub path: String,
    #[serde(default = "get")]
    pub method: String,
    /// Values may name `{origin}`, `{admin}`, `{grpc}` and `{envoy}`: where these listen.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
    /// A body of so many bytes.
    pub body_bytes: Option<usize>,
    #[serde(default = "lazy")]
    pub mode: String,
    #[serde(default)]
    pub http2: bool,
    #[serde(default = "once")]
    pub times: u32,
    #[serde(default = "once")]
    pub together: u32,
    /// Hang up when the response has not ended after so long.
    pub hang_up_ms: Option<u64>,
    /// Read so many bytes of the response, wait for `stall_ms`, hang up.
    pub read_bytes: Option<usize>,
    #[serde(default)]
    pub stall_ms: u64,
    /// Send the body byte by byte, with such a pause after each.
    pub byte_every_ms: Option<u64>,
    #[serde(default)]
    pub expect: Answer,
}

fn root() -> String {
    "/".to_owned()
}

fn get() -> String {
    "GET".to_owned()
}

fn lazy() -> String {
    "lazy".to_owned()
}

fn once() -> u32 {
    1
}

impl HttpAttack {
    pub async fn run(&self, case: &Case, arena: &Arena) -> Result<()> {
        let mut clients = JoinSet::new();
        for _ in 0..self.together.max(1) {
            let (attack, target, arena) = (self.clone(), case.target().to_owned(), arena.clone());
            clients.spawn(async move {
                for _ in 0..attack.times.max(1) {
                    attack.once(&target, &arena).await?;
                }
                Ok(())
            });
        }
        while let Some(done) = clients.join_next().await {
            done.map_err(Error::during("a client failed"))??;
        }
        Ok(())
    }

    async fn once(&self, target: &str, arena: &Arena) -> Result<()> {
        let id = unique_id();
        let about =
            |error: Error| Error::new(format!("{} {} ({id}): {error}", self.method, self.path));
        let came = self.exchange(self.request(target, &id, arena)?).await.map_err(about)?;
        if let Some(reply) = came {
            let wrong = self.expect.differences(&reply);
            if !wrong.is_empty() {
                return Err(about(Error::new(wrong.join("; "))));
            }
        }
        if self.expect.outcome.is_empty() {
            return Ok(());
        }
        let outcome = arena.log().outcome(&id, LOG_LIMIT).await.map_err(about)?;
        if self.expect.outcome.contains(&outcome) {
            return Ok(());
        }
        let expected = self.expect.outcome.join(" or ");
        Err(about(Error::new(format!("expected the outcome {expected}, it is {outcome}"))))
    }

    fn request(&self, target: &str, id: &str, arena: &Arena) -> Result<Request> {
        let mode = Mode::ALL.into_iter().find(|mode| mode.name() == self.mode);
        let mode = mode.ok_or_else(|| Error::new(format!("no mode is called {}", self.mode)))?;
        let proto = if self.http2 { Proto::H2 } else { Proto::H1 };
        let url = arena.stack().at(mode, &self.path);
        let mut request = Request::new(proto, &self.method, &url).header("x-request-id", id);
        if !self.headers.contains_key("x-test-worker") {
            request = request.header("x-test-worker", target);
        }
        for (name, value) in &self.headers {
            request = request.header(name, &arena.fill(value));
        }
        Ok(match (&self.body, self.body_bytes) {
            _ if self.byte_every_ms.is_some() => request,
            (Some(body), _) => request.body(body.clone()),
            (None, Some(bytes)) => request.chunked(pattern::bytes(0, bytes), 64 * 1024),
            (None, None) => request,
        })
    }

    /// The response, unless the client hung up or it may break.
    async fn exchange(&self, request: Request) -> Result<Option<Reply>> {
        let exchange = async {
            match (self.byte_every_ms, self.read_bytes) {
                (Some(pause), _) => self.send_slowly(request, pause).await.map(Some),
                (_, Some(bytes)) => self.read_slowly(request, bytes).await.map(|()| None),
                _ => request.send().await.map(Some),
            }
        };
        let result = match self.hang_up_ms {
            Some(ms) => {
                tokio::time::timeout(Duration::from_millis(ms), exchange).await.unwrap_or(Ok(None))
            }
            None => exchange.await,
        };
        if self.expect.may_break && result.is_err() { Ok(None) } else { result }
    }

    async fn read_slowly(&self, request: Request, bytes: usize) -> Result<()> {
        let mut opened = request.open().await?;
        let mut read = 0;
        while read < bytes {
            match opened.next().await {
                Some(piece) => read += piece?.len(),
                None => return Err(Error::new(format!("the body ended after {read} bytes"))),
            }
        }
        tokio::time::sleep(Duration::from_millis(self.stall_ms)).await;
        Ok(())
    }

    async fn send_slowly(&self, request: Request, pause_ms: u64) -> Result<Reply> {
        let (request, sender) = request.streamed();
        let body = self.body.clone().unwrap_or_default();
        let sending = async move {
            for byte in body.bytes() {
                if sender.send(vec![byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
        };
        join(request.send(), sending).await.0
    }
}

/// An id that no other request of this process has, for `x-request-id`.
pub fn unique_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("hostile-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

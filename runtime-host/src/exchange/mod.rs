//! The contract between a front end and the engine.
//!
//! A *front end* speaks a protocol to the outside (`ext_proc` to Envoy, `dev` to a plain HTTP
//! client). The *engine* runs a Worker's JavaScript. Neither names the other: for each HTTP
//! exchange the front end calls [`Engine::start`], then posts [`Event`]s and carries out
//! [`Command`]s. This module names neither Envoy nor V8.
//!
//! ```text
//!   front end ──Start, Event──▶ engine      (post() runs the Worker's turn inline when it is free)
//!   front end ◀──Command────── Outbox ◀── engine
//! ```

mod head;
mod outbox;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use head::{HeaderList, RequestHead, ResponseHead, has_authority};
pub use outbox::Outbox;

/// Body bytes that may be on their way to JavaScript and not yet taken by it, per body.
/// A front end stops reading its peer above this; it is also the size of a useful HTTP/2 window.
pub const BODY_WINDOW_BYTES: usize = 256 * 1024;

/// Which of an exchange's two bodies is meant. For bytes that *arrive* it is the client's request
/// body or the upstream's response body; for bytes that *leave* it is the request body that goes
/// to the upstream or the response body that goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Request,
    Response,
}

/// What a handler did with a body that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutBody {
    /// The body that arrived on the same side, untouched by JavaScript.
    AsItCame,
    /// No body at all.
    Empty,
    /// All of it, known now.
    Full(Bytes),
    /// [`Command::Body`] and then [`Command::BodyEnd`] or [`Command::BodyError`] follow. When the
    /// head that comes with it has a `content-length` that is how many bytes there will be, or a
    /// [`Command::BodyError`] in the place of those that are missing.
    Stream,
}

/// The first `fetch()` to the request's own origin: the exchange goes on to its upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continue {
    /// The request as it shall leave; `None` when the handler changed nothing of it.
    /// The front end computes the difference to what arrived.
    pub head: Option<RequestHead>,
    pub body: OutBody,
}

/// The handler's answer. Before a [`Continue`] it is a short circuit; after it, it replaces or
/// rewrites the upstream's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Respond {
    /// The response as it shall leave; `None` (only after a `Continue`, with
    /// [`OutBody::AsItCame`]) is the upstream's, unchanged. When that comes in the same batch as
    /// the `Continue` the handler will never look at the response: its phase need not happen.
    pub head: Option<ResponseHead>,
    pub body: OutBody,
}

/// What the engine asks of a front end. Commands of one turn arrive as one batch: a front end
/// drains the [`Outbox`] wholly before it decides what to send.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// JavaScript reads this arriving body for the first time: deliver it as [`Event::Chunk`]…
    /// [`Event::End`], or say [`Event::BodyError`].
    ReadBody(Side),
    /// JavaScript took this many bytes of what was delivered (see [`BODY_WINDOW_BYTES`]).
    Consumed(Side, usize),
    /// JavaScript does not want the rest of this arriving body: read and drop it.
    CancelBody(Side),
    /// At most once.
    Continue(Continue),
    /// At most once.
    Respond(Respond),
    /// A chunk of a leaving [`OutBody::Stream`]; never empty. Call [`Outbox::release`] once it
    /// was handed to the network.
    Body(Side, Bytes),
    BodyEnd(Side),
    /// The stream failed after it began: cut the message off so that the peer sees it.
    BodyError(Side, String),
    /// The Worker is out of the picture (passThroughOnException, fail-open): the exchange goes on
    /// as it came. Before a `Continue`: the request; after it: the upstream's response.
    /// Never sent when JavaScript has read a body that would be needed.
    PassThrough,
    /// Values the Worker publishes to the proxy (Envoy dynamic metadata): a JSON object.
    Metadata(serde_json::Map<String, serde_json::Value>),
}

/// Why an exchange ended, as the front end saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// All that was asked was delivered.
    Complete,
    /// The client or the proxy went away first.
    Disconnected,
}

/// What a front end tells the engine about a started exchange.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A part of an arriving body, after [`Command::ReadBody`]; never empty.
    Chunk(Side, Bytes),
    /// The arriving body is complete.
    End(Side),
    /// The body can't be delivered. The text is shown to the Worker's author: it must say what to
    /// do (for instance name the proxy setting).
    BodyError(Side, String),
    /// The upstream's response head, after a [`Continue`].
    Response(ResponseHead),
    /// No response will come (a front end whose proxy answers by itself never says this).
    ResponseFailed(String),
    /// What the Worker wrote to this leaving body has been handed to the network: see
    /// [`Outbox::release`].
    Drained(Side),
    /// The last event. Nothing more is carried out; running work is cancelled when the peer
    /// disconnected, `waitUntil` work goes on.
    Closed(Close),
}

/// What happens to a request when the *host* fails it (Worker missing or not startable, overload,
/// internal error), chosen by the operator per route. A Worker's own exception is not a host error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureMode {
    /// The request goes on to its upstream untouched.
    Open,
    /// The client gets an error page.
    #[default]
    Closed,
}

/// A request as a front end hands it over.
#[derive(Clone, Debug)]
pub struct Start {
    pub request: RequestHead,
    /// The Worker that the proxy named for this request, if any; else routes decide.
    pub worker: Option<String>,
    /// `None`: the configured default.
    pub failure_mode: Option<FailureMode>,
    /// For logs: the proxy's `x-request-id` or one made up.
    pub request_id: String,
    /// What JavaScript sees as `request.cf`: facts the proxy knows (addresses, TLS, route …).
    pub cf: serde_json::Map<String, serde_json::Value>,
    /// The front end wants to know what became of it: [`Start::report`] comes before the response.
    pub reports: bool,
}

impl Start {
    /// Values about the exchange itself, if the front end wants them.
    pub fn report(
        &self,
        (worker, version): (&str, &str),
        outcome: &str,
        cpu: Duration,
    ) -> Option<Command> {
        self.reports.then(|| {
            let mut values = serde_json::Map::new();
            values.insert("worker".into(), worker.into());
            values.insert("version".into(), version.into());
            values.insert("outcome".into(), outcome.into());
            let cpu = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
            values.insert("cpu_us".into(), cpu.into());
            Command::Metadata(values)
        })
    }
}

/// A started exchange, as the front end holds it. Dropping it is `Closed(Disconnected)`.
pub trait Session: Send {
    /// Hands an event over. When the Worker's isolate is free its turn runs on this thread before
    /// `post` returns, and the commands it gave are in the outbox then; otherwise they arrive
    /// later and wake whoever polls the outbox. Never blocks on an isolate.
    fn post(&self, event: Event);
    fn outbox(&self) -> &Arc<Outbox>;
    /// This Worker's handlers read the upstream's response body before they answer, as its
    /// operator said or [`Session::response_did_not_fit`] did. A front end may then have the body
    /// sent to it from the start; without it the body is asked for later, which can cost a round
    /// trip and limit its size.
    fn reads_response_first(&self) -> bool {
        false
    }
    /// The handler reads a response before it answers, and got an error for it: asked for that
    /// late, a body of this size can't be had.
    fn response_did_not_fit(&self) {}
}

/// What [`Engine::start`] found for a request.
pub enum Started {
    /// No Worker for this request: let it go on untouched, at once.
    NoWorker,
    Session(Box<dyn Session>),
}

/// Chooses the Worker for a request and begins its handler, inline when the isolate is free.
pub trait Engine: Send + Sync + 'static {
    fn start(&self, start: Start) -> Started;
}

//! What goes into an isolate and what comes out of it, besides an exchange's commands.
//!
//! An isolate does no I/O: it takes [`Message`]s, runs JavaScript, and gives [`Effect`]s for the
//! engine to carry out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::body::UploadFlow;
use super::cache::{Answered, CacheAsk};
use super::socket::{SocketEvent, SocketFrame, SocketId, SocketOpen};
use crate::egress::loops::Sent;
use crate::exchange::{Event, HeaderList, Outbox, Start};
use crate::limits::LimitSet;
use crate::telemetry::Outcome;

/// Names one invocation of a handler within an isolate; never reused by it, never 0.
pub type InvocationId = u32;
/// Names an arriving body (request, upstream response or subrequest response); never 0.
pub type BodyId = u32;
/// Names a leaving body that JavaScript writes; never 0.
pub type LeavingId = u32;
/// Names a pending asynchronous op; chosen by JavaScript.
pub type OpId = u32;

/// An event for an isolate.
pub enum Message {
    /// Begin the handler for a request.
    Start {
        id: InvocationId,
        start: Box<Start>,
        outbox: Arc<Outbox>,
    },
    /// The front end says something about an exchange.
    Exchange {
        id: InvocationId,
        event: Event,
    },
    Timer {
        id: InvocationId,
        timer: u32,
    },
    /// A subrequest's response head, or why there is none (a text for the Worker's author).
    Subrequest {
        id: InvocationId,
        op: OpId,
        result: Result<SubrequestHead, String>,
    },
    /// Part of a subrequest's response body.
    Chunk {
        body: BodyId,
        chunk: Bytes,
    },
    End {
        body: BodyId,
    },
    Failed {
        body: BodyId,
        reason: String,
    },
    /// An upload may take more.
    UploadRoom {
        leaving: LeavingId,
    },
    /// The cache's answer, or why there is none (a text for the Worker's author).
    Answered {
        id: InvocationId,
        op: OpId,
        /// Of an asked response.
        body: Option<BodyId>,
        result: Result<Answered, String>,
    },
    Socket {
        socket: SocketId,
        event: SocketEvent,
    },
    /// The invocation's time is up.
    Expired {
        id: InvocationId,
        limit: Expiry,
    },
}

/// Which clock ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// `limits.wall_ms` since the request's head.
    Wall,
    /// `limits.wait_until_ms` since the response.
    WaitUntil,
}

/// The head of a subrequest's response.
#[derive(Debug)]
pub struct SubrequestHead {
    /// Given by the isolate with [`Effect::Subrequest`].
    pub body: BodyId,
    pub status: u16,
    /// The reason phrase, or the status's standard one.
    pub status_text: String,
    pub headers: HeaderList,
    /// The final URL.
    pub url: String,
    pub redirected: bool,
    /// How many bytes the body has, if it is known.
    pub length: Option<u64>,
    /// Whether the response can have a body, be it empty: not one to HEAD.
    pub has_body: bool,
}

/// What a Worker is told that asks for its exchange's own authority, by a URL or by a redirect,
/// without an `origin` to send it to.
pub const OWN_AUTHORITY_NEEDS_ORIGIN: &str = "fetch() to the request's own authority works once: \
    it continues the exchange. For further requests to it, set `origin` for this Worker in \
    nano.toml, under [worker.NAME]";

/// A `fetch()` that leaves the exchange.
#[derive(Debug)]
pub struct Subrequest {
    pub id: InvocationId,
    pub op: OpId,
    /// The id that the response's body shall have.
    pub body: BodyId,
    pub method: Bytes,
    pub url: url::Url,
    pub headers: HeaderList,
    pub upload: Upload,
    pub redirect: Redirect,
    /// The id that the WebSocket shall have which this asks for (`upgrade: websocket`); 0: it does not.
    pub socket: SocketId,
    /// The authority that the exchange's own request has: what goes to it, be it by a redirect,
    /// goes to the Worker's configured `origin`.
    pub own_authority: Bytes,
    /// What the invocation sent, this one counted: each redirect is one more.
    pub sent: Arc<Sent>,
}

/// A subrequest's body.
#[derive(Debug)]
pub enum Upload {
    Empty,
    Full(Bytes),
    /// [`Effect::UploadChunk`] and then [`Effect::UploadEnd`] follow under this id.
    Stream {
        leaving: LeavingId,
        flow: Arc<UploadFlow>,
        /// How many bytes there will be, if it is known.
        length: Option<u64>,
    },
}

impl Upload {
    /// The id of a streamed one.
    pub fn leaving(&self) -> Option<LeavingId> {
        match self {
            Self::Stream { leaving, .. } => Some(*leaving),
            Self::Empty | Self::Full(_) => None,
        }
    }
}

/// `RequestInit.redirect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirect {
    Follow,
    Manual,
    Error,
}

/// What the engine does for an isolate after a turn, in order.
#[derive(Debug)]
pub enum Effect {
    Subrequest(Box<Subrequest>),
    /// JavaScript reads this subrequest's response body: begin delivering it.
    ReadBody(BodyId),
    /// JavaScript took this many bytes of it.
    Consumed(BodyId, usize),
    /// Nobody wants the body (or the response that has not come yet): drop the connection.
    CancelBody(BodyId),
    UploadChunk(LeavingId, Bytes),
    UploadEnd(LeavingId),
    UploadError(LeavingId, String),
    Timer {
        id: InvocationId,
        timer: u32,
        delay: Duration,
    },
    ClearTimer {
        id: InvocationId,
        timer: u32,
    },
    Cache(Box<CacheAsk>),
    SocketOpen(Box<SocketOpen>),
    /// Begin delivering what comes over a WebSocket that a subrequest asked for.
    SocketAccept(SocketId),
    SocketSend(SocketId, SocketFrame),
    /// JavaScript took this many bytes of messages.
    SocketConsumed(SocketId, usize),
    /// Close the connection with this code and forget it: nobody listens any more.
    SocketDrop(SocketId, u16),
    /// The response was given; `waitUntil` work may go on for its time.
    WaitUntil {
        id: InvocationId,
    },
    /// Nothing more will happen for this invocation.
    Finished(Box<Finished>),
}

/// How an invocation ended: what a log line and the metrics say.
#[derive(Debug)]
pub struct Finished {
    pub id: InvocationId,
    pub request_id: String,
    pub outcome: Outcome,
    /// The status the Worker gave; 0 when the upstream's response passed as it came.
    pub status: u16,
    pub cpu: Duration,
    pub wall: Duration,
    /// Exception text with the stack, for the log.
    pub error: Option<String>,
    pub limits: LimitSet,
}

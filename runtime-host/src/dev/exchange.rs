//! One request, from its head to the end of its response: carries out what the engine asks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use super::arriving::{Arrived, Arriving};
use super::framing::Length;
use super::heads;
use super::leaving::{Part, Sent, Source, feed, leaving};
use super::upstream::{Answer, Coming};
use super::{DevSettings, framing, page, tunnel, upstream};
use crate::client::{BoxError, RawBody};
use crate::exchange::{
    Close, Command, Continue, Engine, Event, OutBody, RequestHead, Respond, ResponseHead, Session,
    Side, Start, Started,
};

/// How long the rest of a request's body is read after the response is complete, so that the
/// client gets to read that instead of a reset connection.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What all exchanges of a port share.
pub(super) struct Shared {
    pub engine: Arc<dyn Engine>,
    pub settings: DevSettings,
}

/// Where the response goes.
type Reply = oneshot::Sender<Response<RawBody>>;

/// Runs one exchange. The receiver of `reply` being dropped means that the client is gone.
pub(super) async fn run(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    shared: Arc<Shared>,
    reply: Reply,
) {
    let upgrade = heads::is_upgrade(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let head = heads::request_head(&parts, !body.is_end_stream());
    let start = start_of(&head, parts.version, peer);
    let started = shared.engine.start(start);
    let body = body.map_err(BoxError::from).boxed_unsync();
    let mut exchange = Exchange::new(shared, head, body, upgrade, reply);
    match started {
        Started::Session(session) => exchange.session = Some(session),
        Started::NoWorker => exchange.pass_through(),
    }
    let close = loop {
        if let Some(close) = exchange.closed {
            break close;
        }
        let happening = std::future::poll_fn(|cx| exchange.poll(cx)).await;
        exchange.handle(happening);
    };
    exchange.post(Event::Closed(close));
    let rest = std::mem::take(&mut exchange.arriving[Side::Request as usize]);
    drop(exchange);
    if close == Close::Complete && tokio::time::timeout(DRAIN_TIMEOUT, rest.drain()).await.is_err()
    {
        tracing::debug!(%peer, "a client goes on sending a request that was answered");
    }
}

fn start_of(head: &RequestHead, version: http::Version, peer: SocketAddr) -> Start {
    let given = head.headers.get("x-request-id").map(|id| String::from_utf8_lossy(id).into_owned());
    let mut cf = serde_json::Map::new();
    // As the proxy writes them.
    let protocol = match version {
        http::Version::HTTP_2 => "HTTP/2",
        http::Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    cf.insert("httpProtocol".to_owned(), protocol.into());
    cf.insert("clientAddress".to_owned(), peer.to_string().into());
    cf.insert("clientPort".to_owned(), peer.port().into());
    Start {
        request: head.clone(),
        worker: None,
        failure_mode: None,
        request_id: given.unwrap_or_else(random_id),
        cf,
        reports: false,
    }
}

fn random_id() -> String {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::warn!(%error, "no randomness for a request id");
    }
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// What an exchange waits for.
enum Happening {
    Commands,
    Sent(Sent),
    Upstream(Result<Answer, String>),
    Arrived(Side, Arrived),
    ClientGone,
}

/// A response that waits for the origin's.
struct Ready {
    head: Option<ResponseHead>,
    body: Option<Source>,
}

struct Exchange {
    shared: Arc<Shared>,
    session: Option<Box<dyn Session>>,
    request: RequestHead,
    /// By [`Side`].
    arriving: [Arriving; 2],
    /// By [`Side`]: where the Worker's chunks go.
    feeds: [Option<UnboundedSender<Part>>; 2],
    report: UnboundedSender<Sent>,
    sent: UnboundedReceiver<Sent>,
    batch: Vec<Command>,
    continued: bool,
    upstream: Option<Coming>,
    /// The origin's head, once there.
    answered: Option<ResponseHead>,
    /// The client's and the origin's end of an upgrade.
    upgrades: [Option<OnUpgrade>; 2],
    ready: Option<Ready>,
    reply: Option<Reply>,
    closed: Option<Close>,
}

impl Exchange {
    fn new(
        shared: Arc<Shared>,
        request: RequestHead,
        body: RawBody,
        upgrade: Option<OnUpgrade>,
        reply: Reply,
    ) -> Self {
        let (report, sent) = mpsc::unbounded_channel();
        Self {
            shared,
            session: None,
            request,
            arriving: [Arriving::Untouched(body), Arriving::Gone],
            feeds: [None, None],
            report,
            sent,
            batch: Vec::new(),
            continued: false,
            upstream: None,
            answered: None,
            upgrades: [upgrade, None],
            ready: None,
            reply: Some(reply),
            closed: None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Happening> {
        if let Some(session) = &self.session
            && session.outbox().poll_drain(cx, &mut self.batch).is_ready()
        {
            return Poll::Ready(Happening::Commands);
        }
        if let Poll::Ready(Some(sent)) = self.sent.poll_recv(cx) {
            return Poll::Ready(Happening::Sent(sent));
        }
        if let Some(upstream) = &mut self.upstream
            && let Poll::Ready(result) = upstream.as_mut().poll(cx)
        {
            self.upstream = None;
            return Poll::Ready(Happening::Upstream(result));
        }
        for side in [Side::Request, Side::Response] {
            if let Poll::Ready(arrived) = self.arriving[side as usize].poll(cx) {
                return Poll::Ready(Happening::Arrived(side, arrived));
            }
        }
        match &mut self.reply {
            Some(reply) => reply.poll_closed(cx).map(|()| Happening::ClientGone),
            None => Poll::Pending,
        }
    }

    fn handle(&mut self, happening: Happening) {
        match happening {
            Happening::Commands => {
                for command in std::mem::take(&mut self.batch) {
                    self.carry_out(command);
                }
            }
            Happening::Sent(Sent::Bytes(side, bytes)) => self.release(side, bytes),
            Happening::Sent(Sent::End { side: Side::Request, .. }) => {}
            Happening::Sent(Sent::End { side: Side::Response, complete }) => {
                self.close(if complete { Close::Complete } else { Close::Disconnected });
            }
            Happening::Upstream(result) => self.upstream_answered(result),
            Happening::Arrived(side, Arrived::Chunk(chunk)) => self.post(Event::Chunk(side, chunk)),
            Happening::Arrived(side, Arrived::End) => self.post(Event::End(side)),
            Happening::Arrived(side, Arrived::Failed(reason)) => {
                self.post(Event::BodyError(side, broken(side, &reason)));
                if side == Side::Request {
                    // Half a request: its client is gone. hyper would wait for a response.
                    self.close(Close::Disconnected);
                }
            }
            Happening::ClientGone => self.close(Close::Disconnected),
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::ReadBody(side) => {
                if !self.arriving[side as usize].read() {
                    self.post(Event::End(side));
                }
            }
            Command::Consumed(side, bytes) => self.arriving[side as usize].consumed(bytes),
            Command::CancelBody(side) => self.arriving[side as usize].discard(),
            Command::Continue(Continue { head, body }) => self.go_on(head, body),
            Command::Respond(Respond { head, body }) => self.respond(head, body),
            Command::Body(side, chunk) => {
                let bytes = chunk.len();
                if !self.feed(side, Part::Chunk(chunk)) {
                    self.release(side, bytes);
                }
            }
            Command::BodyEnd(side) => {
                self.feed(side, Part::End);
            }
            Command::BodyError(side, reason) => {
                self.feed(side, Part::Failed(reason));
            }
            Command::PassThrough => self.pass_through(),
            Command::Metadata(values) => {
                tracing::debug!(?values, "metadata for the proxy; there is none here");
            }
        }
    }

    /// The exchange goes on as it came.
    fn pass_through(&mut self) {
        if !self.continued {
            self.go_on(None, OutBody::AsItCame);
        }
        self.respond(None, OutBody::AsItCame);
    }

    /// Sends the request to the origin.
    fn go_on(&mut self, head: Option<RequestHead>, body: OutBody) {
        self.continued = true;
        // A declared length is the engine's word only where the engine gave the head.
        let fed = if head.is_some() { Length::AsDeclared } else { Length::Open };
        let mut head = head.unwrap_or_else(|| self.request.clone());
        let passed = body == OutBody::AsItCame;
        let source = self.source(Side::Request, body);
        let Some(origin) = self.shared.settings.origin.clone() else {
            return self.upstream_answered(Ok(upstream::bad_gateway(page::NO_ORIGIN)));
        };
        let source = source.unwrap_or(Source::Empty);
        head.has_body = !matches!(source, Source::Empty);
        if !passed || self.upgrades[0].is_none() {
            head.headers.remove("upgrade");
            head.headers.remove("connection");
        }
        let length = framing::of_request(&head.method, &source, fed);
        match heads::to_origin(&head, &origin, length) {
            Ok(message) => {
                let body = leaving(Side::Request, source, None, &self.report);
                let client = self.shared.settings.client.clone();
                self.upstream = Some(upstream::send(client, origin, message.map(|()| body)));
            }
            Err(heads::BadHead(reason)) => self.upstream_answered(Err(reason)),
        }
    }

    fn upstream_answered(&mut self, result: Result<Answer, String>) {
        match result {
            Ok(Answer { head, body, upgrade }) => {
                self.answered = Some(head.clone());
                self.arriving[Side::Response as usize] = Arriving::Untouched(body);
                self.upgrades[1] = upgrade;
                // Nobody waits for the head when the answer is there already.
                if self.ready.is_none() {
                    self.post(Event::Response(head));
                }
            }
            Err(reason) => {
                let page = upstream::bad_gateway(&format!("The origin failed: {reason}\n"));
                self.answered = Some(page.head);
                self.arriving[Side::Response as usize] = Arriving::Untouched(page.body);
                if self.ready.is_none() {
                    self.post(Event::ResponseFailed(reason));
                }
            }
        }
        if let Some(Ready { head, body }) = self.ready.take() {
            self.send(head, body);
        }
    }

    /// The Worker's answer. After a `Continue` it waits for the origin's, as with the proxy.
    fn respond(&mut self, head: Option<ResponseHead>, body: OutBody) {
        let body = self.source(Side::Response, body);
        if self.continued && self.answered.is_none() {
            self.ready = Some(Ready { head, body });
        } else {
            self.send(head, body);
        }
    }

    /// Where a leaving body comes from; `None` when it is the one that came.
    fn source(&mut self, side: Side, body: OutBody) -> Option<Source> {
        match body {
            // The origin's body may not be there yet.
            OutBody::AsItCame if side == Side::Response => None,
            OutBody::AsItCame => self.arriving[side as usize].pass_on().map(Source::Passed),
            OutBody::Empty => Some(Source::Empty),
            OutBody::Full(bytes) => Some(Source::Full(bytes)),
            OutBody::Stream => {
                let (sender, source) = feed(side, &self.report);
                self.feeds[side as usize] = Some(sender);
                Some(source)
            }
        }
    }

    fn send(&mut self, head: Option<ResponseHead>, source: Option<Source>) {
        let Some(reply) = self.reply.take() else { return };
        let Some(head) = head.or_else(|| self.answered.take()) else {
            tracing::error!("the engine asked for the origin's response, which there is none of");
            return self.fail(reply);
        };
        let passed = source.is_none();
        let source = source
            .or_else(|| self.arriving[Side::Response as usize].pass_on().map(Source::Passed))
            .unwrap_or(Source::Empty);
        if head.status == 101 && passed {
            self.upgrade();
        }
        let (source, length) = framing::of_response(&self.request.method, head.status, source);
        match heads::to_client(&head, length) {
            Ok(response) => {
                let declared = framing::declared(length, response.headers());
                let body = leaving(Side::Response, source, declared, &self.report);
                self.deliver(reply, response.map(|()| body));
            }
            Err(heads::BadHead(reason)) => {
                tracing::error!(reason, "the Worker's response can't be sent");
                self.fail(reply);
            }
        }
    }

    fn deliver(&mut self, reply: Reply, response: Response<RawBody>) {
        if reply.send(response).is_err() {
            self.close(Close::Disconnected);
        }
    }

    fn fail(&mut self, reply: Reply) {
        self.deliver(reply, page::internal_error());
        self.close(Close::Complete);
    }

    /// Joins the two connections once hyper has sent the 101.
    fn upgrade(&mut self) {
        if let [Some(client), Some(origin)] = self.upgrades.each_mut().map(Option::take) {
            tokio::spawn(tunnel::run(client, origin));
        }
    }

    /// Hands a part to a leaving body; `false` when nobody takes it any more.
    fn feed(&mut self, side: Side, part: Part) -> bool {
        self.feeds[side as usize].as_ref().is_some_and(|feed| feed.send(part).is_ok())
    }

    fn release(&mut self, side: Side, bytes: usize) {
        if let Some(session) = &self.session
            && session.outbox().release(side, bytes)
        {
            session.post(Event::Drained(side));
        }
    }

    fn post(&mut self, event: Event) {
        if let Some(session) = &self.session {
            session.post(event);
        }
    }

    /// The first reason stays.
    fn close(&mut self, close: Close) {
        self.closed.get_or_insert(close);
    }
}

fn broken(side: Side, reason: &str) -> String {
    match side {
        Side::Request => format!("the client broke its request off: {reason}"),
        Side::Response => format!("the origin broke its response off: {reason}"),
    }
}

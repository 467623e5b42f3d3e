//! A WebSocket's task: the handshake, the frames in both directions, and the end.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error, Utf8Bytes};

use super::actor::Actor;
use crate::client::{Connection, FetchBody, FetchRequest, Origin, Override, Redirect};
use crate::exchange::{BODY_WINDOW_BYTES, has_authority};
use crate::isolate::message::{Message, OWN_AUTHORITY_NEEDS_ORIGIN};
use crate::isolate::socket::{SocketEvent, SocketFrame, SocketId, SocketOpen};
use crate::limits::Limit;

/// How long the peer may take to answer a closing handshake, and to close the connection after it.
const CLOSING: Duration = Duration::from_secs(10);

/// How long a connection that nobody listens to any more may take to be closed in good order.
const GOING: Duration = Duration::from_secs(1);

/// Bytes that are read, and collected before they are written, at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// The connection ended without a closing handshake (RFC 6455 section 7.4.1).
const ABNORMAL: u16 = 1006;
/// The closing handshake named no code.
const NO_CODE: u16 = 1005;

type Stream = WebSocketStream<Metered>;

/// What the engine says to a WebSocket's task.
#[derive(Debug)]
pub(super) enum Order {
    Send(SocketFrame),
    /// Close with this code and end.
    Drop(u16),
}

/// A WebSocket as the engine holds it.
pub(super) struct Handle {
    pub orders: mpsc::UnboundedSender<Order>,
    pub inbound: Arc<Inbound>,
}

/// What came and was not taken: of one WebSocket, and of all of an isolate.
#[derive(Debug)]
pub(super) struct Inbound {
    /// Bytes of messages that are not whole yet.
    assembling: AtomicUsize,
    /// Bytes of messages on their way to JavaScript.
    waiting: AtomicUsize,
    room: Notify,
    accepted: Notify,
    all: Arc<AtomicUsize>,
    most: usize,
}

impl Inbound {
    fn new(all: Arc<AtomicUsize>, most: usize) -> Arc<Self> {
        Arc::new(Self {
            assembling: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
            accepted: Notify::new(),
            all,
            most,
        })
    }

    /// Begin delivering.
    pub fn accept(&self) {
        self.accepted.notify_one();
    }

    /// JavaScript took bytes.
    pub fn consumed(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::AcqRel);
        self.all.fetch_sub(bytes, Ordering::AcqRel);
        self.room.notify_one();
    }

    /// Counts bytes from the connection; false when they are more than the isolate may have waiting.
    fn arrived(&self, bytes: usize) -> bool {
        self.assembling.fetch_add(bytes, Ordering::AcqRel);
        self.all.fetch_add(bytes, Ordering::AcqRel) + bytes <= self.most
    }

    /// A control frame with so many bytes is gone; it may have come between the frames of a message.
    fn dropped(&self, bytes: usize) {
        let least = bytes + 2;
        let before = self.assembling.load(Ordering::Acquire);
        // Only this task changes it.
        self.assembling.store(before.saturating_sub(least), Ordering::Release);
        self.all.fetch_sub(before.min(least), Ordering::AcqRel);
    }

    /// A message is whole: waits while too much is on its way, and counts it as that.
    async fn admit(&self, bytes: usize) {
        while self.waiting.load(Ordering::Acquire) >= BODY_WINDOW_BYTES {
            self.room.notified().await;
        }
        let assembled = self.assembling.swap(0, Ordering::AcqRel);
        self.waiting.fetch_add(bytes, Ordering::AcqRel);
        self.all.fetch_add(bytes, Ordering::AcqRel);
        self.all.fetch_sub(assembled, Ordering::AcqRel);
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        let left = self.assembling.get_mut().saturating_add(*self.waiting.get_mut());
        self.all.fetch_sub(left, Ordering::AcqRel);
    }
}

/// A connection whose bytes are counted as they are read: a message that comes in many frames is in memory
/// before anybody sees it.
struct Metered {
    connection: Connection,
    inbound: Arc<Inbound>,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.connection).poll_read(cx, buf);
        if self.inbound.arrived(buf.filled().len() - before) {
            read
        } else {
            Poll::Ready(Err(io::Error::from(io::ErrorKind::OutOfMemory)))
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

/// Starts a WebSocket's task. `all` counts what all of the isolate's have waiting.
pub(super) fn launch(
    actor: &Arc<Actor>,
    open: SocketOpen,
    connections: Arc<Semaphore>,
    all: &Arc<AtomicUsize>,
) -> Handle {
    if let Some(metrics) = actor.metrics() {
        metrics.subrequests.inc();
    }
    let (orders, received) = mpsc::unbounded_channel();
    let inbound = Inbound::new(Arc::clone(all), actor.bundle().settings.limits.memory_bytes());
    let task = open_and_run(Arc::clone(actor), open, connections, received, Arc::clone(&inbound));
    actor.services().runtime.spawn(task);
    Handle { orders, inbound }
}

/// Adopts the connection of a subrequest that asked for a WebSocket, in the subrequest's own task.
pub(super) fn adopt(
    actor: &Arc<Actor>,
    socket: SocketId,
    connection: Connection,
    all: &Arc<AtomicUsize>,
) -> (Handle, impl Future<Output = ()> + Send + use<>) {
    let (orders, mut received) = mpsc::unbounded_channel();
    let inbound = Inbound::new(Arc::clone(all), actor.bundle().settings.limits.memory_bytes());
    let handle = Handle { orders, inbound: Arc::clone(&inbound) };
    let actor = Arc::clone(actor);
    let run = async move {
        let mut early = Vec::new();
        // Until it is accepted nothing is read.
        loop {
            tokio::select! {
                () = inbound.accepted.notified() => break,
                order = received.recv() => match order {
                    Some(Order::Send(frame)) => early.push(frame),
                    Some(Order::Drop(_)) | None => return,
                },
            }
        }
        converse(&actor, socket, connection, early, &mut received, &inbound).await;
    };
    (handle, run)
}

async fn open_and_run(
    actor: Arc<Actor>,
    open: SocketOpen,
    connections: Arc<Semaphore>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    inbound: Arc<Inbound>,
) {
    let socket = open.socket;
    let connected = {
        let mut connecting = pin!(connect(&actor, open, connections));
        tokio::select! {
            connected = &mut connecting => connected,
            order = orders.recv() => match order {
                Some(Order::Send(_)) => {
                    Err("WebSocket is closed before the connection is established.".into())
                }
                Some(Order::Drop(_)) | None => {
                    actor.io().forget_socket(socket);
                    return;
                }
            },
        }
    };
    match connected {
        Err(error) => fail(&actor, socket, error),
        Ok((connection, protocol)) => {
            let event = SocketEvent::Open(protocol);
            if actor.post(Message::Socket { socket, event }).is_ok() {
                converse(&actor, socket, connection, Vec::new(), &mut orders, &inbound).await;
            }
        }
    }
    actor.io().forget_socket(socket);
}

fn fail(actor: &Arc<Actor>, socket: SocketId, error: String) {
    let (code, reason, error) = (ABNORMAL, String::new(), Some(error));
    let event = SocketEvent::Closed { code, reason, clean: false, error };
    // A dead actor has nobody who waits.
    let _ = actor.post(Message::Socket { socket, event });
}

/// The opening handshake: a connection and the protocol that the server chose.
async fn connect(
    actor: &Arc<Actor>,
    open: SocketOpen,
    connections: Arc<Semaphore>,
) -> Result<(Connection, String), String> {
    // Held until the handshake is done, as for other subrequests.
    let _permit = if let Ok(permit) = Arc::clone(&connections).try_acquire_owned() {
        permit
    } else {
        if let Some(metrics) = actor.metrics() {
            metrics.reached(Limit::Connections);
        }
        connections.acquire_owned().await.map_err(|error| error.to_string())?
    };
    let worker = actor.worker().ok_or("the Worker was removed")?;
    let client = worker.client(actor.services());
    let origin = &actor.bundle().settings.origin;
    if origin.is_none() && has_authority(&open.url, &open.own_authority) {
        return Err(OWN_AUTHORITY_NEEDS_ORIGIN.into());
    }
    let mut url = open.url;
    let mut headers = open.headers;
    if !open.protocols.is_empty() {
        headers.push("sec-websocket-protocol", open.protocols.join(", "));
    }
    if let Some(credentials) = take_credentials(&mut url) {
        headers.push("authorization", credentials);
    }
    let target = origin.as_ref().map(Origin::of).transpose().map_err(|e| e.to_string())?;
    let request = FetchRequest {
        headers,
        body: FetchBody::Empty,
        redirect: Redirect::Error,
        override_target: target
            .map(|target| Override { authority: open.own_authority.clone(), target }),
        ..FetchRequest::get(url)
    };
    let (response, connection) =
        client.websocket(request).await.map_err(|error| error.to_string())?;
    let Some(connection) = connection else {
        let status = response.status;
        return Err(format!("the server answered the WebSocket handshake with status {status}"));
    };
    let chosen = response.headers.get("sec-websocket-protocol");
    let chosen = chosen.map(|chosen| String::from_utf8_lossy(chosen).into_owned());
    match chosen {
        None if open.protocols.is_empty() => Ok((connection, String::new())),
        None => Err("the server chose none of the WebSocket protocols that were offered".into()),
        Some(chosen) if open.protocols.contains(&chosen) => Ok((connection, chosen)),
        Some(chosen) => Err(format!(
            "the server chose the WebSocket protocol {chosen:?}, which was not offered"
        )),
    }
}

/// A URL's user and password as an `authorization` field.
fn take_credentials(url: &mut url::Url) -> Option<String> {
    use base64::Engine as _;

    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut text = percent_decoded(url.username());
    text.push(b':');
    text.extend(percent_decoded(url.password().unwrap_or_default()));
    // Fails only for URLs without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text)))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.filter(|_| *first == b'%').and_then(|p| u8::from_str_radix(p, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

// ---- The conversation ----

async fn converse(
    actor: &Arc<Actor>,
    socket: SocketId,
    connection: Connection,
    early: Vec<SocketFrame>,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    inbound: &Arc<Inbound>,
) {
    let most = actor.bundle().settings.limits.websocket_message_bytes();
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(most))
        .max_frame_size(Some(most));
    let metered = Metered { connection, inbound: Arc::clone(inbound) };
    let stream = Stream::from_raw_socket(metered, Role::Client, Some(config)).await;
    let (mut sink, mut source) = stream.split();
    let mut said = None;
    let end = {
        let talk = Talk { actor, socket };
        let mut listening = pin!(talk.listen(&mut source, inbound, most));
        let mut speaking = pin!(talk.speak(&mut sink, early, orders));
        tokio::select! {
            end = &mut listening => end,
            end = &mut speaking => match end {
                Spoken::Closing => match timeout(CLOSING, &mut listening).await {
                    Ok(end) => end,
                    Err(_) => End::failed("the peer did not answer the closing handshake"),
                },
                Spoken::Gone(code) => {
                    said = Some(code);
                    End::Nobody
                }
                // The other side notices as well, and may still have something to say.
                Spoken::Broken => match timeout(GOING, &mut listening).await {
                    Ok(end) => end,
                    Err(_) => End::failed("the connection was lost"),
                },
            },
        }
    };
    let goodbye = match (&end, said) {
        (End::Nobody, code) => code,
        (End::Failed { tell, .. }, _) => *tell,
        (End::Closed(_), _) => None,
    };
    if let Some(code) = goodbye {
        let frame = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
        // As far as it goes.
        let _ = timeout(GOING, sink.send(tungstenite::Message::Close(Some(frame)))).await;
    }
    drop((sink, source));
    let event = match end {
        End::Nobody => return,
        End::Closed(frame) => {
            let (code, reason) = frame.map_or((NO_CODE, String::new()), |frame| {
                (u16::from(frame.code), frame.reason.as_str().to_owned())
            });
            SocketEvent::Closed { code, reason, clean: true, error: None }
        }
        End::Failed { text, .. } => {
            let reason = String::new();
            SocketEvent::Closed { code: ABNORMAL, reason, clean: false, error: Some(text) }
        }
    };
    let _ = actor.post(Message::Socket { socket, event });
}

/// How a conversation ends.
enum End {
    /// With a closing handshake, by the peer's frame.
    Closed(Option<CloseFrame>),
    /// `tell` is what the peer hears.
    Failed { text: String, tell: Option<u16> },
    /// Nobody listens any more.
    Nobody,
}

impl End {
    fn failed(text: &str) -> Self {
        Self::Failed { text: text.into(), tell: None }
    }
}

/// Why nothing more is said.
enum Spoken {
    /// The closing handshake was begun.
    Closing,
    /// Nobody listens any more; the peer gets this code.
    Gone(u16),
    Broken,
}

struct Talk<'a> {
    actor: &'a Arc<Actor>,
    socket: SocketId,
}

impl Talk<'_> {
    fn tell(&self, event: SocketEvent) -> bool {
        self.actor.post(Message::Socket { socket: self.socket, event }).is_ok()
    }

    /// Takes frames, at JavaScript's pace. Pings are answered meanwhile.
    async fn listen(
        &self,
        source: &mut SplitStream<Stream>,
        inbound: &Inbound,
        most: usize,
    ) -> End {
        let mut closing = None;
        loop {
            let next = if closing.is_some() {
                // The handshake is over: the connection is the server's to close.
                timeout(CLOSING, source.next()).await.unwrap_or_default()
            } else {
                source.next().await
            };
            let event = match next {
                Some(Ok(tungstenite::Message::Text(text))) => SocketEvent::Text(text.into()),
                Some(Ok(tungstenite::Message::Binary(bytes))) => SocketEvent::Binary(bytes),
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    closing = Some(frame);
                    if !self.tell(SocketEvent::Closing) {
                        return End::Nobody;
                    }
                    continue;
                }
                Some(Ok(control)) => {
                    inbound.dropped(control.len());
                    continue;
                }
                Some(Err(error)) if closing.is_none() => return failure(&error, most),
                None if closing.is_none() => {
                    return End::failed(
                        "the peer closed the connection without a closing handshake",
                    );
                }
                Some(Err(_)) | None => return End::Closed(closing.flatten()),
            };
            let size = match &event {
                SocketEvent::Text(bytes) | SocketEvent::Binary(bytes) => bytes.len(),
                _ => 0,
            };
            inbound.admit(size).await;
            if !self.tell(event) {
                return End::Nobody;
            }
        }
    }

    /// Sends frames as fast as the peer takes them.
    async fn speak(
        &self,
        sink: &mut SplitSink<Stream, tungstenite::Message>,
        early: Vec<SocketFrame>,
        orders: &mut mpsc::UnboundedReceiver<Order>,
    ) -> Spoken {
        let mut waiting = early.into_iter();
        // Bytes that JavaScript was not told of yet.
        let mut left = 0;
        loop {
            let frame = match waiting.next() {
                Some(frame) => frame,
                None => match orders.recv().await {
                    Some(Order::Send(frame)) => frame,
                    Some(Order::Drop(code)) => return Spoken::Gone(code),
                    None => return Spoken::Gone(u16::from(CloseCode::Away)),
                },
            };
            let size = frame.size();
            let (message, last) = match frame {
                SocketFrame::Text(text) => (text_of(text), false),
                SocketFrame::Binary(bytes) => (tungstenite::Message::Binary(bytes), false),
                SocketFrame::Close(reason) => {
                    let frame = reason.map(|(code, reason)| CloseFrame {
                        code: CloseCode::from(code),
                        reason: reason.into(),
                    });
                    (tungstenite::Message::Close(frame), true)
                }
            };
            // What comes in one turn leaves in as few writes as it fits.
            let more = waiting.len() > 0 || !orders.is_empty();
            let sent =
                if more && !last { sink.feed(message).await } else { sink.send(message).await };
            match sent {
                // The peer was faster.
                Err(Error::ConnectionClosed | Error::AlreadyClosed) if last => {
                    return Spoken::Closing;
                }
                // It began the closing handshake.
                Err(Error::Protocol(_)) => return Spoken::Closing,
                Err(_) => return Spoken::Broken,
                Ok(()) => {}
            }
            left += size;
            if left > 0 && (!more || last || left >= BODY_WINDOW_BYTES) {
                if !self.tell(SocketEvent::Sent(left)) {
                    return Spoken::Gone(u16::from(CloseCode::Away));
                }
                left = 0;
            }
            if last {
                return Spoken::Closing;
            }
        }
    }
}

fn text_of(text: Bytes) -> tungstenite::Message {
    match Utf8Bytes::try_from(text.clone()) {
        Ok(text) => tungstenite::Message::Text(text),
        // It came out of a string of JavaScript: not reached.
        Err(_) => tungstenite::Message::Text(String::from_utf8_lossy(&text).into_owned().into()),
    }
}

fn failure(error: &Error, most: usize) -> End {
    let (text, tell) = match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            let text = format!(
                "the peer sent a message of more than {most} bytes (limits.websocket_message_mb)"
            );
            (text, Some(CloseCode::Size))
        }
        Error::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => {
            let text = "the messages that arrive are larger than the Worker's memory limit";
            (text.to_owned(), Some(CloseCode::Size))
        }
        Error::Utf8(_) => {
            ("the peer sent a text that is not UTF-8".to_owned(), Some(CloseCode::Invalid))
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            ("the peer closed the connection without a closing handshake".to_owned(), None)
        }
        Error::Protocol(error) => {
            (format!("the peer broke the WebSocket protocol: {error}"), Some(CloseCode::Protocol))
        }
        other => (format!("the connection was lost: {other}"), None),
    };
    End::Failed { text, tell: tell.map(u16::from) }
}

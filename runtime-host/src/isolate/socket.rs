//! `WebSocket`s as an isolate sees them.

use bytes::Bytes;
use v8::{Local, PinScope};

use super::dispatch::Turn;
use super::hooks::call;
use super::inbound::byte_array;
use super::message::{Effect, InvocationId};
use super::state::{self, State};
use crate::exchange::HeaderList;

/// Names a WebSocket of an isolate; never 0.
pub type SocketId = u32;

/// A WebSocket of the isolate.
#[derive(Debug)]
pub struct Socket {
    pub invocation: InvocationId,
    /// Bytes that were given to the host and did not leave it yet.
    pub unsent: usize,
}

/// A WebSocket to be opened.
#[derive(Debug)]
pub struct SocketOpen {
    pub id: InvocationId,
    pub socket: SocketId,
    /// `http:` or `https:`.
    pub url: url::Url,
    /// Those that are offered, in their order.
    pub protocols: Vec<String>,
    pub headers: HeaderList,
    /// As of a [`super::message::Subrequest`].
    pub own_authority: Bytes,
}

/// What JavaScript sends.
#[derive(Debug)]
pub enum SocketFrame {
    /// UTF-8.
    Text(Bytes),
    Binary(Bytes),
    /// Begins the closing handshake, or gives up a connection that is being made.
    Close(Option<(u16, String)>),
}

impl SocketFrame {
    /// Bytes of the message.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes.len(),
            Self::Close(_) => 0,
        }
    }
}

/// What happens to a WebSocket.
#[derive(Debug)]
pub enum SocketEvent {
    /// The connection is there, with the protocol that was chosen.
    Open(String),
    /// UTF-8.
    Text(Bytes),
    Binary(Bytes),
    /// So many bytes left the host.
    Sent(usize),
    /// The peer began the closing handshake.
    Closing,
    /// The end. `error` is a text for the Worker's author when the connection failed.
    Closed {
        code: u16,
        reason: String,
        clean: bool,
        error: Option<String>,
    },
}

/// The numbers of events in `57_websocket.js`.
const OPEN: i32 = 0;
const MESSAGE: i32 = 1;
const SENT: i32 = 2;
const CLOSING: i32 = 3;
const CLOSED: i32 = 4;

/// What a message that JavaScript can't take closes the connection with (RFC 6455 section 7.4.1).
const TOO_BIG: u16 = 1009;

impl State {
    /// A new WebSocket of an invocation. One that nothing comes of before it is accepted is none that an
    /// invocation waits for.
    pub fn add_socket(&mut self, id: InvocationId, accepted: bool) -> SocketId {
        let socket = self.socket_ids.take();
        self.sockets.insert(socket, Socket { invocation: id, unsent: 0 });
        if let Some(invocation) = self.touch(id) {
            invocation.sockets.insert(socket, accepted);
        }
        socket
    }

    /// Forgets a WebSocket.
    pub fn remove_socket(&mut self, socket: SocketId) {
        let Some(gone) = self.sockets.remove(&socket) else { return };
        if let Some(invocation) = self.touch(gone.invocation) {
            invocation.sockets.remove(&socket);
        }
    }
}

impl Turn<'_> {
    /// Tells JavaScript what happened.
    pub(super) fn socket(
        &self,
        scope: &mut PinScope<'_, '_>,
        socket: SocketId,
        event: SocketEvent,
    ) {
        // Unknown: its invocation is over, or it was given up.
        let known = state::with(scope, |s| {
            let invocation = s.sockets.get(&socket)?.invocation;
            s.touch(invocation).map(|_| ())
        });
        if known.is_none() {
            return;
        }
        let undefined: Local<'_, v8::Value> = v8::undefined(scope).into();
        let (kind, a, b, c, d) = match event {
            SocketEvent::Open(protocol) => {
                let protocol = string(scope, protocol.as_bytes()).map(Into::into);
                (OPEN, protocol.unwrap_or(undefined), undefined, undefined, undefined)
            }
            SocketEvent::Text(text) => {
                let value: Option<Local<'_, v8::Value>> = state::with(scope, |s| {
                    consumed(s, socket, text.len());
                    s.meter.fits(text.len())
                })
                .then(|| string(scope, &text).map(Into::into))
                .flatten();
                let Some(value) = value else { return self.too_big(scope, socket) };
                (MESSAGE, value, undefined, undefined, undefined)
            }
            SocketEvent::Binary(bytes) => {
                state::with(scope, |s| consumed(s, socket, bytes.len()));
                let Some(array) = byte_array(scope, &bytes) else {
                    return self.too_big(scope, socket);
                };
                (MESSAGE, array.into(), undefined, undefined, undefined)
            }
            SocketEvent::Sent(bytes) => {
                state::with(scope, |s| {
                    if let Some(socket) = s.sockets.get_mut(&socket) {
                        socket.unsent = socket.unsent.saturating_sub(bytes);
                    }
                });
                let bytes = v8::Number::new(scope, bytes as f64).into();
                (SENT, bytes, undefined, undefined, undefined)
            }
            SocketEvent::Closing => (CLOSING, undefined, undefined, undefined, undefined),
            SocketEvent::Closed { code, reason, clean, error } => {
                state::with(scope, |s| s.remove_socket(socket));
                let code = v8::Integer::new(scope, i32::from(code)).into();
                let reason = string(scope, reason.as_bytes()).map_or(undefined, Into::into);
                let clean = v8::Boolean::new(scope, clean).into();
                let error = error.and_then(|error| string(scope, error.as_bytes()));
                (CLOSED, code, reason, clean, error.map_or(undefined, Into::into))
            }
        };
        let socket = v8::Integer::new_from_unsigned(scope, socket).into();
        let kind = v8::Integer::new(scope, kind).into();
        call(scope, &self.hooks.socket, &[socket, kind, a, b, c, d]);
    }

    /// A message does not fit into the Worker's memory.
    fn too_big(&self, scope: &mut PinScope<'_, '_>, socket: SocketId) {
        state::with(scope, |s| s.effects.push(Effect::SocketDrop(socket, TOO_BIG)));
        let error = "a message does not fit into the Worker's memory limit";
        let (reason, error) = (String::new(), Some(error.to_owned()));
        self.socket(scope, socket, SocketEvent::Closed { code: 1006, reason, clean: false, error });
    }
}

/// `None` for a text that V8 can't hold.
fn string<'s>(scope: &PinScope<'s, '_>, text: &[u8]) -> Option<Local<'s, v8::String>> {
    v8::String::new_from_utf8(scope, text, v8::NewStringType::Normal)
}

fn consumed(state: &mut State, socket: SocketId, bytes: usize) {
    state.effects.push(Effect::SocketConsumed(socket, bytes));
}

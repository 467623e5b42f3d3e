"use strict";
// What happens to WebSockets, whether they lead to a server or to the other one of a pair; 57_websocket.js has the
// classes. A socket's state is here so that the host's events find it by the host's number.

const {
  ArrayPrototypePush, Map, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, Uint8Array,
} = internals.primordials;
const { Event, ErrorEvent, MessageEvent, fireEvent } = internals.events;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

// The numbers of isolate/socket.rs.
const EVENT_OPEN = 0;
const EVENT_MESSAGE = 1;
const EVENT_SENT = 2;
const EVENT_CLOSING = 3;

/** The host's number -> SocketState */
const sockets = new Map();

class SocketState {
  /** The WebSocket that events are fired at. */
  target = undefined;
  /** The host's number; 0 for one of a pair. */
  id = 0;
  /** The other one of a pair. */
  peer = undefined;
  readyState = CONNECTING;
  url = "";
  origin = "";
  protocol = "";
  binaryType = "blob";
  bufferedAmount = 0;
  /** Whether accept() must be called before events come: true for a pair's and for those of fetch(). */
  accepts = false;
  accepted = true;
  /** Events of one of a pair from before it was accepted: functions. */
  early = [];
  /** The close() of this side. */
  sentClose = false;
}

function addHostSocket(state, id) {
  state.id = id;
  MapPrototypeSet(sockets, id, state);
}

const forget = (id) => MapPrototypeDelete(sockets, id);

// ---- Events ----

const fire = (state, event) => fireEvent(state.target, event);

function fireMessage(state, data) {
  if (state.readyState !== OPEN) return;
  let value = data;
  if (typeof data !== "string") {
    value = state.binaryType === "blob" ? internals.blob.create(data, "") : TypedArrayPrototypeGetBuffer(data);
  }
  fire(state, new MessageEvent("message", { __proto__: null, data: value, origin: state.origin }));
}

function fireClose(state, code, reason, wasClean, error) {
  state.readyState = CLOSED;
  if (!wasClean) fire(state, new ErrorEvent("error", { __proto__: null, message: error ?? "WebSocket connection failed." }));
  fire(state, internals.webSocket.closeEvent(code, reason, wasClean));
}

/** Called by the host. */
function hostEvent(id, kind, a, b, c, d) {
  const state = MapPrototypeGet(sockets, id);
  if (state === undefined) return;
  switch (kind) {
    case EVENT_OPEN:
      if (state.readyState !== CONNECTING) return;
      state.readyState = OPEN;
      state.protocol = a;
      fire(state, new Event("open"));
      break;
    case EVENT_MESSAGE:
      fireMessage(state, a);
      break;
    case EVENT_SENT:
      state.bufferedAmount -= a;
      break;
    case EVENT_CLOSING:
      if (state.readyState === OPEN) state.readyState = CLOSING;
      break;
    default:
      forget(id);
      fireClose(state, a, b, c, d);
  }
}

// ---- Sending ----

const byteLength = (data) =>
  typeof data === "string" ? TypedArrayPrototypeGetByteLength(internals.encoding.encodeUtf8(data)) : TypedArrayPrototypeGetByteLength(data);

/** `data`: a string without lone surrogates, or a Uint8Array that is read now. */
function send(state, data) {
  // What is too late counts, so that a program that looks at bufferedAmount notices.
  if (state.readyState >= CLOSING) {
    state.bufferedAmount += byteLength(data);
    return;
  }
  if (state.peer !== undefined) {
    const copy = typeof data === "string" ? data : copyBytes(data);
    deliver(state.peer, () => fireMessage(state.peer, copy));
    return;
  }
  const sent = ops.socketSend(state.id, data);
  if (sent >= 0) {
    state.bufferedAmount += sent;
    return;
  }
  // https://websockets.spec.whatwg.org/#dom-websocket-send: the buffer is full.
  forget(state.id);
  state.readyState = CLOSING;
  ops.queueMicrotask(() =>
    fireClose(state, 1006, "", false, "more was sent than the Worker's memory limit before the peer took it"));
}

function copyBytes(bytes) {
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
}

/** `code` undefined: none is named. */
function close(state, code, reason) {
  if (state.readyState >= CLOSING) {
    // The closing handshake of a pair is over when both have said it.
    if (state.peer === undefined || state.sentClose) return;
  }
  state.readyState = CLOSING;
  if (state.peer === undefined) {
    ops.socketClose(state.id, code, reason);
    return;
  }
  state.sentClose = true;
  const { peer } = state;
  deliver(peer, () => {
    if (peer.readyState === CLOSED) return;
    peer.readyState = CLOSED;
    fire(peer, internals.webSocket.closeEvent(code ?? 1005, reason, true));
    deliver(state, () => {
      if (state.readyState === CLOSED) return;
      state.readyState = CLOSED;
      fire(state, internals.webSocket.closeEvent(code ?? 1005, reason, true));
    });
  });
}

// ---- Accepting ----

/** Runs an event of one of a pair after what runs now, or when it is accepted. */
function deliver(state, event) {
  if (state.accepted) ops.queueMicrotask(event);
  else ArrayPrototypePush(state.early, event);
}

function accept(state) {
  state.accepted = true;
  if (state.peer === undefined) {
    ops.socketAccept(state.id);
    return;
  }
  const { early } = state;
  state.early = [];
  for (let i = 0; i < early.length; i++) ops.queueMicrotask(early[i]);
}

internals.webSocketState = { __proto__: null, CONNECTING, OPEN, CLOSING, CLOSED, SocketState, accept, addHostSocket, close, send };
internals.webSockets = { __proto__: null, event: hostEvent, forget };

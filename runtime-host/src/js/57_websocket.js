"use strict";
// WebSocket (https://websockets.spec.whatwg.org/), and what Workers add: accept(), WebSocketPair, and the socket of a
// response to fetch() with `upgrade: websocket`.

const {
  ArrayPrototypeIncludes, ArrayPrototypeJoin, ObjectDefineProperty, RegExpPrototypeExec, StringPrototypeIndexOf, StringPrototypeSlice,
  StringPrototypeStartsWith, StringPrototypeToLowerCase, SymbolIterator, TypeError, TypedArrayPrototypeGetByteLength,
} = internals.primordials;
const {
  DOMString, USVString, bufferSource, configureInterface, defineMethod, dictionary, illegalInvocation, isBufferSource,
  isObject, privateKey, requireArguments, sequence, unsignedShort,
} = internals.webidl;
const { DOMException, webSocketState } = internals;
const { CLOSED, CLOSING, CONNECTING, OPEN, SocketState } = webSocketState;
const { Event, EventTarget, defineHandler } = internals.events;

const inConstructor = "Failed to construct 'WebSocket'";
const inClose = "Failed to execute 'close' on 'WebSocket'";
const inSend = "Failed to execute 'send' on 'WebSocket'";

const REASON_MAX_BYTES = 123;
// https://www.rfc-editor.org/rfc/rfc9110#name-tokens
const notToken = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

const syntaxError = (text) => new DOMException(`${inConstructor}: ${text}`, "SyntaxError");

// ---- Arguments ----

/** The URL as ws: or wss:. */
function urlOf(given) {
  const href = internals.url.parseHref(given);
  if (href === undefined) throw syntaxError(`the URL '${given}' is invalid.`);
  const scheme = StringPrototypeToLowerCase(StringPrototypeSlice(href, 0, StringPrototypeIndexOf(href, ":")));
  const rest = StringPrototypeSlice(href, scheme.length);
  if (scheme !== "ws" && scheme !== "wss" && scheme !== "http" && scheme !== "https") {
    throw syntaxError(`the URL's scheme must be 'http', 'https', 'ws', or 'wss'. '${scheme}' is not allowed.`);
  }
  if (StringPrototypeIndexOf(href, "#") >= 0) {
    throw syntaxError("the URL contains a fragment identifier, which WebSocket URLs can't have.");
  }
  return `${scheme === "http" ? "ws" : scheme === "https" ? "wss" : scheme}${rest}`;
}

function protocolsOf(value) {
  const iterable = isObject(value) && value[SymbolIterator] !== undefined && value[SymbolIterator] !== null;
  const list = iterable
    ? sequence(value, DOMString, inConstructor, "parameter 2")
    : [DOMString(value, inConstructor, "parameter 2")];
  const seen = [];
  for (let i = 0; i < list.length; i++) {
    const protocol = list[i];
    if (protocol === "" || RegExpPrototypeExec(notToken, protocol) !== null) {
      throw syntaxError(`the subprotocol '${protocol}' is invalid.`);
    }
    const lower = StringPrototypeToLowerCase(protocol);
    if (ArrayPrototypeIncludes(seen, lower)) throw syntaxError(`the subprotocol '${protocol}' is duplicated.`);
    seen[seen.length] = lower;
  }
  return list;
}

const originOf = (url) => {
  const at = StringPrototypeIndexOf(url, "/", StringPrototypeStartsWith(url, "wss") ? 6 : 5);
  const authority = at < 0 ? url : StringPrototypeSlice(url, 0, at);
  const credentials = StringPrototypeIndexOf(authority, "@");
  if (credentials < 0) return authority;
  return StringPrototypeSlice(authority, 0, StringPrototypeIndexOf(authority, "//") + 2) +
    StringPrototypeSlice(authority, credentials + 1);
};

/** Codes that a program may close with: 1000 and its own, and with `all` those that servers have as well. */
function checkCode(code, all) {
  const own = code >= 3000 && code <= 4999;
  const servers = all && code >= 1001 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  if (code === 1000 || own || servers) return;
  throw new DOMException(
    `${inClose}: The close code must be either 1000, or between 3000 and 4999. ${code} is neither.`,
    "InvalidAccessError",
  );
}

// ---- Classes, made when one of them is used ----

function make() {
  const toCloseInit = dictionary("CloseEventInit", [
    { key: "code", convert: unsignedShort, default: 0 },
    { key: "reason", convert: USVString, default: "" },
    { key: "wasClean", convert: (value) => !!value, default: false },
  ]);

  class CloseEvent extends Event {
    #init;
    constructor(type, eventInitDict = undefined) {
      requireArguments(arguments.length, 1, "Failed to construct 'CloseEvent'");
      super(type, eventInitDict);
      this.#init = toCloseInit(eventInitDict, "Failed to construct 'CloseEvent'", "parameter 2");
    }
    static #fields(event) {
      return isObject(event) && #init in event ? event.#init : illegalInvocation();
    }
    get wasClean() {
      return CloseEvent.#fields(this).wasClean;
    }
    get code() {
      return CloseEvent.#fields(this).code;
    }
    get reason() {
      return CloseEvent.#fields(this).reason;
    }
  }
  configureInterface(CloseEvent);

  let stateOf;

  class WebSocket extends EventTarget {
    #state;
    constructor(url, protocols = undefined) {
      super();
      if (url === privateKey) {
        this.#state = protocols;
        protocols.target = this;
        return;
      }
      requireArguments(arguments.length, 1, inConstructor);
      const href = urlOf(USVString(url, inConstructor, "parameter 1"));
      const list = protocols === undefined ? [] : protocolsOf(protocols);
      const state = new SocketState();
      state.target = this;
      state.url = href;
      state.origin = originOf(href);
      // https: for wss:, http: for ws:.
      webSocketState.addHostSocket(state, ops.socketOpen(`http${StringPrototypeSlice(href, 2)}`, ArrayPrototypeJoin(list, ",")));
      this.#state = state;
    }

    static {
      stateOf = (self) => (isObject(self) && #state in self ? self.#state : illegalInvocation());
    }

    get url() {
      return stateOf(this).url;
    }
    get readyState() {
      return stateOf(this).readyState;
    }
    get bufferedAmount() {
      return stateOf(this).bufferedAmount;
    }
    get extensions() {
      stateOf(this);
      return "";
    }
    get protocol() {
      return stateOf(this).protocol;
    }
    get binaryType() {
      return stateOf(this).binaryType;
    }
    set binaryType(value) {
      const state = stateOf(this);
      const type = DOMString(value, "Failed to set 'binaryType' on 'WebSocket'", "The value");
      if (type === "blob" || type === "arraybuffer") state.binaryType = type;
    }

    close(code = undefined, reason = undefined) {
      const state = stateOf(this);
      const asked = code === undefined ? undefined : unsignedShort(code, inClose, "parameter 1", "clamp");
      const text = reason === undefined ? "" : USVString(reason, inClose, "parameter 2");
      if (asked !== undefined) checkCode(asked, state.accepts);
      if (TypedArrayPrototypeGetByteLength(internals.encoding.encodeUtf8(text)) > REASON_MAX_BYTES) {
        throw new DOMException(`${inClose}: The reason must not be longer than 123 bytes.`, "SyntaxError");
      }
      requireAccepted(state, "close");
      // A reason needs a code before it.
      webSocketState.close(state, asked === undefined && text !== "" ? 1000 : asked, text);
    }

    send(data) {
      const state = stateOf(this);
      requireArguments(arguments.length, 1, inSend);
      let value;
      if (isBufferSource(data)) value = bufferSource(data, inSend, "parameter 1");
      else if (internals.blob.is(data)) value = internals.blob.bytes(data);
      else value = USVString(data, inSend, "parameter 1");
      requireAccepted(state, "send");
      if (state.readyState === CONNECTING) {
        throw new DOMException(`${inSend}: Still in CONNECTING state.`, "InvalidStateError");
      }
      webSocketState.send(state, value);
    }

    /** Of Workers: events come from now on. */
    accept() {
      const state = stateOf(this);
      if (!state.accepts) {
        throw new TypeError("Websockets obtained from the 'new WebSocket()' constructor cannot call accept");
      }
      // Again: nothing to do.
      if (!state.accepted) webSocketState.accept(state);
    }
  }
  const { prototype } = WebSocket;
  defineHandler(prototype, "open");
  defineHandler(prototype, "error");
  defineHandler(prototype, "close");
  defineHandler(prototype, "message");
  configureInterface(WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED });
  // As Workers name them beside.
  ObjectDefineProperty(WebSocket, "READY_STATE_CONNECTING", { __proto__: null, value: CONNECTING });
  ObjectDefineProperty(WebSocket, "READY_STATE_OPEN", { __proto__: null, value: OPEN });
  ObjectDefineProperty(WebSocket, "READY_STATE_CLOSING", { __proto__: null, value: CLOSING });
  ObjectDefineProperty(WebSocket, "READY_STATE_CLOSED", { __proto__: null, value: CLOSED });

  function requireAccepted(state, what) {
    if (!state.accepted) {
      throw new TypeError(`You must call accept() on this WebSocket before ${what === "send" ? "sending messages" : "closing it"}.`);
    }
  }

  /** An open socket that must be accepted. Workers' own binaryType is "arraybuffer". */
  function acceptable() {
    const state = new SocketState();
    state.readyState = OPEN;
    state.accepts = true;
    state.accepted = false;
    state.binaryType = "arraybuffer";
    new WebSocket(privateKey, state);
    return state;
  }

  class WebSocketPair {
    constructor() {
      const one = acceptable();
      const other = acceptable();
      one.peer = other;
      other.peer = one;
      this[0] = one.target;
      this[1] = other.target;
    }
  }
  configureInterface(WebSocketPair);
  defineMethod(WebSocketPair.prototype, SymbolIterator, function* () {
    yield this[0];
    yield this[1];
  }, false);

  return { __proto__: null, CloseEvent, WebSocket, WebSocketPair, acceptable };
}

const group = internals.exposeLazily(["CloseEvent", "WebSocket", "WebSocketPair"], make);

internals.webSocket = {
  __proto__: null,
  closeEvent: (code, reason, wasClean) =>
    new (group().CloseEvent)("close", { __proto__: null, code, reason, wasClean }),
  /** The WebSocket `id` that the host's response `response` leads to. */
  ofResponse(id, response) {
    const state = group().acceptable();
    const headers = internals.headers.fromPacked(ops.responseHeaders, "immutable", response);
    state.protocol = internals.headers.get(headers, "sec-websocket-protocol") ?? "";
    webSocketState.addHostSocket(state, id);
    return state.target;
  },
};

"use strict";
// Response (https://fetch.spec.whatwg.org/#response-class) as Workers have it.

const { JSONStringify, RegExpPrototypeExec, TypeError, RangeError } = internals.primordials;
const { configureInterface, DOMString, illegalInvocation, isObject, privateKey, requireArguments, unsignedShort } =
  internals.webidl;

const inConstructor = "Failed to construct 'Response'";
const inJson = "Failed to execute 'json' on 'Response'";
const inRedirect = "Failed to execute 'redirect' on 'Response'";

class ResponseState {
  type = "default";
  status = 200;
  /** A string, or the handle of the response whose reason phrase nobody has asked for yet. */
  lazyStatusText = "";
  headers = undefined;
  /** A BodyRecord or null. */
  body = null;
  lazyUrl = "";
  /** `urlThunk(urlOrigin)` makes the URL; undefined when it is there. */
  urlThunk = undefined;
  urlOrigin = undefined;
  redirected = false;
  cf = undefined;
  /** "automatic": the host may compress; "manual": the body has the encoding that Content-Encoding says. */
  encodeBody = "automatic";
  /** The socket of a subrequest's 101. */
  webSocket = undefined;
  /** Whether this is the upstream's 101: the connection behind it is passed through, as the body that arrived. */
  upgrade = false;

  get statusText() {
    const text = this.lazyStatusText;
    return typeof text === "number" ? (this.lazyStatusText = ops.responseStatusText(text, this.status)) : text;
  }

  get url() {
    if (this.urlThunk !== undefined) {
      this.lazyUrl = this.urlThunk(this.urlOrigin);
      this.urlThunk = this.urlOrigin = undefined;
    }
    return this.lazyUrl;
  }

  get headersDirty() {
    return internals.headers.isDirty(this.headers);
  }

  get headersOrigin() {
    return internals.headers.origin(this.headers);
  }
}

// ---- Construction ----

// https://fetch.spec.whatwg.org/#null-body-status, 103 aside: nothing makes one.
const isNullBodyStatus = (status) => status === 101 || status === 204 || status === 205 || status === 304;

// What can't be in a reason-phrase (RFC 9112 section 4).
const notReason = /[^\t\x20-\x7e\x80-\xff]/;

function setStatus(state, value) {
  const status = unsignedShort(value, inConstructor, "member 'status' of ResponseInit");
  if (status < 200 || status > 599) {
    throw new RangeError(
      "Responses may only be constructed with status codes in the range 200 to 599, inclusive.",
    );
  }
  state.status = status;
}

function setStatusText(state, value) {
  const text = DOMString(value, inConstructor, "member 'statusText' of ResponseInit");
  if (RegExpPrototypeExec(notReason, text) !== null) throw new TypeError("Invalid statusText");
  state.lazyStatusText = text;
}

function setEncodeBody(state, value) {
  const encode = DOMString(value, inConstructor, "member 'encodeBody' of ResponseInit");
  if (encode !== "automatic" && encode !== "manual") throw new TypeError(`encodeBody: unexpected value: ${encode}`);
  state.encodeBody = encode;
}

function refuseSocket(prefix) {
  throw new TypeError(
    `${prefix}: a Worker can't answer with a WebSocket of its own here. ` +
      "Return fetch(request) to pass an upgrade through to the upstream.",
  );
}

// `new Response(body, response)` takes everything but the body from `response`.
function applyResponse(state, other) {
  if (other.webSocket !== undefined) refuseSocket(inConstructor);
  if (other.upgrade) {
    state.status = other.status;
    state.upgrade = true;
    state.body = internals.body.share(other.body);
  } else {
    setStatus(state, other.status);
  }
  state.lazyStatusText = other.lazyStatusText;
  state.headers = internals.headers.copy(other.headers);
  state.cf = other.cf;
  state.encodeBody = other.encodeBody;
}

// Members are read in the order of their names, as Web IDL says.
function applyInit(state, init) {
  const { cf, encodeBody, headers, status, statusText, webSocket } = init;
  if (cf !== undefined && cf !== null) {
    if (!isObject(cf)) throw new TypeError(`${inConstructor}: member 'cf' of ResponseInit is not an object.`);
    state.cf = cf;
  }
  if (encodeBody !== undefined) setEncodeBody(state, encodeBody);
  if (headers !== undefined) state.headers = internals.headers.from(headers);
  if (webSocket !== undefined && webSocket !== null) refuseSocket(inConstructor);
  if (status !== undefined) setStatus(state, status);
  if (statusText !== undefined) setStatusText(state, statusText);
}

function newState(init) {
  const state = new ResponseState();
  if (init !== undefined && init !== null) {
    if (!isObject(init)) {
      throw new TypeError(`${inConstructor}: constructor parameter 2 is not of type 'ResponseInit or Response'.`);
    }
    const other = stateOf(init);
    if (other === undefined) applyInit(state, init);
    else applyResponse(state, other);
  }
  if (state.headers === undefined) state.headers = internals.headers.fromList([]);
  return state;
}

function setBody(state, body) {
  if (state.upgrade) {
    if (body !== internals.body.stream(state.body)) {
      throw new TypeError("A response that accepts an upgrade must keep its body: new Response(response.body, response).");
    }
    return;
  }
  state.body = internals.body.extractWithType(body, state.headers, inConstructor);
  if (!isNullBodyStatus(state.status)) {
    state.body = internals.body.settled(state.body);
    return;
  }
  // Workers let an empty string or buffer pass for no body.
  if (!internals.body.isEmpty(state.body)) {
    throw new TypeError("Response with null body status (101, 204, 205, or 304) cannot have a body.");
  }
  state.body = null;
}

// ---- The class ----

let stateOf, wrap;

class Response {
  #state;

  constructor(body = undefined, init = undefined) {
    if (body === privateKey) {
      this.#state = init;
      return;
    }
    const state = newState(init);
    if (body !== undefined && body !== null) setBody(state, body);
    this.#state = state;
  }

  static {
    stateOf = (value) => (isObject(value) && #state in value ? value.#state : undefined);
    wrap = (state) => new Response(privateKey, state);
  }

  static error() {
    return createError();
  }

  static json(data, init = undefined) {
    requireArguments(arguments.length, 1, inJson);
    const text = JSONStringify(data);
    if (text === undefined) throw new TypeError(`${inJson}: the value is not JSON serializable.`);
    const state = newState(init);
    if (!internals.headers.has(state.headers, "content-type")) {
      internals.headers.set(state.headers, "content-type", "application/json");
    }
    setBody(state, text);
    return wrap(state);
  }

  static redirect(url, status = 302) {
    requireArguments(arguments.length, 1, inRedirect);
    const given = DOMString(url, inRedirect, "parameter 1");
    const href = internals.url.parseHref(given);
    if (href === undefined) throw new TypeError(`Unable to parse URL: ${given}`);
    const code = unsignedShort(status, inRedirect, "parameter 2");
    if (code !== 301 && code !== 302 && code !== 303 && code !== 307 && code !== 308) {
      throw new RangeError(`${code} is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.`);
    }
    const state = new ResponseState();
    state.status = code;
    state.headers = internals.headers.fromList(["location", href], "immutable");
    return wrap(state);
  }

  get type() {
    return required(this).type;
  }
  get url() {
    return required(this).url;
  }
  get redirected() {
    return required(this).redirected;
  }
  get status() {
    return required(this).status;
  }
  get ok() {
    const { status } = required(this);
    return status >= 200 && status <= 299;
  }
  get statusText() {
    return required(this).statusText;
  }
  get headers() {
    return required(this).headers;
  }
  /** Of Workers: the socket of an accepted upgrade. */
  get webSocket() {
    return required(this).webSocket ?? null;
  }
  get cf() {
    return required(this).cf;
  }

  clone() {
    const from = required(this);
    if (from.upgrade || from.webSocket !== undefined) throw new TypeError("Cannot clone a response to a WebSocket handshake.");
    const state = new ResponseState();
    state.type = from.type;
    state.status = from.status;
    state.lazyStatusText = from.lazyStatusText;
    state.headers = internals.headers.clone(from.headers);
    state.lazyUrl = from.url;
    state.redirected = from.redirected;
    state.cf = from.cf;
    state.encodeBody = from.encodeBody;
    state.body = internals.body.clone(from.body);
    return wrap(state);
  }
}

function createError() {
  const state = new ResponseState();
  state.type = "error";
  state.status = 0;
  state.headers = internals.headers.fromList([], "immutable");
  return wrap(state);
}

function required(self) {
  const state = stateOf(self);
  if (state === undefined) illegalInvocation();
  return state;
}

internals.body.install(Response, (self) => stateOf(self));
configureInterface(Response);
internals.expose("Response", Response);

internals.response = {
  __proto__: null,
  is: (value) => stateOf(value) !== undefined,
  stateOf,
  /** Response.error() */
  createError,
  /** Throws what a handler is told that would answer with a WebSocket. */
  refuseSocket,
  /**
   * The answer to a fetch(). `statusText` may be the handle to ask `ops.responseStatusText` with. `headersThunk(origin)`
   * returns the packed headers, once, when JavaScript first looks; `bodyHandle` is undefined or null when no body
   * follows. Its headers can't be modified; `origin` is what `inspect().headersOrigin` says of it and of copies with
   * unchanged headers. `urlThunk(urlOrigin)`, where it is given, returns the URL when it is asked for.
   */
  createUpstream({ type, status, statusText, headersThunk, origin, bodyHandle, url, urlThunk, urlOrigin, redirected, webSocket }) {
    const state = new ResponseState();
    state.type = type;
    state.webSocket = webSocket;
    state.status = status;
    state.lazyStatusText = statusText;
    state.headers = internals.headers.fromPacked(headersThunk, "immutable", origin);
    state.upgrade = status === 101 && webSocket === undefined;
    // A host may announce a body that such a response can't have, to find none.
    state.body = isNullBodyStatus(status) && !state.upgrade ? null : internals.body.fromHost(bodyHandle);
    state.lazyUrl = url;
    state.urlThunk = urlThunk;
    state.urlOrigin = urlOrigin;
    state.redirected = redirected;
    return wrap(state);
  },
  /** A response like another, whose body is what `make(body)` returns for that of the other, which is used up. */
  transform(response, make) {
    const from = required(response);
    if (from.upgrade) return response;
    const taken = internals.body.takeRecord(from.body);
    const state = new ResponseState();
    applyResponse(state, from);
    internals.headers.remove(state.headers, "content-length");
    state.body = internals.body.fromStream(make(internals.body.streamOfTaken(taken)));
    return wrap(state);
  },
  /** The answer to a fetch() of a URL whose contents are here. `body` is a BodyRecord or null. */
  createLocal(url, headers, body, isPart = false) {
    const state = new ResponseState();
    state.type = "basic";
    state.status = isPart ? 206 : 200;
    state.lazyStatusText = isPart ? "Partial Content" : "OK";
    state.headers = internals.headers.fromList(headers, "immutable");
    state.body = body;
    state.lazyUrl = url;
    return wrap(state);
  },
  /**
   * What the engine needs to send a response: `type` ("error" for Response.error()), `status`, `statusText`, `headers`
   * (a Headers), `headersDirty`, `headersOrigin`, `body` (see internals.body.take), `encodeBody`, `cf`.
   */
  inspect: required,
};

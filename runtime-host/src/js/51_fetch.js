"use strict";
// fetch() and what a handler's response becomes.
// Numbers of body kinds are those of `internals.body.take()`: 0 none, 1 untouched host body, 2 bytes, 3 stream, 4 text,
// 5 parts.

const { MathFloor, Promise, PromiseReject, StringPrototypeIndexOf, StringPrototypeSlice, TypeError } = internals.primordials;
const { host } = internals;

const HOST_BODY = 1;
const STREAM = 3;
const TEXT = 4;

/** What the host gets of a taken body beside its kind: a handle, bytes, text, or how long the stream is (undefined if not known). */
function contents(body) {
  if (body.kind === HOST_BODY) return body.handle;
  if (body.kind === TEXT) return body.text;
  return body.kind === STREAM ? internals.streams.expectedLength(body.stream) : body.bytes;
}

/** https://fetch.spec.whatwg.org/#fetch-method, with the continuation of the exchange. */
function fetch(input, init = undefined) {
  let request;
  try {
    internals.webidl.requireArguments(arguments.length, 1, "Failed to execute 'fetch'");
    request = internals.request.from(input, init);
    return send(internals.request.inspect(request));
  } catch (error) {
    return PromiseReject(error);
  }
}

function send(state) {
  const signal = state.givenSignal;
  if (signal !== undefined && internals.abort.isAborted(signal)) {
    const reason = internals.abort.reason(signal);
    internals.body.cancel(state.body, reason);
    return PromiseReject(reason);
  }
  if (!state.urlIsOriginal && state.url[0] !== "h") return internals.fetchLocal(state);
  if (state.options !== undefined && state.options.integrity !== "") {
    return internals.integrity.verify(exchange(state, signal, false), state.options.integrity);
  }
  return exchange(state, signal, true);
}

/** Without `mayBeUnseen` somebody looks at the response for certain. */
function exchange(state, signal, mayBeUnseen) {
  const headers = state.cache === undefined ? state.headers : withCacheFields(state.headers, state.cache);
  const body = internals.body.takeRecord(state.body);
  let watched = 0;
  const promise = new Promise((resolve, reject) => {
    let onAbort;
    // Who may abort the response's body, and what it belongs to.
    let abortedBy;
    let invocation = 0;
    let cancelUpload;
    let continues = false;
    const op = host.begin((kind, a, b) => {
      if (onAbort !== undefined) internals.abort.remove(signal, onAbort);
      if (kind === host.TYPE_ERROR) reject(new TypeError(a));
      else if (kind === host.UNSEEN) reject(rejection(a));
      else {
        const hasBody = kind !== host.NO_BODY;
        if (hasBody && abortedBy !== undefined) internals.hostBody.abortWith(b, invocation, abortedBy, cancelUpload);
        resolve(received(a, b, hasBody, continues ? state : undefined));
      }
    });
    const headersOrigin = internals.headers.origin(headers);
    let answer;
    try {
      answer = ops.fetch(
        op,
        state.methodIsOriginal ? undefined : state.method,
        state.urlIsOriginal ? undefined : state.url,
        headersOrigin === undefined ? internals.headers.pack(headers) : undefined,
        state.incoming === undefined ? 0 : state.incoming,
        body.kind,
        contents(body),
        state.redirect,
        headersOrigin === undefined ? 0 : headersOrigin,
      );
    } catch (error) {
      host.forget(op);
      throw error;
    }
    const leaving = MathFloor(answer / 2);
    continues = answer % 2 === 1;
    let given = false;
    if (signal !== undefined) {
      invocation = ops.currentInvocation();
      given = signal !== internals.clientSignal(invocation);
      // When the client goes, its own exchange ends by itself.
      if (given || !continues) abortedBy = signal;
    }
    // With a signal of its own the Worker can still give the response up.
    if (continues && leaving === 0 && !given && mayBeUnseen) watched = op;
    if (leaving !== 0) {
      const cancel = sendBody(leaving, body);
      cancelUpload = (reason) => {
        cancel(reason);
        ops.leavingError(leaving, reason);
      };
    } else if (body.kind === HOST_BODY) {
      internals.hostBody.keep(body.handle);
    }
    if (signal !== undefined) {
      onAbort = (reason) => {
        host.forget(op);
        ops.fetchAbort(op);
        if (cancelUpload !== undefined) cancelUpload(reason);
        reject(reason);
      };
      internals.abort.add(signal, onAbort);
    }
  });
  if (watched !== 0) ops.watchUpstream(watched, promise);
  return promise;
}

/** Gives the host a body that it does not have all of; returns what cancels that. */
const sendBody = (leaving, body) =>
  body.kind === STREAM ? internals.leaving.send(leaving, body.stream) : internals.leaving.relay(leaving, body.handle);

/** https://fetch.spec.whatwg.org/#http-network-or-cache-fetch, steps 8.16 and 8.17, and 9 for want of a cache. */
function withCacheFields(headers, mode) {
  if (mode === "only-if-cached") {
    throw new TypeError('fetch() with cache "only-if-cached" fails always: there is no HTTP cache here.');
  }
  if (mode === "force-cache") return headers;
  const copy = internals.headers.copy(headers);
  const isNoCache = mode === "no-cache";
  if (!internals.headers.has(copy, "cache-control")) {
    internals.headers.set(copy, "cache-control", isNoCache ? "max-age=0" : "no-cache");
  }
  if (!isNoCache && !internals.headers.has(copy, "pragma")) internals.headers.set(copy, "pragma", "no-cache");
  return copy;
}

// ---- `return fetch(request)` ----
//
// When nobody looks at the upstream's response, the proxy need not show it to us. The host finds that out at the end of
// the turn (isolate/adoption.rs) and settles the fetch as "unseen". The rejection goes the way the response would have
// gone: when it comes out of the handler, the answer is the upstream's response; who still asks for it gets the error.

const UNSEEN =
  "The upstream's response went to the client unseen, because nothing but the handler's result depended on it. " +
  "Await it before the handler returns to look at it.";

/** The last such rejection: { invocation, error } */
let unseen;

function rejection(invocation) {
  unseen = { __proto__: null, invocation, error: new TypeError(UNSEEN) };
  return unseen.error;
}

/** Whether the handler failed with nothing but that. */
internals.isUnseen = (invocation, error) =>
  unseen !== undefined && unseen.error === error && unseen.invocation === invocation;

/** The URL of the answer to a request that the proxy sent on; most of them nobody asks for. */
function urlSent(request) {
  const url = request.url;
  const fragment = StringPrototypeIndexOf(url, "#");
  return fragment < 0 ? url : StringPrototypeSlice(url, 0, fragment);
}

/** The Response of a head that arrived. `sent`: the state of the request that the exchange went on with, if it is its answer. */
function received(status, id, hasBody, sent) {
  const socket = status === 101 ? ops.responseSocket(id) : 0;
  return internals.response.createUpstream({
    // Every member is there: what a Worker puts into Object.prototype must not be seen.
    type: "basic",
    webSocket: socket === 0 ? undefined : internals.webSocket.ofResponse(socket, id),
    status,
    statusText: id,
    headersThunk: ops.responseHeaders,
    origin: id,
    bodyHandle: hasBody ? id : null,
    url: sent === undefined ? ops.responseUrl(id) : "",
    urlThunk: sent === undefined ? undefined : urlSent,
    urlOrigin: sent,
    redirected: sent === undefined && ops.responseRedirected(id),
  });
}

/** Gives the host a handler's response. */
function respond(invocation, response) {
  const state = internals.response.stateOf(response);
  if (state === undefined) {
    throw new TypeError(
      "Incorrect type for Promise: the Promise did not resolve to 'Response'.",
    );
  }
  const { type, status, headers, headersOrigin } = internals.response.inspect(response);
  if (state.webSocket !== undefined) internals.response.refuseSocket("Return value from the handler");
  if (type === "error") throw new TypeError("Return value from the handler is an error response (Response.error()).");
  const body = internals.body.takeRecord(state.body);
  const leaving = ops.respond(
    invocation,
    status,
    headersOrigin === undefined ? internals.headers.pack(headers) : undefined,
    headersOrigin === undefined ? 0 : headersOrigin,
    body.kind,
    contents(body),
  );
  if (leaving !== 0) sendBody(leaving, body);
  else if (body.kind === HOST_BODY) internals.hostBody.keep(body.handle);
}

internals.respond = respond;
internals.fetch = fetch;
internals.expose("fetch", fetch, true);

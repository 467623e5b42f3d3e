"use strict";
// fetch() and what a handler's response becomes.
// Numbers of body kinds are those of `internals.body.take()`: 0 none, 1 untouched host body, 2 bytes, 3 stream, 4 text.

const { MathFloor, Promise, PromiseReject, TypeError } = internals.primordials;
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
    return PromiseReject(internals.abort.reason(signal));
  }
  const body = internals.body.takeRecord(state.body);
  let watched = 0;
  const promise = new Promise((resolve, reject) => {
    let onAbort;
    const op = host.begin((kind, a, b) => {
      if (onAbort !== undefined) internals.abort.remove(signal, onAbort);
      if (kind === host.TYPE_ERROR) reject(new TypeError(a));
      else if (kind === host.UNSEEN) reject(rejection(a));
      else resolve(received(a, b, kind !== host.NO_BODY, signal));
    });
    let answer;
    try {
      answer = ops.fetch(
        op,
        state.methodIsOriginal ? undefined : state.method,
        state.urlIsOriginal ? undefined : state.url,
        state.headersOrigin === undefined ? internals.headers.pack(state.headers) : undefined,
        state.incoming === undefined ? 0 : state.incoming,
        body.kind,
        contents(body),
        state.redirect,
        state.headersOrigin === undefined ? 0 : state.headersOrigin,
      );
    } catch (error) {
      host.forget(op);
      throw error;
    }
    const leaving = MathFloor(answer / 2);
    // With a signal of its own the Worker can still give the response up.
    const given = signal !== undefined && signal !== internals.clientSignal(ops.currentInvocation());
    if (answer % 2 === 1 && leaving === 0 && !given) watched = op;
    if (leaving !== 0) {
      internals.leaving.send(leaving, body.kind === STREAM ? body.stream : internals.hostBody.stream(body.handle));
    }
    if (signal !== undefined) {
      onAbort = () => {
        host.forget(op);
        ops.fetchAbort(op);
        reject(internals.abort.reason(signal));
      };
      internals.abort.add(signal, onAbort);
    }
  });
  if (watched !== 0) ops.watchUpstream(watched, promise);
  return promise;
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

/** The Response of a head that arrived. */
function received(status, id, hasBody, signal) {
  const socket = status === 101 ? ops.responseSocket(id) : 0;
  return internals.response.createUpstream({
    webSocket: socket === 0 ? undefined : internals.webSocket.ofResponse(socket, id),
    status,
    headersThunk: ops.responseHeaders,
    origin: id,
    bodyHandle: hasBody ? id : null,
    url: ops.responseUrl(id),
    redirected: ops.responseRedirected(id),
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
  if (leaving !== 0) {
    internals.leaving.send(leaving, body.kind === STREAM ? body.stream : internals.hostBody.stream(body.handle));
  }
}

internals.respond = respond;
internals.fetch = fetch;
internals.expose("fetch", fetch, true);

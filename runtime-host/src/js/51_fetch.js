"use strict";
// fetch() and what a handler's response becomes.
// Numbers of body kinds are those of `internals.body.take()`: 0 none, 1 untouched host body, 2 bytes, 3 stream.

const {
  Map, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, MathFloor, Promise,
  PromisePrototypeThen, PromiseReject, TypeError,
} = internals.primordials;
const { host } = internals;

const HOST_BODY = 1;
const STREAM = 3;

/** What the host gets of a taken body beside its kind: a handle, bytes, or how long the stream is (undefined if not known). */
function contents(body) {
  if (body.kind === HOST_BODY) return body.handle;
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
  let continued = false;
  const promise = new Promise((resolve, reject) => {
    let onAbort;
    const op = host.begin((kind, a, b) => {
      if (onAbort !== undefined) internals.abort.remove(signal, onAbort);
      if (kind === host.TYPE_ERROR) reject(new TypeError(a));
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
    continued = answer % 2 === 1 && leaving === 0;
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
  if (continued) MapPrototypeSet(continuedPromises, ops.currentInvocation(), promise);
  return promise;
}

// ---- `return fetch(request)` ----
//
// A handler that returns the very promise of the continued exchange will never look at the response, so the proxy need
// not show it to us. An async handler's promise is another one: nothing tells it apart from one that looks.

/** invocation → the promise of its continued exchange. */
const continuedPromises = new Map();

/** Lets the upstream's response go to the client unseen, when it has not arrived yet. */
function passUpstream(invocation) {
  MapPrototypeDelete(continuedPromises, invocation);
  return ops.passUpstream(invocation);
}

internals.adoption = {
  __proto__: null,
  /** What the handler returned; true when that settles the invocation. */
  returned(invocation, result) {
    return result === MapPrototypeGet(continuedPromises, invocation) && passUpstream(invocation);
  },
  forget: (invocation) => MapPrototypeDelete(continuedPromises, invocation),
};

/** The Response of a head that arrived. */
function received(status, id, hasBody, signal) {
  return internals.response.createUpstream({
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

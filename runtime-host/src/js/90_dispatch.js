"use strict";
// What the host calls: the begin of an invocation, timers, aborts; and what a Worker exports.

const {
  Error, JSONParse, Map, MapPrototypeDelete, MapPrototypeGetSize, MapPrototypeGet, MapPrototypeSet, Object, ObjectDefineProperty,
  PromisePrototypeThen, PromiseResolve, ReflectApply, ReflectConstruct, ReflectGet, ReflectOwnKeys, TypeError,
} = internals.primordials;

/** `env` of module Workers. */
let env;
/** `(ctx) -> { receiver, method }`: whose method takes `(request, env, ctx)`, found when the Worker was evaluated. */
let handler;
/** invocation -> AbortController of `request.signal`, for requests whose signal was looked at. */
const signals = new Map();

// ---- ctx ----

class ExecutionContext {
  #invocation;
  constructor(key, invocation) {
    if (key !== internals.constructorKey) throw new TypeError("Illegal constructor");
    this.#invocation = invocation;
    this.props = {};
  }
  /** Keeps the invocation alive until the promise settles, 30 s after the response at most. */
  waitUntil(promise) {
    waitUntil(this.#invocation, promise);
  }
  /** On an exception before the response began, the request goes on to its upstream as it came. */
  passThroughOnException() {
    ops.passThroughOnException(this.#invocation);
  }
  /** NANO's extension: publishes an object to the proxy (Envoy dynamic metadata, namespace `nano`). */
  setMetadata(values) {
    ops.setMetadata(this.#invocation, internals.primordials.JSONStringify(values));
  }
}

function waitUntil(invocation, promise) {
  ops.background(invocation, 1);
  const done = () => ops.background(invocation, -1);
  PromisePrototypeThen(PromiseResolve(promise), done, (error) => {
    internals.reportException(error);
    done();
  });
}

internals.waitUntil = waitUntil;
internals.constructorKey = Object.freeze({ __proto__: null });
internals.expose("ExecutionContext", ExecutionContext);

// ---- An invocation ----

/** One for all Requests that were made of the invocation's own. */
const requestSignal = (invocation) => {
  let signal = MapPrototypeGet(signals, invocation);
  if (signal === undefined) MapPrototypeSet(signals, invocation, (signal = internals.abort.create()));
  return signal;
};
const requestCf = (invocation) => JSONParse(ops.requestCf(invocation));

function start(invocation, method, body) {
  const request = internals.request.createIncoming({
    inv: invocation,
    method,
    urlThunk: ops.requestUrl,
    headersThunk: ops.requestHeaders,
    bodyHandle: body === 0 ? undefined : body,
    signalThunk: requestSignal,
    cfThunk: requestCf,
  });
  const succeeded = (response) => {
    try {
      internals.respond(invocation, response);
    } catch (error) {
      ops.fail(invocation, error);
    }
  };
  const failed = (error) => {
    if (internals.isUnseen(invocation, error) && ops.passUpstream(invocation)) return;
    ops.fail(invocation, error);
  };
  const ctx = new ExecutionContext(internals.constructorKey, invocation);
  let called;
  let result;
  try {
    called = handler(ctx);
    result = ReflectApply(called.method, called.receiver, [request, env, ctx, invocation]);
  } catch (error) {
    return failed(error);
  }
  if (internals.response.is(result)) return succeeded(result);
  const promise = PromiseResolve(result);
  if (ops.answer(invocation, promise, called.method, succeeded, failed)) return;
  PromisePrototypeThen(promise, succeeded, failed);
}

/** `request.signal` of the invocation's own request, when it was made. */
internals.clientSignal = (invocation) => MapPrototypeGet(signals, invocation);

function abort(invocation) {
  const signal = MapPrototypeGet(signals, invocation);
  if (signal !== undefined) internals.abort.signalAbort(signal, new Error("The client disconnected."));
}

/** Each list is undefined when there is nothing in it. */
function forget(invocation, pendingOps, pendingTimers, openSockets) {
  if (pendingOps !== undefined) for (let i = 0; i < pendingOps.length; i++) internals.host.forget(pendingOps[i]);
  if (pendingTimers !== undefined) for (let i = 0; i < pendingTimers.length; i++) internals.timers.drop(pendingTimers[i]);
  if (openSockets !== undefined) for (let i = 0; i < openSockets.length; i++) internals.webSockets.forget(openSockets[i]);
  internals.hostBody.forget(invocation);
  if (MapPrototypeGetSize(signals) !== 0) MapPrototypeDelete(signals, invocation);
}

// ---- What a Worker is ----

/** Before the modules run: bindings, and globals of the format. */
function configure(vars, serviceWorker) {
  env = JSONParse(vars);
  // A module's `env` import and each handler's argument are the same object.
  internals.hostModules["cloudflare:workers"].env = env;
  internals.streamCore.addViewType("Float16Array");
  const { WebAssembly } = globalThis;
  internals.exposeLazily(["compileStreaming", "instantiateStreaming"], internals.makeWasmStreaming, true, WebAssembly);
  if (ops.codeGenerationAllowed()) internals.compileAtOnce();
  if (!serviceWorker) return;
  const names = ReflectOwnKeys(env);
  for (let i = 0; i < names.length; i++) internals.expose(names[i], env[names[i]], true);
  internals.serviceWorker.install();
}

/** After the modules ran: finds the fetch handler. */
function adopt(namespace) {
  if (namespace === undefined) {
    const listening = { __proto__: null, receiver: undefined, method: internals.serviceWorker.handler() };
    handler = () => listening;
    return;
  }
  const exported = namespace.default;
  if (exported === undefined) {
    throw new TypeError("the main module has no default export: write `export default { async fetch(request, env, ctx) { \u2026 } }`");
  }
  if (typeof exported === "function") {
    if (typeof exported.prototype?.fetch !== "function") {
      throw new TypeError("the default export is a function without a fetch method: export an object or a class with fetch()");
    }
    handler = (ctx) => target(ReflectConstruct(exported, [ctx, env]));
    return;
  }
  if (typeof exported !== "object" || exported === null || typeof exported.fetch !== "function") {
    throw new TypeError("the default export has no fetch handler: write `export default { async fetch(request, env, ctx) { \u2026 } }`");
  }
  // Looked up each time: a Worker may replace its handler.
  handler = () => target(exported);
}

function target(receiver) {
  const method = receiver.fetch;
  if (typeof method !== "function") throw new TypeError("the handler's fetch is not a function any more");
  return { __proto__: null, receiver, method };
}

internals.dispatch = {
  __proto__: null, start, settle: internals.host.settle, timer: internals.timers.fire, abort, forget, configure, adopt,
  rejected: internals.rejected, rejectionHandled: internals.reportHandledRejection,
  socket: internals.webSockets.event,
};

// ---- cloudflare:workers ----

class WorkerEntrypoint {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

internals.hostModules = {
  __proto__: null,
  "cloudflare:workers": {
    __proto__: null,
    WorkerEntrypoint,
    env: undefined,
    waitUntil(promise) {
      waitUntil(ops.currentInvocation(), promise);
    },
  },
};

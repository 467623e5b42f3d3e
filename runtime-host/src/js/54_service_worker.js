"use strict";
// Service-worker syntax: addEventListener("fetch", ...) with FetchEvent.

const {
  ArrayPrototypePush, PromiseResolve, ReflectApply, TypeError,
} = internals.primordials;

const listeners = [];

class FetchEvent extends internals.events.Event {
  #invocation;
  #ctx;
  #response;
  constructor(type, init, key, ctx) {
    super(type);
    if (key !== internals.constructorKey) throw new TypeError("Illegal constructor");
    this.request = init.request;
    this.#invocation = init.invocation;
    this.#ctx = ctx;
  }
  respondWith(response) {
    if (this.#response !== undefined) {
      throw new TypeError("FetchEvent.respondWith() has already been called; it can only be called once.");
    }
    this.#response = PromiseResolve(response);
  }
  waitUntil(promise) {
    this.#ctx.waitUntil(promise);
  }
  passThroughOnException() {
    this.#ctx.passThroughOnException();
  }
  static responseOf(event) {
    return event.#response;
  }
}
const { responseOf } = FetchEvent;
delete FetchEvent.responseOf;

const addToGlobal = globalThis.addEventListener;

// Fetch listeners are kept apart: what they throw fails the request, where an event's dispatch would only report it.
function addEventListener(type, listener) {
  if (type === "fetch" && listener !== null && listener !== undefined) ArrayPrototypePush(listeners, listener);
  else ReflectApply(addToGlobal, globalThis, arguments);
}

/** Runs the listeners until one responds; without one the request goes to its upstream. */
function handler(request, env, ctx, invocation) {
  const event = new FetchEvent("fetch", { request, invocation }, internals.constructorKey, ctx);
  for (let i = 0; i < listeners.length; i++) {
    const listener = listeners[i];
    if (typeof listener === "function") ReflectApply(listener, globalThis, [event]);
    else listener.handleEvent(event);
    const response = responseOf(event);
    if (response !== undefined) return response;
  }
  return internals.fetch(request);
}

internals.serviceWorker = {
  __proto__: null,
  /** Adds the format's globals. */
  install() {
    internals.expose("addEventListener", addEventListener, true);
    internals.expose("FetchEvent", FetchEvent);
  },
  handler() {
    if (listeners.length === 0) {
      throw new TypeError('the script has no fetch listener: call addEventListener("fetch", (event) => { event.respondWith(\u2026) }), or export default { fetch }');
    }
    return handler;
  },
};

"use strict";
// Service-worker syntax: addEventListener("fetch", ...) with FetchEvent. The interfaces are made when first used.

const { ArrayPrototypeIndexOf, ArrayPrototypePush, ArrayPrototypeSplice, PromiseResolve, ReflectApply, TypeError } =
  internals.primordials;
const { webidl } = internals;

const listeners = [];
let responseOf;

function makeInterfaces() {
  const { illegalConstructor, illegalInvocation, privateKey, requireArguments } = webidl;
  let invocationOf;

  // https://w3c.github.io/ServiceWorker/#extendableevent
  class ExtendableEvent extends internals.events.Event {
    #invocation;
    constructor(key = undefined, type = undefined, invocation = undefined) {
      if (key !== privateKey) illegalConstructor();
      super(type, { __proto__: null, cancelable: true });
      this.#invocation = invocation;
    }
    static {
      invocationOf = (event) =>
        webidl.isObject(event) && #invocation in event ? event.#invocation : illegalInvocation();
    }
    waitUntil(f) {
      const invocation = invocationOf(this);
      requireArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'ExtendableEvent'");
      internals.waitUntil(invocation, f);
    }
  }
  webidl.configureInterface(ExtendableEvent);

  // https://w3c.github.io/ServiceWorker/#fetchevent-interface
  class FetchEvent extends ExtendableEvent {
    #request;
    #response = undefined;
    constructor(key = undefined, invocation = undefined, request = undefined) {
      super(key, "fetch", invocation);
      this.#request = request;
    }
    static {
      responseOf = (event) => event.#response;
    }
    static #check(event) {
      if (!webidl.isObject(event) || !(#request in event)) illegalInvocation();
    }
    get request() {
      FetchEvent.#check(this);
      return this.#request;
    }
    respondWith(r) {
      FetchEvent.#check(this);
      requireArguments(arguments.length, 1, "Failed to execute 'respondWith' on 'FetchEvent'");
      if (this.#response !== undefined) {
        throw new TypeError("FetchEvent.respondWith() has already been called; it can only be called once.");
      }
      this.#response = PromiseResolve(r);
    }
    passThroughOnException() {
      FetchEvent.#check(this);
      ops.passThroughOnException(invocationOf(this));
    }
  }
  webidl.configureInterface(FetchEvent);
  return { __proto__: null, ExtendableEvent, FetchEvent };
}
const interfaces = internals.exposeLazily(["ExtendableEvent", "FetchEvent"], makeInterfaces);

const { addEventListener: addToGlobal, removeEventListener: removeFromGlobal } = globalThis;

// Fetch listeners are kept apart: what they throw fails the request, where an event's dispatch would only report it.
function addEventListener(type, callback) {
  if (type !== "fetch" || callback === null || callback === undefined) {
    return void ReflectApply(addToGlobal, globalThis, arguments);
  }
  if (!webidl.isObject(callback)) {
    throw new TypeError("Failed to execute 'addEventListener' on 'EventTarget': parameter 2 is not of type 'EventListener'.");
  }
  if (ArrayPrototypeIndexOf(listeners, callback) < 0) ArrayPrototypePush(listeners, callback);
  return undefined;
}

function removeEventListener(type, callback) {
  if (type !== "fetch") return void ReflectApply(removeFromGlobal, globalThis, arguments);
  const at = ArrayPrototypeIndexOf(listeners, callback);
  if (at >= 0) ArrayPrototypeSplice(listeners, at, 1);
  return undefined;
}

/** Runs the listeners until one responds; without one the request goes to its upstream. */
function handler(request, env, ctx, invocation) {
  const { FetchEvent } = interfaces();
  const event = new FetchEvent(webidl.privateKey, invocation, request);
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
    internals.expose("removeEventListener", removeEventListener, true);
  },
  handler() {
    if (listeners.length === 0) {
      throw new TypeError('the script has no fetch listener: call addEventListener("fetch", (event) => { event.respondWith(\u2026) }), or export default { fetch }');
    }
    return handler;
  },
};

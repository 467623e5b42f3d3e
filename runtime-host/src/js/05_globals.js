"use strict";
// Small globals: self, navigator, queueMicrotask, reportError, and the global scope as an EventTarget.

const { webidl, primordials, events } = internals;
const {
  FunctionPrototypeCall, ObjectFreeze, ObjectSetPrototypeOf, ReflectDefineProperty, ReflectGetOwnPropertyDescriptor,
  globalThis,
} = primordials;
const { ErrorEvent, EventTarget, PromiseRejectionEvent, defineHandler, fireEvent, hasListeners } = events;
const { illegalConstructor, illegalInvocation, privateKey, requireArguments } = webidl;

// ---- Errors nobody caught ----

let reporting = false;

/** Logs an exception that nobody caught. */
internals.logUncaught = (error) => ops.reportException(error);

/**
 * https://html.spec.whatwg.org/#report-an-exception: an `error` event at the global scope; unless a listener cancels it,
 * the exception is logged.
 */
internals.reportException = (error) => {
  // A listener that throws while an exception is being reported must not start over.
  if (!reporting && hasListeners(globalThis, "error")) {
    reporting = true;
    try {
      if (!fireEvent(globalThis, new ErrorEvent("error", errorInit(error)))) return;
    } finally {
      reporting = false;
    }
  }
  internals.logUncaught(error);
};

/**
 * https://html.spec.whatwg.org/#notify-about-rejected-promises: false when a listener canceled the event, so that the
 * rejection needs no further report.
 */
internals.reportRejection = (promise, reason) =>
  !hasListeners(globalThis, "unhandledrejection") ||
  fireEvent(
    globalThis,
    new PromiseRejectionEvent("unhandledrejection", { __proto__: null, cancelable: true, promise, reason }),
  );

/** What the host asks at the end of a turn; the bits are those of isolate/rejections.rs: log it, keep it. */
internals.rejected = (promise, reason) =>
  (internals.reportRejection(promise, reason) ? 1 : 0) | (hasListeners(globalThis, "rejectionhandled") ? 2 : 0);

/** For a rejection that was reported and then got a handler. */
internals.reportHandledRejection = (promise, reason) => {
  if (!hasListeners(globalThis, "rejectionhandled")) return;
  fireEvent(globalThis, new PromiseRejectionEvent("rejectionhandled", { __proto__: null, promise, reason }));
};

// `ops.errorLocation` tells message, script, line and column as the engine knows them.
function errorInit(error) {
  const at = ops.errorLocation(error);
  return { __proto__: null, cancelable: true, error, message: at[0], filename: at[1], lineno: at[2], colno: at[3] };
}

function reportError(e) {
  requireArguments(arguments.length, 1, "Failed to execute 'reportError'");
  internals.reportException(e);
}

// ---- Microtasks ----

function queueMicrotask(callback) {
  const prefix = "Failed to execute 'queueMicrotask'";
  requireArguments(arguments.length, 1, prefix);
  webidl.callback(callback, prefix, "parameter 1");
  ops.queueMicrotask(() => {
    try {
      FunctionPrototypeCall(callback, undefined);
    } catch (error) {
      internals.reportException(error);
    }
  });
}
primordials.queueMicrotask = queueMicrotask;

internals.expose("reportError", reportError, true);
internals.expose("queueMicrotask", queueMicrotask, true);

// ---- The global scope ----

class WorkerGlobalScope extends EventTarget {
  constructor() {
    illegalConstructor();
    super();
  }
}
class ServiceWorkerGlobalScope extends WorkerGlobalScope {}
for (const Class of [WorkerGlobalScope, ServiceWorkerGlobalScope]) {
  webidl.configureInterface(Class);
  internals.expose(Class.name, Class);
}
ObjectSetPrototypeOf(globalThis, ServiceWorkerGlobalScope.prototype);
for (const type of ["error", "unhandledrejection", "rejectionhandled"]) defineHandler(globalThis, type);

const languages = ObjectFreeze(["en"]);

class Navigator {
  #brand;
  constructor(key = undefined) {
    if (key !== privateKey) illegalConstructor();
  }
  static #check(navigator) {
    if (!webidl.isObject(navigator) || !(#brand in navigator)) illegalInvocation();
  }
  get userAgent() {
    Navigator.#check(this);
    // What programs know Workers by.
    return "Cloudflare-Workers";
  }
  get hardwareConcurrency() {
    Navigator.#check(this);
    return 1;
  }
  get platform() {
    Navigator.#check(this);
    return "Linux";
  }
  get language() {
    Navigator.#check(this);
    return "en";
  }
  get languages() {
    Navigator.#check(this);
    return languages;
  }
}
webidl.configureInterface(Navigator);
internals.expose("Navigator", Navigator);

/**
 * Adds a read-only attribute of the global scope, whose value `read()` gives: to the prototype, as WorkerGlobalScope is
 * the interface that has it. It is [Replaceable]: assigning makes it a plain property of the global object.
 */
function exposeAttribute(key, read) {
  const accessor = ReflectGetOwnPropertyDescriptor(
    {
      get [key]() {
        checkGlobal(this);
        return read();
      },
      set [key](replacement) {
        checkGlobal(this);
        ReflectDefineProperty(globalThis, key, {
          __proto__: null, value: replacement, writable: true, enumerable: true, configurable: true,
        });
      },
    },
    key,
  );
  ReflectDefineProperty(WorkerGlobalScope.prototype, key, accessor);
}
function checkGlobal(self) {
  if (self !== undefined && self !== null && self !== globalThis) illegalInvocation();
}
internals.exposeAttribute = exposeAttribute;
const navigator = new Navigator(privateKey);
exposeAttribute("self", () => globalThis);
exposeAttribute("navigator", () => navigator);

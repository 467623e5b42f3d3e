const { events } = internals;

test("interfaces have the shape Web IDL asks for", () => {
  assert.equal(Event.length, 1);
  assert.equal(Object.prototype.toString.call(new Event("a")), "[object Event]");
  assert(Object.getOwnPropertyDescriptor(Event.prototype, "type").enumerable);
  assert.equal(Event.AT_TARGET, 2);
  assert(new CustomEvent("a", { detail: 1 }) instanceof Event);
  assert.throws(() => Event.prototype.type, TypeError, "Illegal invocation");
  assert.throws(() => new Event(), TypeError, "1 argument required, but only 0 present");
  assert.throws(() => EventTarget.prototype.addEventListener.call({}, "a", null), TypeError, "Illegal invocation");
});

test("listeners run in order: capturing first, once, handleEvent, removed while running", () => {
  const target = new EventTarget();
  const seen = [];
  const late = () => seen.push("late");
  target.addEventListener("x", () => { seen.push("bubble"); target.removeEventListener("x", late); });
  target.addEventListener("x", { handleEvent(e) { seen.push(e.currentTarget === target && e.eventPhase); } }, true);
  target.addEventListener("x", () => seen.push("once"), { once: true });
  target.addEventListener("x", late);
  target.dispatchEvent(new Event("x"));
  target.dispatchEvent(new Event("x"));
  assert.deepEqual(seen, [2, "bubble", "once", 2, "bubble"]);
});

test("preventDefault, passive listeners and stopImmediatePropagation", () => {
  const target = new EventTarget();
  target.addEventListener("x", (e) => e.preventDefault(), { passive: true });
  assert(target.dispatchEvent(new Event("x", { cancelable: true })));
  target.addEventListener("x", (e) => { e.preventDefault(); e.stopImmediatePropagation(); });
  target.addEventListener("x", () => assert(false, "reached"));
  assert(!target.dispatchEvent(new Event("x", { cancelable: true })));
  const event = new Event("y");
  target.addEventListener("y", () => target.dispatchEvent(event));
  const reported = [];
  withReports(reported, () => target.dispatchEvent(event));
  assert.equal(reported[0].name, "InvalidStateError");
});

test("an exception in a listener is reported and the next listener runs", () => {
  const target = new EventTarget();
  const reported = [];
  let ran = false;
  target.addEventListener("x", () => { throw new Error("boom"); });
  target.addEventListener("x", () => { ran = true; });
  withReports(reported, () => target.dispatchEvent(new Event("x")));
  assert(ran);
  assert.equal(reported[0].message, "boom");
});

test("the global scope is a target; reportError fires an ErrorEvent with the error's place", () => {
  let event;
  const listener = (e) => { event = e; e.preventDefault(); };
  addEventListener("error", listener);
  const error = new RangeError("oops");
  try { reportError(error); } finally { removeEventListener("error", listener); }
  assert.equal(event.error, error);
  assert(event.message.includes("RangeError: oops") && event.lineno > 0 && event.colno > 0);
  assert(event.filename.includes("events.js") && event.isTrusted && event.target === globalThis);
});

test("onerror at the global scope gets five arguments; true means handled", () => {
  const reported = [];
  let got;
  globalThis.onerror = (...args) => { got = args; return true; };
  try { withReports(reported, () => reportError("text")); } finally { globalThis.onerror = null; }
  assert.equal(got.length, 5);
  assert.equal(got[4], "text");
  assert.equal(reported.length, 0);
});

test("an unhandled rejection is an event that a listener may cancel", () => {
  const promise = Promise.resolve();
  assert.equal(internals.reportRejection(promise, "why"), true);
  let event;
  globalThis.onunhandledrejection = (e) => { event = e; e.preventDefault(); };
  try { assert.equal(internals.reportRejection(promise, "why"), false); } finally { globalThis.onunhandledrejection = null; }
  assert(event.promise === promise && event.reason === "why" && event.isTrusted);
});

test("the global scope inherits from EventTarget", () => {
  assert(globalThis instanceof EventTarget && globalThis instanceof ServiceWorkerGlobalScope);
  assert.equal(Object.prototype.toString.call(globalThis), "[object ServiceWorkerGlobalScope]");
  assert.throws(() => new ServiceWorkerGlobalScope(), TypeError, "Illegal constructor");
  assert.throws(() => Object.create(globalThis).self, TypeError, "Illegal invocation");
});

test("QuotaExceededError is a DOMException with numbers", () => {
  const error = new QuotaExceededError("m", { quota: 1, requested: 2 });
  assert(error instanceof DOMException && error.code === 22 && error.quota === 1 && error.requested === 2);
  assert.throws(() => new QuotaExceededError("m", { quota: 2, requested: 1 }), RangeError);
});

test("signals abort in the order of the standard and forget listeners", () => {
  const controller = new AbortController();
  const { signal } = controller;
  const seen = [];
  const algorithm = (reason) => seen.push(["algorithm", reason]);
  internals.abort.add(signal, algorithm);
  signal.onabort = (e) => seen.push(["event", e.isTrusted]);
  const target = new EventTarget();
  target.addEventListener("x", () => seen.push("x"), { signal });
  target.dispatchEvent(new Event("x"));
  controller.abort("why");
  controller.abort("again");
  target.dispatchEvent(new Event("x"));
  assert.deepEqual(seen, ["x", ["algorithm", "why"], ["event", true]]);
  assert.equal(signal.reason, "why");
  assert.throws(() => new AbortSignal(), TypeError, "Illegal constructor");
  assert.equal(AbortSignal.abort().reason.name, "AbortError");
});

test("any() follows its sources whether observed or not, and takes the first reason", () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const unobserved = AbortSignal.any([a.signal, b.signal]);
  const observed = AbortSignal.any([unobserved]);
  let fired = 0;
  observed.addEventListener("abort", () => fired++);
  b.abort("second");
  a.abort("first");
  assert.equal(unobserved.reason, "second");
  assert.equal(observed.reason, "second");
  assert.equal(fired, 1);
});

test("DOMException is an error with name, code and stack", () => {
  const e = new DOMException("m", "AbortError");
  assert.equal(e.code, 20);
  assert(e instanceof Error);
  assert(/^AbortError: m\n.*events\.js/.test(e.stack), e.stack);
  assert.equal(DOMException.length, 0);
  assert.equal(new DOMException("m", "Own").code, 0);
  assert.throws(() => DOMException.prototype.name, TypeError);
});

test("queueMicrotask reports what a callback throws", async () => {
  const reported = [];
  const original = internals.logUncaught;
  internals.logUncaught = (e) => reported.push(e);
  queueMicrotask(() => { throw 7; });
  await null;
  await null;
  internals.logUncaught = original;
  assert.deepEqual(reported, [7]);
  assert.throws(() => queueMicrotask(1), TypeError);
});

test("patched builtins change nothing", () => {
  const saved = [Array.prototype.slice, Array.prototype.push, Function.prototype.call, Array.prototype[Symbol.iterator]];
  const target = new EventTarget();
  const controller = new AbortController();
  let seen = 0;
  Array.prototype.slice = Array.prototype.push = Function.prototype.call = () => { throw new Error("tampered"); };
  Array.prototype[Symbol.iterator] = Array.prototype.push;
  Object.prototype.get = () => { throw new Error("tampered"); };
  try {
    target.addEventListener("x", () => { seen++; });
    target.addEventListener("x", () => { seen++; }, { signal: controller.signal });
    target.dispatchEvent(new Event("x"));
    controller.abort();
    target.dispatchEvent(new Event("x"));
  } finally {
    Array.prototype.slice = saved[0];
    Array.prototype.push = saved[1];
    Function.prototype.call = saved[2];
    Array.prototype[Symbol.iterator] = saved[3];
    delete Object.prototype.get;
  }
  assert.equal(seen, 3);
});

function withReports(reported, fn) {
  const original = internals.logUncaught;
  internals.logUncaught = (e) => reported.push(e);
  try { fn(); } finally { internals.logUncaught = original; }
}

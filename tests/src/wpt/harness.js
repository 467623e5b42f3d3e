// Runs one file of the Web Platform Tests inside of the request that asks for it, and answers with
// what became of its subtests. The bundle has beside this:
//   wptTestharness(self)  the suite's resources/testharness.js
//   wptTest()             the scripts that the test names, then the test
//   wptFile               { name, url, time_ms }
//   wptExpressions        { "text": () => its value } for tests of interfaces
// Statuses in the answer are testharness.js's own numbers.

const wptRun = (() => {
  const { Map, Object, Promise, Proxy, Reflect, Request, Response, String, URL, setTimeout } = globalThis;
  const { stringify } = JSON;
  const TIMEOUT = 2;
  const NOTRUN = 3;

  const define = (target, key, value, enumerable) =>
    Object.defineProperty(target, key, { value, enumerable, configurable: true, writable: true });

  // What the suite takes for granted in a worker of a browser: a URL of its own, and URLs that are
  // relative to it.
  function completeGlobals(url) {
    globalThis.GLOBAL = { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false };
    if (globalThis.location === undefined) {
      const location = { toString: () => url.href };
      for (const key of ["href", "origin", "protocol", "host", "hostname", "port", "pathname", "search", "hash"]) {
        location[key] = url[key];
      }
      define(globalThis, "location", location, true);
    }

    const absolute = (value) => {
      // Not what Web IDL makes no string of, or another object takes the URL from.
      if (typeof value === "symbol" || value instanceof Request) return value;
      const text = String(value);
      if (URL.canParse(text)) return value;
      return URL.canParse(text, url) ? new URL(text, url).href : value;
    };
    const first = (list) => (list.length === 0 ? list : [absolute(list[0]), ...Array.from(list).slice(1)]);
    for (const name of ["Request", "EventSource", "WebSocket"]) {
      const original = globalThis[name];
      if (typeof original !== "function") continue;
      const wrapped = new Proxy(original, {
        construct: (target, list, made) => Reflect.construct(target, first(list), made === wrapped ? target : made),
      });
      define(globalThis, name, wrapped, false);
      define(original.prototype, "constructor", wrapped, false);
    }
    const apply = (target, self, list) => Reflect.apply(target, self ?? globalThis, first(list));
    define(globalThis, "fetch", new Proxy(globalThis.fetch, { apply }), true);
    define(Response, "redirect", new Proxy(Response.redirect, { apply }), true);
  }

  // testharness.js tells its surroundings by the interfaces of the scope: without these it takes a
  // plain shell, begins at once and posts no messages.
  function loadTestharness() {
    const hidden = [];
    for (const kind of ["", "Dedicated", "Shared", "Service"]) {
      const name = `${kind}WorkerGlobalScope`;
      const descriptor = Reflect.getOwnPropertyDescriptor(globalThis, name);
      if (descriptor !== undefined && Reflect.deleteProperty(globalThis, name)) hidden.push([name, descriptor]);
    }
    wptTestharness(globalThis);
    for (const [name, descriptor] of hidden) Object.defineProperty(globalThis, name, descriptor);
  }

  function compileExpressions() {
    if (wptExpressions === null) return;
    const { eval: original } = globalThis;
    globalThis.eval = (text) => (Object.hasOwn(wptExpressions, text) ? wptExpressions[text]() : original(text));
  }

  // Runs the test; { tests, status, message } when all of it is over or the time is up.
  async function collect() {
    const tests = new Map();
    const note = (test) => tests.set(test, true);
    globalThis.add_test_state_callback(note);
    globalThis.add_result_callback(note);
    const completed = new Promise((resolve) => {
      globalThis.add_completion_callback((all, status) => {
        all.forEach(note);
        resolve({ status: status.status, message: status.message ?? null });
      });
    });
    let thrown = null;
    try {
      wptTest.call(globalThis);
    } catch (error) {
      thrown = `the script threw: ${error} ${error?.stack ?? ""}`;
    }
    // After an error only what had begun is waited for.
    const time_ms = thrown === null ? wptFile.time_ms : 1000;
    const late = new Promise((resolve) => {
      setTimeout(() => resolve({ status: TIMEOUT, message: `not over after ${time_ms} ms`, late: true }), time_ms);
    });
    const result = await Promise.race([completed, late]);
    if (thrown !== null) Object.assign(result, { status: result.status || 1, message: thrown.slice(0, 600) });
    return { ...result, tests: [...tests.keys()] };
  }

  function describe(test, late) {
    const { phases } = test;
    const unfinished = late && test.phase < phases.HAS_RESULT;
    const status = unfinished ? (test.phase === phases.STARTED ? TIMEOUT : NOTRUN) : test.status;
    const message = test.message === null || test.message === undefined ? null : String(test.message).slice(0, 500);
    return { name: String(test.name), status, message };
  }

  // JSON in UTF-8 has no lone surrogates.
  const printable = (key, value) =>
    typeof value === "string" && !value.isWellFormed()
      ? value.replace(/[\ud800-\udfff]/g, (c) => `U+${c.charCodeAt(0).toString(16)}`)
      : value;

  let ran = false;
  return async () => {
    // One isolate, one run: a second one would find what the first has left.
    if (ran) return new Response("this isolate has run its test", { status: 409 });
    ran = true;
    let answer;
    try {
      completeGlobals(new URL(wptFile.url));
      loadTestharness();
      // A stray exception would end the whole file in the middle.
      globalThis.setup({ allow_uncaught_exception: true });
      compileExpressions();
      const { tests, status, message, late } = await collect();
      answer = { harness: { status, message }, subtests: tests.map((test) => describe(test, late)) };
    } catch (error) {
      answer = { harness: { status: 1, message: `the harness failed: ${error} ${error?.stack}` }, subtests: [] };
    }
    return new Response(stringify(answer, printable), { headers: { "content-type": "application/json" } });
  };
})();

addEventListener("fetch", (event) => event.respondWith(wptRun(event.request)));

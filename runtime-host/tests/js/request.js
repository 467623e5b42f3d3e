"use strict";
// Request: construction as Workers have it, and what the engine learns of an incoming one.

const { inspect } = internals.request;
const url = "https://example.com/";

function incoming(calls = [], method = "POST") {
  const thunk = (name, value) => (inv) => (calls.push(`${name} ${inv}`), value);
  return internals.request.createIncoming({
    inv: 42, method, urlThunk: thunk("url", `${url}p?q`), headersThunk: thunk("headers", "host\nexample.com\na\n1"), bodyHandle: undefined,
    signalThunk: (inv) => (calls.push(`signal ${inv}`), internals.abort.create()),
    cfThunk: () => (calls.push("cf"), { tls: { version: "1.3" }, colos: ["a"] }),
  });
}

test("methods are normalised, forbidden ones refused", () => {
  for (const [given, expected] of [["get", "GET"], ["pOst", "POST"], ["patch", "PATCH"], ["PROPFIND", "PROPFIND"], ["chicken", "chicken"]]) {
    assert.equal(new Request(url, { method: given }).method, expected);
  }
  for (const method of ["CONNECT", "trace", "TRACK", "", "a b", "é"]) assert.throws(() => new Request(url, { method }), TypeError, "Invalid HTTP method");
});

test("defaults and members of Workers", () => {
  const request = new Request("HTTPS://Example.com/a/../b#c");
  assert.deepEqual(
    [request.url, request.method, request.redirect, request.body, request.bodyUsed, request.cf, request.fetcher, request.integrity, request.keepalive],
    ["https://example.com/b#c", "GET", "follow", null, false, undefined, null, "", false],
  );
  assert(request.signal instanceof AbortSignal);
  assert.equal(request.signal, request.signal);
  assert.equal(new Request(new URL("https://h/@")).url, "https://h/@");
});

test("invalid arguments are type errors", () => {
  for (const call of [
    () => new Request(), () => new Request("/relative"), () => new Request(url, 1), () => new Request(url, { redirect: "x" }),
    () => new Request(url, { signal: {} }), () => new Request(url, { cache: "only-if-cached" }), () => new Request(url, { cache: "x" }), () => new Request("https://u:p@h/"),
    () => new Request(url, { mode: "navigate" }), () => new Request(url, { mode: "no-cors", method: "PUT" }), () => new Request(url, { duplex: "full" }),
    () => new Request(url, { referrer: "http://" }), () => new Request(url, { window: {} }), () => new Request(url, { priority: "x" }),
    () => new Request(url, { keepalive: true, method: "POST", body: new ReadableStream() }),
    () => new Request(url, { body: "x" }), () => new Request(url, { method: "HEAD", body: "x" }), () => new Request(url, { cf: 1 }),
    () => new Request(new Request(url, { method: "POST", body: "x" }), { method: "GET" }), () => Request(url),
  ]) assert.throws(call, TypeError);
});

test("options that mean nothing here are kept", () => {
  const init = {
    cache: "no-store", credentials: "omit", duplex: "half", integrity: "sha256-x", keepalive: 1, mode: "same-origin", priority: "low",
    referrer: "https://example.com/", referrerPolicy: "origin", window: null,
  };
  const shown = (r) => [r.cache, r.credentials, r.duplex, r.integrity, r.keepalive, r.mode, r.referrer, r.referrerPolicy, r.destination];
  const expected = ["no-store", "omit", "half", "sha256-x", true, "same-origin", "about:client", "origin", ""];
  const request = new Request(url, init);
  for (const made of [request, request.clone(), new Request(request), new Request(url, request)]) assert.deepEqual(shown(made), expected);
  assert.deepEqual(shown(new Request(url)), ["default", "same-origin", "half", "", false, "cors", "about:client", "", ""]);
  assert.equal(new Request(request, { integrity: "", referrer: "" }).referrer, "");
  assert.equal(request.integrity, "sha256-x");
});

test("a Request from a Request takes its body, one from an init shares it", async () => {
  const first = new Request(url, { method: "POST", body: "x", headers: { a: "b" } });
  const second = new Request(first);
  assert.equal(first.bodyUsed, true);
  assert.throws(() => new Request(first), TypeError, "used body");
  assert.equal(second.headers.get("a"), "b");
  const third = new Request("https://other.example/", second);
  assert.deepEqual([third.url, third.method, second.bodyUsed], ["https://other.example/", "POST", false]);
  assert.equal(await third.text(), "x");
  assert.equal(second.bodyUsed, true);
  const replaced = new Request(first, { body: "y" });
  assert.equal(await replaced.text(), "y");
  assert.equal(new Request(new Request(url, { method: "POST", body: "x" }), { body: null }).body, null);
});

test("signals are followed", () => {
  const controller = new AbortController();
  const request = new Request(url, { signal: controller.signal });
  const clone = request.clone();
  const without = new Request(request, { signal: null });
  const { signal } = request;
  controller.abort("why");
  assert.deepEqual([signal.aborted, signal.reason, clone.signal.aborted, without.signal.aborted], [true, "why", true, false]);
});

test("nothing of an incoming request is made before it is looked at", () => {
  const calls = [];
  const request = incoming(calls);
  const state = inspect(new Request(request));
  assert.deepEqual(
    [state.incoming, state.method, state.methodIsOriginal, state.urlIsOriginal, state.headersOrigin, state.headersDirty, state.redirect],
    [42, "POST", true, true, 42, false, "follow"],
  );
  assert.equal(internals.request.from(request, undefined), request);
  assert.deepEqual(calls, []);
  assert.deepEqual([request.url, request.url, request.headers.get("a"), request.cf.tls.version], [`${url}p?q`, `${url}p?q`, "1", "1.3"]);
  assert.equal(request.signal, request.signal);
  assert.deepEqual(calls, ["url 42", "headers 42", "cf", "signal 42"]);
  assert.throws(() => request.headers.set("a", "2"), TypeError, "immutable");
});

test("what was changed of an incoming request is known", () => {
  const request = incoming();
  let state = inspect(new Request(request, { method: "PUT" }));
  assert.deepEqual([state.methodIsOriginal, state.urlIsOriginal, state.headersOrigin], [false, true, 42]);
  state = inspect(new Request(request, { method: "post" }));
  assert.equal(state.methodIsOriginal, true);
  state = inspect(new Request("https://other.example/", request));
  assert.deepEqual([state.incoming, state.methodIsOriginal, state.urlIsOriginal, state.headersOrigin], [42, true, false, 42]);
  state = inspect(new Request(request.url, request));
  assert.equal(state.urlIsOriginal, true);
  const changed = new Request(request);
  changed.headers.set("b", "2");
  state = inspect(new Request(changed));
  assert.deepEqual([state.headersOrigin, state.headersDirty, internals.headers.pack(state.headers)], [undefined, true, "host\nexample.com\na\n1\nb\n2"]);
  state = inspect(new Request(request, { headers: {} }));
  assert.deepEqual([state.headersOrigin, internals.headers.pack(state.headers)], [undefined, ""]);
  state = inspect(new Request(url));
  assert.deepEqual([state.incoming, state.methodIsOriginal, state.urlIsOriginal], [undefined, false, false]);
});

test("cf is copied for derived requests", () => {
  const request = incoming();
  request.cf.tls.version = "changed";
  const derived = new Request(request);
  derived.cf.tls.version = "mine";
  assert.deepEqual([request.cf.tls.version, derived.cf.colos], ["changed", ["a"]]);
  assert.deepEqual(new Request(request, { cf: { a: 1 } }).cf, { a: 1 });
});

"use strict";
// Response: construction as Workers have it, statics, and what the engine learns of one.

const { inspect } = internals.response;
const createUpstream = (head) => internals.response.createUpstream({ type: "basic", statusText: "", redirected: false, webSocket: undefined, ...head });
const upstream = (calls = []) =>
  createUpstream({ status: 203, headersThunk: (origin) => (calls.push(origin), "a\n1\nset-cookie\nx\nset-cookie\ny"), origin: 42, bodyHandle: null, url: "https://u.example/", redirected: true });

test("defaults", () => {
  const response = new Response();
  assert.deepEqual(
    [response.type, response.url, response.redirected, response.status, response.ok, response.statusText, response.body, response.webSocket, response.cf],
    ["default", "", false, 200, true, "", null, null, undefined],
  );
  assert.equal(new Response("", { status: 404 }).ok, false);
  assert.equal(new Response("x", null).status, 200);
});

test("status and status text are checked", () => {
  for (const status of [0, 101, 199, 600, "abc", 65736 + 300000]) assert.throws(() => new Response(null, { status }), RangeError, "200 to 599");
  assert.equal(new Response(null, { status: "404" }).status, 404);
  for (const statusText of ["a\nb", "\u0100", "\0"]) assert.throws(() => new Response(null, { statusText }), TypeError, "Invalid statusText");
  assert.equal(new Response(null, { statusText: "Fine \xe9" }).statusText, "Fine \xe9");
  assert.throws(() => new Response(null, 5), TypeError);
  assert.throws(() => new Response(null, { encodeBody: "x" }), TypeError);
  assert.throws(() => new Response(null, { webSocket: {} }), TypeError, "Return fetch(request)");
});

test("a null body status takes no body but an empty one", () => {
  for (const status of [204, 205, 304]) {
    assert.throws(() => new Response("x", { status }), TypeError, "null body status");
    assert.throws(() => new Response(new ReadableStream(), { status }), TypeError, "null body status");
    assert.equal(new Response("", { status }).body, null);
    assert.equal(new Response(null, { status }).status, status);
  }
});

test("statics", async () => {
  const json = Response.json({ a: 1 }, { status: 201, headers: { x: "y" } });
  assert.deepEqual([json.status, json.headers.get("content-type"), json.headers.get("x"), await json.text()], [201, "application/json", "y", '{"a":1}']);
  assert.equal(Response.json(1, { headers: { "content-type": "a/b" } }).headers.get("content-type"), "a/b");
  assert.throws(() => Response.json(undefined), TypeError);
  const redirect = Response.redirect("https://example.com/a b", 308);
  assert.deepEqual([redirect.status, redirect.headers.get("location")], [308, "https://example.com/a%20b"]);
  assert.throws(() => redirect.headers.set("a", "b"), TypeError, "immutable");
  assert.equal(Response.redirect("https://example.com/").status, 302);
  assert.throws(() => Response.redirect("/relative"), TypeError, "Unable to parse URL");
  assert.throws(() => Response.redirect("https://example.com/", 200), RangeError, "not a redirect status");
  const error = Response.error();
  assert.deepEqual([error.type, error.status, error.ok], ["error", 0, false]);
});

test("an upstream's response is immutable and lazy, a copy is mutable and known while unchanged", () => {
  const calls = [];
  const response = upstream(calls);
  const copy = new Response(response.body, response);
  assert.deepEqual([inspect(copy).headersOrigin, inspect(copy).headersDirty, copy.status, copy.url, copy.redirected], [42, false, 203, "", false]);
  assert.deepEqual(calls, []);
  assert.deepEqual([response.type, response.url, response.redirected, response.headers.get("a")], ["basic", "https://u.example/", true, "1"]);
  assert.throws(() => response.headers.set("a", "b"), TypeError, "immutable");
  copy.headers.set("a", "2");
  assert.deepEqual([inspect(copy).headersOrigin, internals.headers.pack(copy.headers)], [undefined, "a\n2\nset-cookie\nx\nset-cookie\ny"]);
  const other = new Response("new", { status: 201, headers: response.headers });
  assert.deepEqual([inspect(other).headersOrigin, other.headers.getSetCookie()], [undefined, ["x", "y"]]);
  assert.equal(inspect(new Response(null, { headers: response.headers })).headersOrigin, 42);
  assert.throws(() => response.clone().headers.set("a", "b"), TypeError, "immutable");
});

test("an init is read like a dictionary", () => {
  const order = [];
  const init = new Proxy({}, { get: (target, key) => void order.push(key) });
  new Response(null, init);
  assert.deepEqual(order, ["cf", "encodeBody", "headers", "status", "statusText", "webSocket"]);
  assert.equal(new Response(null, { status: 200.7 }).status, 200);
});

test("an upgrade is passed on with its body, changed headers or not", () => {
  const accepted = (bodyHandle) =>
    createUpstream({ status: 101, headersThunk: () => "upgrade\nwebsocket", origin: 42, bodyHandle, url: "https://u.example/" });
  const { hostBody } = internals;
  internals.hostBody = { stream: (handle) => internals.streams.createHostReadable(handle, () => {}, () => {}) };
  try {
    for (const make of [(r) => r, (r) => new Response(r.body, r), (r) => new Response(null, r)]) {
      const response = make(accepted(7));
      const { kind, handle } = internals.body.take(response);
      assert.deepEqual([response.status, response.headers.get("upgrade"), kind, handle], [101, "websocket", 1, 7]);
    }
    assert.throws(() => new Response("x", accepted(7)), TypeError, "must keep its body");
    assert.throws(() => accepted(7).clone(), TypeError, "Cannot clone");
  } finally {
    internals.hostBody = hostBody;
  }
});

test("an upstream's response that can't have a body has none", () => {
  for (const status of [204, 304]) {
    const response = createUpstream({ status, headersThunk: () => "", origin: 42, bodyHandle: 7, url: "https://u.example/" });
    assert.equal(new Response(response.body, response).body, null);
  }
});

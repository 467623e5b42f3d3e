const turns = async (count = 20) => { for (let i = 0; i < count; i++) await undefined; };
const pair = () => {
  const { 0: one, 1: other } = new WebSocketPair();
  const log = [];
  for (const [name, socket] of [["one", one], ["other", other]]) {
    socket.onmessage = ({ data }) => log.push([name, typeof data === "string" ? data : [...new Uint8Array(data)]]);
    socket.onclose = ({ code, reason, wasClean }) => log.push([name, code, reason, wasClean]);
    socket.onerror = () => log.push([name, "error"]);
  }
  return { one, other, log };
};
const named = (fn, name) => {
  try { fn(); } catch (e) { return assert.equal(e.name, name, e.message); }
  throw new Error(`expected ${name}`);
};

test("URLs and protocols that can't be are refused at once", () => {
  for (const url of ["", "about:blank", "ftp://a/", "ws://a b/", "ws://a/#x", "http://a/#", "/relative"]) {
    named(() => new WebSocket(url), "SyntaxError");
  }
  for (const protocols of ["", "a b", ["a", "a"], ["a", "A"], ["/"], ["\u00e4"]]) {
    named(() => new WebSocket("ws://a/", protocols), "SyntaxError");
  }
  assert.throws(() => new WebSocket(), TypeError);
  assert.throws(() => WebSocket("ws://a/"), TypeError);
  assert.throws(() => WebSocket.prototype.readyState, TypeError);
  assert.deepEqual([WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED], [0, 1, 2, 3]);
  assert.equal(WebSocket.prototype.CLOSED, 3);
});

test("the two of a pair hear each other", async () => {
  const { one, other, log } = pair();
  assert.deepEqual([...new WebSocketPair()].map((s) => s instanceof WebSocket), [true, true]);
  other.accept();
  one.accept();
  one.send("hello");
  other.send(new Uint8Array([1, 2, 3]).subarray(1));
  assert.equal(log.length, 0, "never while send() runs");
  await turns();
  assert.deepEqual(log, [["other", "hello"], ["one", [2, 3]]]);
  log.length = 0;
  one.close(4000, "enough");
  assert.equal(one.readyState, WebSocket.CLOSING);
  await turns();
  assert.deepEqual(log, [["other", 4000, "enough", true], ["one", 4000, "enough", true]]);
  assert.deepEqual([one.readyState, other.readyState], [3, 3]);
  one.send("late");
  assert.equal(one.bufferedAmount, 4);
});

test("what comes before accept() waits for it", async () => {
  const { one, other, log } = pair();
  assert.throws(() => one.send("x"), TypeError, "accept()");
  one.accept();
  one.accept();
  one.send("early");
  one.close();
  await turns();
  assert.deepEqual(log, []);
  other.accept();
  await turns();
  assert.deepEqual(log, [["other", "early"], ["other", 1005, "", true], ["one", 1005, "", true]]);
});

test("codes and reasons that can't be are refused", () => {
  const { one } = pair();
  one.accept();
  for (const code of [0, 500, 999, 1005, 1006, 2999, 5000, NaN, "x"]) named(() => one.close(code), "InvalidAccessError");
  named(() => one.close(1000, "\u00e4".repeat(62)), "SyntaxError");
  assert.equal(one.readyState, WebSocket.OPEN);
  one.close(1000, "x".repeat(123));
});

test("a WebSocket of a Worker's own is no answer", () => {
  const [client] = new WebSocketPair();
  assert.throws(() => new Response(null, { status: 101, webSocket: client }), TypeError, "return fetch(request)".replace("r", "R"));
  assert.equal(new Response("x").webSocket, null);
});

test("CloseEvent has its fields", () => {
  const event = new CloseEvent("close", { code: 4001, reason: "r", wasClean: true });
  assert.deepEqual([event.code, event.reason, event.wasClean, event.type], [4001, "r", true, "close"]);
  assert.deepEqual([new CloseEvent("x").code, new CloseEvent("x").reason], [0, ""]);
});

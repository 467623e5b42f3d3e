"use strict";
// Bodies of requests and responses: where they come from, reading them once, moving and copying them.
// Host bodies are stood in for by handles whose reading is recorded.

const { take } = internals.body;
const text = (bytes) => Array.from(bytes, (b) => String.fromCharCode(b)).join("");
const USED = "Body has already been used.";

let read = [];
function withHost(fn) {
  return async () => {
    const { hostBody } = internals;
    read = [];
    internals.hostBody = {
      aborted: () => undefined,
      collect: (handle, done) => (read.push(handle), done(Uint8Array.of(104, 105))),
      collectText: (handle, done) => (read.push(`text ${handle}`), done("hi")),
      stream: (handle) => {
        const stream = internals.streams.createHostReadable(
          handle,
          () => {
            read.push(`pull ${handle}`);
            internals.streams.hostEnqueue(stream, Uint8Array.of(104, 105));
            internals.streams.hostClose(stream);
          },
          () => undefined,
        );
        return stream;
      },
    };
    try {
      await fn();
    } finally {
      internals.hostBody = hostBody;
    }
  };
}
const incoming = (handle = 7, method = "POST") =>
  internals.request.createIncoming({
    inv: 42, method, urlThunk: () => "https://example.com/x", headersThunk: () => "host\nexample.com", bodyHandle: handle,
  });
const upstream = (handle = 9) =>
  internals.response.createUpstream({ type: "basic", statusText: "", redirected: false, webSocket: undefined, status: 203, headersThunk: () => "a\nb", origin: 42, bodyHandle: handle, url: "https://example.com/x" });

test("strings and bytes are read without a stream", async () => {
  assert.equal(await new Response("h\u00e4").text(), "h\u00e4");
  assert.equal(await new Response("\ufeffa\ud800").text(), "a\ufffd");
  assert.deepEqual(await new Response('{"a":1}').json(), { a: 1 });
  const bytes = new Uint8Array([0, 1, 2, 3]).subarray(1, 3);
  const response = new Response(bytes);
  bytes[0] = 9;
  assert.deepEqual([...(await response.bytes())], [1, 2]);
  assert.equal((await new Response(new Uint8Array(5).buffer).arrayBuffer()).byteLength, 5);
  assert.equal(await new Response(new DataView(new ArrayBuffer(2))).text(), "\0\0");
  await assert.rejects(new Response("{").json(), SyntaxError);
});

test("a null body reads as empty and is never used", async () => {
  const response = new Response(null);
  assert.equal(response.body, null);
  assert.equal((await response.arrayBuffer()).byteLength, 0);
  assert.equal(await response.text(), "");
  assert.equal(response.bodyUsed, false);
  await assert.rejects(response.json(), SyntaxError);
});

test("a body can be read once", async () => {
  const response = new Response("x");
  assert.equal(response.bodyUsed, false);
  const first = response.text();
  assert.equal(response.bodyUsed, true);
  await first;
  for (const method of ["text", "json", "arrayBuffer", "bytes", "blob", "formData"]) await assert.rejects(response[method](), TypeError, USED);
  assert.throws(() => response.clone(), TypeError, USED);
  assert.throws(() => new Response(response.body), TypeError, "disturbed");
  assert.equal(response.body.locked, true);
  assert.throws(() => take(response), TypeError, USED);
  const locked = new Response("x");
  locked.body.getReader();
  await assert.rejects(locked.text(), TypeError, "locked");
  assert.throws(() => new Response(locked.body), TypeError, "locked");
  assert.equal(locked.bodyUsed, false);
});

test("the stream of a body and its source are one", async () => {
  const response = new Response("abc");
  const { body } = response;
  assert.equal(response.body, body);
  assert.equal(await response.text(), "abc");
  assert.equal(body.locked, true);
  const other = new Response("abc");
  const reader = other.body.getReader();
  assert.equal(text((await reader.read()).value), "abc");
  assert.equal(other.bodyUsed, true);
  assert.equal((await reader.read()).done, true);
});

test("content types follow the body", () => {
  const type = (body, init) => new Response(body, init).headers.get("content-type");
  assert.equal(type("x"), "text/plain;charset=UTF-8");
  assert.equal(type(new Uint8Array(1)), null);
  assert.equal(type(new Blob(["x"], { type: "a/B" })), "a/b");
  assert.equal(type(new Blob(["x"])), null);
  assert.equal(type("x", { headers: { "Content-Type": "a/b" } }), "a/b");
  assert(type(new FormData()).startsWith("multipart/form-data; boundary="));
});

test("a stream is read to its end; chunks must be bytes", async () => {
  const stream = (...chunks) => new ReadableStream({ start(c) { chunks.forEach((x) => c.enqueue(x)); c.close(); } });
  assert.equal(await new Response(stream(Uint8Array.of(97), Uint8Array.of(98))).text(), "ab");
  await assert.rejects(new Response(stream("text")).text(), TypeError);
  const error = new Error("source");
  const failing = new Response(new ReadableStream({ pull() { throw error; } }));
  assert.equal(await failing.text().catch((e) => e), error);
  async function* chunks() { yield Uint8Array.of(97); yield Uint8Array.of(98); }
  assert.equal(await new Response(chunks()).text(), "ab");
});

test("a host body is read by the host at once, or by its stream when that is read", withHost(async () => {
  assert.equal((await incoming().arrayBuffer()).byteLength, 2);
  assert.equal(await incoming(6).text(), "hi");
  await assert.rejects(incoming(5).json(), SyntaxError);
  assert.deepEqual(read, [7, "text 6", "text 5"]);
  read = [];
  const request = incoming(8);
  const { body } = request;
  assert.deepEqual(read, []);
  assert.equal(request.bodyUsed, false);
  assert.equal(text((await body.getReader().read()).value), "hi");
  assert.deepEqual(read, ["pull 8"]);
  assert.equal(request.bodyUsed, true);
  const touched = incoming(9);
  touched.body;
  assert.equal(await touched.text(), "hi");
  assert.deepEqual(read, ["pull 8", "text 9"]);
}));

test("an untouched host body keeps its identity", withHost(async () => {
  const ways = [
    () => { const r = incoming(); return [r, r]; },
    () => { const r = incoming(); return [new Request(r), r]; },
    () => { const r = incoming(); return [new Request(new Request(r, { headers: { a: "b" } })), r]; },
    () => { const r = incoming(); return [new Request("https://other.example/", r), r]; },
    () => { const r = incoming(); r.body; return [new Request(r), r]; },
    () => { const r = incoming(); return [new Request("https://other.example/", { method: "POST", body: r.body }), r]; },
    () => { const r = upstream(7); return [new Response(r.body, r), r]; },
    () => { const r = upstream(7); r.body; return [r, r]; },
  ];
  for (const [i, way] of ways.entries()) {
    const [object, first] = way();
    const taken = take(object);
    assert.deepEqual([taken.kind, taken.handle], [1, 7], `way ${i}:`);
    assert.equal(first.bodyUsed, true, `way ${i}:`);
    assert.equal(object.bodyUsed, true, `way ${i}:`);
  }
  assert.deepEqual(read, []);
}));

test("what was read, or is being read, is no host body any more", withHost(async () => {
  const request = incoming();
  const reader = request.body.getReader();
  assert.throws(() => take(request), TypeError, "locked");
  await reader.read();
  reader.releaseLock();
  assert.throws(() => take(request), TypeError, USED);
  const transformed = new Response(upstream().body.pipeThrough(new TransformStream()));
  assert.equal(take(transformed).kind, 3);
}));

test("clones share what is there and tee what is to come, when it is read", withHost(async () => {
  const response = new Response(Uint8Array.of(1, 2));
  const twin = response.clone();
  (await twin.bytes())[0] = 9;
  assert.deepEqual([...(await response.bytes())], [1, 2]);
  const request = incoming();
  const copy = request.clone();
  assert.deepEqual(read, []);
  assert.equal(await copy.text(), "hi");
  assert.deepEqual(read, ["pull 7"]);
  assert.equal(request.bodyUsed, false);
  assert.equal(take(request).kind, 3);
  const streamed = new Response("abc");
  streamed.body;
  const third = streamed.clone();
  assert.equal(await streamed.text(), "abc");
  assert.equal(await third.text(), "abc");
}));

test("bodies of JavaScript leave as text, bytes or streams", async () => {
  const taken = take(new Response("h\u00e4\ud800"));
  assert.deepEqual([taken.kind, taken.text], [4, "h\u00e4\ufffd"]);
  assert.equal(take(new Response("")).text, "");
  assert.deepEqual([...take(new Response(Uint8Array.of(1))).bytes], [1]);
  assert.equal(take(new Response(null)).kind, 0);
  const response = new Response("x");
  response.body;
  assert.equal(take(response).kind, 4);
  assert.equal(response.body.locked, true);
});

test("a patched Object.prototype.then sees no body", withHost(async () => {
  const stream = () => new ReadableStream({ start(c) { c.enqueue(Uint8Array.of(104, 105)); c.close(); } });
  for (const object of [new Response(stream()), incoming(), upstream()]) {
    const seen = [];
    Object.prototype.then = function (resolve) { seen.push(this); delete Object.prototype.then; resolve("stolen"); };
    let result;
    try {
      result = object.text();
    } finally {
      await 0;
      delete Object.prototype.then;
    }
    assert.equal(await result, "hi");
    assert.deepEqual(seen, []);
  }
}));

test("members need an instance", async () => {
  await assert.rejects(Response.prototype.text.call({}), TypeError, "Illegal invocation");
  await assert.rejects(Request.prototype.text.call(new Response("x")), TypeError, "Illegal invocation");
  assert.throws(() => Object.getOwnPropertyDescriptor(Request.prototype, "body").get.call({}), TypeError, "Illegal invocation");
});

test("textStream() gives the text of the body in pieces", async () => {
  const read = async (stream) => {
    let all = "";
    for await (const piece of stream) all += piece;
    return all;
  };
  const response = new Response("\ufeffh\u00e4");
  assert.equal(await read(response.textStream()), "h\u00e4");
  assert.equal(response.bodyUsed, true);
  assert.throws(() => response.textStream(), TypeError);
  assert.equal(await read(new Response(null).textStream()), "");
  const halves = new ReadableStream({
    start(controller) {
      controller.enqueue(Uint8Array.of(0xe2, 0x98));
      controller.enqueue(Uint8Array.of(0x83, 0xff));
      controller.close();
    },
  });
  assert.equal(await read(new Response(halves).textStream()), "\u2603\ufffd");
});

test("a form's body is made of its parts, and can be read more than once by clones", async () => {
  const form = new FormData();
  form.append("a", new Blob(["x".repeat(100_000)]));
  form.append("b", "y");
  const response = new Response(form);
  const copies = [response.clone(), response.clone(), new Response(response.clone().body)];
  const texts = await Promise.all([response, ...copies].map((each) => each.text()));
  assert(texts.every((text) => text === texts[0] && text.length > 100_000));
  const again = new Request("https://example.com/", { method: "POST", body: form });
  const { kind, bytes } = take(new Request(again));
  assert.deepEqual([kind, Array.isArray(bytes), bytes.length], [5, true, 3]);
  assert.equal(again.bodyUsed, true);
});

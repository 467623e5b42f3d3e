const bytes = (...values) => new Uint8Array(values);
const source = (chunks, extra = {}) => {
  let i = 0;
  return new ReadableStream({
    type: "bytes",
    pull(c) {
      if (i < chunks.length) c.enqueue(bytes(...chunks[i++]));
      else { c.close(); c.byobRequest?.respond(0); }
    },
    ...extra,
  });
};

test("a default reader gets Uint8Arrays; enqueued buffers change owner", async () => {
  const chunk = bytes(1, 2);
  const stream = new ReadableStream({ type: "bytes", start(c) { c.enqueue(chunk); c.close(); } });
  assert.equal(chunk.byteLength, 0);
  const reader = stream.getReader();
  assert.deepEqual([...(await reader.read()).value], [1, 2]);
  assert((await reader.read()).done);
});

test("a BYOB reader fills the view it gave, across chunks", async () => {
  const reader = source([[1, 2, 3], [4, 5]]).getReader({ mode: "byob" });
  const view = new Uint8Array(4);
  const { value } = await reader.read(view, { min: 4 });
  assert.deepEqual([...value], [1, 2, 3, 4]);
  assert.equal(view.byteLength, 0, "the view's buffer was transferred");
  assert.deepEqual([...(await reader.read(new Uint8Array(9))).value], [5]);
  const last = await reader.read(new Uint8Array(2));
  assert(last.done && last.value.byteLength === 0 && last.value.buffer.byteLength === 2);
});

test("views keep their type, and elements are never split", async () => {
  const reader = source([[1, 0, 2], [0, 3, 0]]).getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint16Array(3), { min: 3 });
  assert(value instanceof Uint16Array);
  assert.deepEqual([...value], [1, 2, 3]);
  const half = source([[1]]).getReader({ mode: "byob" });
  await assert.rejects(half.read(new Uint16Array(1)), TypeError, "middle of an element");
});

test("a source answers BYOB requests in place or with a view", async () => {
  let requests = 0;
  const stream = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 4,
    pull(c) {
      const { byobRequest } = c;
      assert.equal(c.byobRequest, byobRequest);
      byobRequest.view[0] = ++requests;
      if (requests === 1) byobRequest.respond(1);
      else byobRequest.respondWithNewView(new Uint8Array(byobRequest.view.buffer, 0, 1));
      assert.equal(byobRequest.view, null);
      assert.throws(() => byobRequest.respond(1), TypeError, "already");
    },
  });
  const reader = stream.getReader();
  assert.deepEqual([...(await reader.read()).value], [1]);
  assert.deepEqual([...(await reader.read()).value], [2]);
});

test("bad views and answers are refused", async () => {
  const reader = source([[1]]).getReader({ mode: "byob" });
  await assert.rejects(reader.read(), TypeError, "1 argument");
  await assert.rejects(reader.read(new Uint8Array(0)), TypeError, "empty");
  await assert.rejects(reader.read(new Uint8Array(1), { min: 0 }), TypeError, "greater than 0");
  await assert.rejects(reader.read(new Uint8Array(1), { min: 2 }), RangeError);
  await assert.rejects(reader.read(new Uint8Array(new SharedArrayBuffer(1))), TypeError, "SharedArrayBuffer");
  await assert.rejects(reader.read(new Uint8Array(new ArrayBuffer(1, { maxByteLength: 2 }))), TypeError, "resizable");
  let controller;
  new ReadableStream({ type: "bytes", start(c) { controller = c; } });
  assert.throws(() => controller.enqueue("x"), TypeError);
  assert.throws(() => controller.enqueue(new Uint8Array(0)), TypeError, "empty");
  assert.throws(() => new ReadableStream({ type: "bytes", autoAllocateChunkSize: 0 }), TypeError);
});

test("bytes asked for by a released reader go to the next one", async () => {
  let controller;
  const stream = new ReadableStream({ type: "bytes", start(c) { controller = c; } });
  const first = stream.getReader({ mode: "byob" });
  const read = first.read(new Uint8Array(3));
  const { byobRequest } = controller;
  byobRequest.view[0] = 7;
  first.releaseLock();
  await assert.rejects(read, TypeError, "released");
  byobRequest.respond(1);
  assert.deepEqual([...(await stream.getReader().read()).value], [7]);
});

test("branches of a tee do not share memory, with and without BYOB", async () => {
  const [a, b] = source([[1, 2], [3, 4]]).tee();
  const byob = a.getReader({ mode: "byob" });
  const plain = b.getReader();
  const { value } = await byob.read(new Uint8Array(8));
  value[0] = 9;
  assert.deepEqual([...(await plain.read()).value], [1, 2]);
  const second = (await plain.read()).value;
  second[0] = 9;
  assert.deepEqual([...(await byob.read(new Uint8Array(8))).value], [3, 4]);
  assert((await byob.read(new Uint8Array(8))).done);
  assert((await plain.read()).done);
});

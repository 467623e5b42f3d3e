const turns = async (count = 20) => { for (let i = 0; i < count; i++) await undefined; };
const counter = (end, log = []) => {
  let i = 0;
  return new ReadableStream({
    pull(c) { log.push(i); if (i < end) c.enqueue(i++); else c.close(); },
    cancel(reason) { log.push(reason); },
  }, { highWaterMark: 0 });
};

test("interfaces have the shape Web IDL asks for", () => {
  for (const [Class, length] of [[ReadableStream, 0], [ReadableStreamDefaultReader, 1], [ReadableStreamBYOBReader, 1],
    [CountQueuingStrategy, 1], [ByteLengthQueuingStrategy, 1]]) {
    assert.equal(Class.length, length, Class.name);
    assert.equal(Class.prototype[Symbol.toStringTag], Class.name);
    assert(!Object.getOwnPropertyDescriptor(globalThis, Class.name).enumerable);
  }
  assert(Object.getOwnPropertyDescriptor(ReadableStream.prototype, "pipeTo").enumerable);
  assert.equal(ReadableStream.prototype[Symbol.asyncIterator], ReadableStream.prototype.values);
  assert.throws(() => new ReadableStreamDefaultController(), TypeError, "Illegal constructor");
  assert.throws(() => new ReadableStreamBYOBRequest(), TypeError, "Illegal constructor");
  assert.throws(() => ReadableStream.prototype.getReader.call({}), TypeError, "Illegal invocation");
  assert.throws(() => ReadableStream.prototype.locked, TypeError, "Illegal invocation");
});

test("promise operations reject instead of throwing", async () => {
  await assert.rejects(ReadableStream.prototype.cancel.call({}), TypeError, "Illegal invocation");
  await assert.rejects(new ReadableStream().pipeTo({}), TypeError, "WritableStream");
  const reader = new ReadableStream().getReader();
  reader.releaseLock();
  await assert.rejects(reader.read(), TypeError, "released");
  await assert.rejects(reader.closed, TypeError, "released");
});

test("arguments are checked", () => {
  assert.throws(() => new ReadableStream(null), TypeError);
  assert.throws(() => new ReadableStream({ pull: 1 }), TypeError, "pull");
  assert.throws(() => new ReadableStream({ type: "text" }), TypeError, "text");
  assert.throws(() => new ReadableStream({}, { highWaterMark: -1 }), RangeError);
  assert.throws(() => new ReadableStream({ type: "bytes" }, { size() {} }), RangeError);
  assert.throws(() => new ReadableStream().getReader({ mode: "byob" }), TypeError, "byte stream");
  assert.throws(() => new CountQueuingStrategy({}), TypeError, "highWaterMark");
  const stream = new ReadableStream();
  stream.getReader();
  assert.throws(() => stream.getReader(), TypeError, "locked");
});

test("chunks come in order and pull is called as the queue empties", async () => {
  const log = [];
  const reader = counter(2, log).getReader();
  await turns();
  assert.deepEqual(log, [], "a high-water mark of 0 pulls nothing before a read");
  const all = await Promise.all([reader.read(), reader.read(), reader.read()]);
  assert.deepEqual(all, [{ value: 0, done: false }, { value: 1, done: false }, { done: true }]);
  assert.deepEqual(Object.keys(all[2]), ["value", "done"]);
  assert.equal(await reader.closed, undefined);
});

test("desiredSize follows the strategy", async () => {
  let controller;
  const stream = new ReadableStream({ start(c) { controller = c; } }, { highWaterMark: 5, size: (chunk) => chunk.length });
  controller.enqueue("abc");
  assert.equal(controller.desiredSize, 2);
  await stream.getReader().read();
  assert.equal(controller.desiredSize, 5);
  controller.error(new Error("gone"));
  assert.equal(controller.desiredSize, null);
  assert.throws(() => controller.enqueue("x"), TypeError);
});

test("a strategy that throws fails the stream", async () => {
  const boom = new Error("boom");
  let controller;
  const stream = new ReadableStream({ start(c) { controller = c; } }, { size() { throw boom; } });
  assert.throws(() => controller.enqueue(1), Error, "boom");
  await assert.rejects(stream.getReader().read(), Error, "boom");
});

test("errors of start, pull and cancel reach the reader", async () => {
  assert.throws(() => new ReadableStream({ start() { throw new RangeError("now"); } }), RangeError, "now");
  await assert.rejects(new ReadableStream({ start: async () => { throw new Error("later"); } }).getReader().read(), Error, "later");
  await assert.rejects(new ReadableStream({ pull() { throw new Error("pull"); } }).getReader().read(), Error, "pull");
  await assert.rejects(new ReadableStream({ cancel() { throw new Error("no"); } }).cancel(), Error, "no");
});

test("cancel drops the queue and tells the source", async () => {
  const log = [];
  const stream = counter(9, log);
  assert.equal(await stream.cancel("why"), undefined);
  assert.deepEqual(log, ["why"]);
  assert.deepEqual(await stream.getReader().read(), { done: true });
});

test("a released reader's reads fail and the stream goes on", async () => {
  let controller;
  const stream = new ReadableStream({ start(c) { controller = c; } });
  const first = stream.getReader();
  const read = first.read();
  first.releaseLock();
  await assert.rejects(read, TypeError, "released");
  controller.enqueue("kept");
  assert.equal((await stream.getReader().read()).value, "kept");
});

test("async iteration reads, closes and cancels", async () => {
  const seen = [];
  for await (const chunk of counter(3)) seen.push(chunk);
  assert.deepEqual(seen, [0, 1, 2]);
  const log = [];
  const stopped = counter(3, log);
  for await (const chunk of stopped) if (chunk === 0) break;
  assert.deepEqual(log, [0, undefined]);
  assert(!stopped.locked);
  const kept = counter(3);
  for await (const chunk of kept.values({ preventCancel: true })) if (chunk === 0) break;
  assert.equal((await kept.getReader().read()).value, 1);
});

test("calls of an async iterator take turns", async () => {
  const iterator = counter(1).values();
  const results = await Promise.all([iterator.next(), iterator.next(), iterator.return("x"), iterator.next()]);
  assert.deepEqual(results, [{ value: 0, done: false }, { done: true }, { value: "x", done: true }, { done: true }]);
  await assert.rejects(Object.getPrototypeOf(iterator).next.call({}), TypeError, "Illegal invocation");
});

test("from takes iterables and async iterables, and closes them", async () => {
  const read = async (stream) => { const all = []; for await (const chunk of stream) all.push(chunk); return all; };
  assert.deepEqual(await read(ReadableStream.from([1, Promise.resolve(2)])), [1, 2]);
  assert.deepEqual(await read(ReadableStream.from((async function* () { yield "a"; yield "b"; })())), ["a", "b"]);
  assert.throws(() => ReadableStream.from(null), TypeError);
  assert.throws(() => ReadableStream.from({}), TypeError, "not iterable");
  let closed = 0;
  const stream = ReadableStream.from((function* () { try { yield 1; yield 2; } finally { closed++; } })());
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  assert.equal(closed, 1);
});

test("tee gives both branches every chunk; cancel needs both", async () => {
  const log = [];
  const [a, b] = counter(9, log).tee();
  const [ra, rb] = [a.getReader(), b.getReader()];
  assert.deepEqual([(await ra.read()).value, (await rb.read()).value], [0, 0]);
  let cancelled = false;
  const first = ra.cancel("one").then(() => { cancelled = true; });
  await turns();
  assert(!cancelled);
  assert.equal((await rb.read()).value, 1);
  await Promise.all([first, rb.cancel("two")]);
  assert.deepEqual(log[log.length - 1], ["one", "two"]);
});

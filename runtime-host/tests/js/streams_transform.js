const turns = async (count = 20) => { for (let i = 0; i < count; i++) await undefined; };
const read = async (stream) => { const all = []; for await (const chunk of stream) all.push(chunk); return all; };
const bytes = (...values) => new Uint8Array(values);

test("interfaces have the shape Web IDL asks for", () => {
  assert.equal(TransformStream.length, 0);
  assert.equal(TransformStream.prototype[Symbol.toStringTag], "TransformStream");
  const { readable, writable } = new TransformStream();
  assert(readable instanceof ReadableStream && writable instanceof WritableStream);
  assert.throws(() => new TransformStreamDefaultController(), TypeError, "Illegal constructor");
  assert.throws(() => new TransformStream({ readableType: "bytes" }), RangeError);
  const stream = new TransformStream();
  assert.equal(stream.readable, stream.readable);
});

test("transform may enqueue none, one or many; flush adds the end", async () => {
  const doubled = ReadableStream.from([1, 2, 3]).pipeThrough(new TransformStream({
    transform(chunk, c) { if (chunk !== 2) { c.enqueue(chunk); c.enqueue(chunk); } },
    flush(c) { c.enqueue("end"); },
  }));
  assert.deepEqual(await read(doubled), [1, 1, 3, 3, "end"]);
});

test("nothing is transformed before somebody reads", async () => {
  let calls = 0;
  const { readable, writable } = new TransformStream({ transform(chunk, c) { calls++; c.enqueue(chunk); } });
  const writer = writable.getWriter();
  let written = 0;
  writer.write(1).then(() => written++);
  await turns();
  assert.deepEqual([calls, written], [0, 0]);
  assert.equal((await readable.getReader().read()).value, 1);
  await turns();
  assert.deepEqual([calls, written], [1, 1]);
});

test("errors go both ways", async () => {
  const { readable, writable } = new TransformStream({ transform() { throw new Error("bad chunk"); } });
  const writer = writable.getWriter();
  const write = writer.write(1);
  await assert.rejects(readable.getReader().read(), Error, "bad chunk");
  await assert.rejects(write, Error, "bad chunk");
  await assert.rejects(writer.closed, Error, "bad chunk");
});

test("cancel and abort call the transformer's cancel once", async () => {
  const log = [];
  const transformer = { cancel(reason) { log.push(reason); } };
  const first = new TransformStream(transformer);
  await first.readable.cancel("reader");
  await assert.rejects(first.writable.getWriter().write(1).catch((e) => { throw new Error(e); }), Error, "reader");
  const second = new TransformStream(transformer);
  await turns();
  await Promise.all([second.writable.abort("writer"), second.readable.cancel("late")]);
  assert.deepEqual(log, ["reader", "writer"]);
});

test("terminate closes the readable side and fails the writable side", async () => {
  const { readable, writable } = new TransformStream({ transform(chunk, c) { c.enqueue(chunk); c.terminate(); } });
  const writer = writable.getWriter();
  writer.write("last").catch(() => {});
  assert.deepEqual(await read(readable), ["last"]);
  await assert.rejects(writer.closed, TypeError, "terminated");
});

test("a start that takes its time is waited for", async () => {
  const started = Promise.withResolvers();
  const { readable, writable } = new TransformStream({ start: () => started.promise });
  writable.getWriter().write(1);
  const reading = readable.getReader().read();
  let done = false;
  reading.then(() => { done = true; });
  await turns();
  assert(!done);
  started.resolve();
  assert.equal((await reading).value, 1);
});

test("IdentityTransformStream passes copies of bytes, to BYOB readers too", async () => {
  const { readable, writable } = new IdentityTransformStream();
  assert(new IdentityTransformStream() instanceof TransformStream);
  const writer = writable.getWriter();
  const chunk = bytes(1, 2, 3);
  const written = writer.write(chunk);
  const reader = readable.getReader({ mode: "byob" });
  assert.deepEqual([...(await reader.read(new Uint8Array(2))).value], [1, 2]);
  assert.deepEqual([...(await reader.read(new Uint8Array(2))).value], [3]);
  await written;
  assert.equal(chunk.length, 3, "the writer keeps its buffer");
  const closed = writer.close();
  assert((await reader.read(new Uint8Array(2))).done);
  await closed;
  const refused = new IdentityTransformStream();
  refused.readable.getReader().read().catch(() => {});
  await assert.rejects(refused.writable.getWriter().write("text"), TypeError, "TextEncoder");
});

test("FixedLengthStream wants exactly its number of bytes", async () => {
  const use = async (length, ...chunks) => {
    const { readable, writable } = new FixedLengthStream(length);
    const reading = read(readable);
    reading.catch(() => {});
    const writer = writable.getWriter();
    for (const chunk of chunks) await writer.write(chunk);
    await writer.close();
    return (await reading).length;
  };
  assert.equal(await use(3, bytes(1), bytes(2, 3)), 2);
  assert.equal(await use(0n), 0);
  await assert.rejects(use(3, bytes(1)), TypeError, "after 1 of its 3 bytes");
  await assert.rejects(use(1, bytes(1, 2)), TypeError, "More than the 1 bytes");
  assert.throws(() => new FixedLengthStream(), TypeError, "1 argument");
  assert.throws(() => new FixedLengthStream(-1), TypeError);
  assert.throws(() => FixedLengthStream(1), TypeError, "new");
  assert.equal(internals.streams.expectedLength(new FixedLengthStream(7).readable), 7);
});

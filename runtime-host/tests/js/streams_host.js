const { streams } = internals;
const turns = async (count = 20) => { for (let i = 0; i < count; i++) await undefined; };
const bytes = (...values) => new Uint8Array(values);
const host = () => {
  const log = [];
  const stream = streams.createHostReadable(7, (handle, self) => log.push(["pull", handle, self === stream]), (handle, reason) => {
    log.push(["cancel", handle, reason]);
  });
  return { log, stream };
};

test("the host is asked once somebody reads, one operation at a time", async () => {
  const { log, stream } = host();
  await turns();
  assert.deepEqual(log, []);
  assert(!streams.isDisturbed(stream) && !streams.isLocked(stream));
  assert.equal(streams.hostHandle(stream), 7);
  const reader = stream.getReader();
  const reads = [reader.read(), reader.read()];
  assert.deepEqual(log, [["pull", 7, true]]);
  assert(streams.isDisturbed(stream) && streams.isLocked(stream));
  const chunk = bytes(1);
  streams.hostEnqueue(stream, chunk);
  assert.equal((await reads[0]).value, chunk, "the host's own array, not a copy");
  assert.equal(log.length, 2);
  streams.hostEnqueue(stream, bytes());
  assert.equal(log.length, 3, "no bytes: asked again");
  streams.hostClose(stream);
  assert((await reads[1]).done);
  assert(streams.isClosed(stream));
});

test("a host that answers at once does not nest", async () => {
  let left = 20000;
  const stream = streams.createHostReadable(1, (handle, self) => {
    if (left === 20000) left--; // The first answer comes later, so that the reads queue up.
    else if (left-- > 0) streams.hostEnqueue(self, bytes(1));
    else streams.hostClose(self);
  }, () => undefined);
  const reader = stream.getReader();
  const reads = [];
  for (let i = 0; i <= 20000; i++) reads.push(reader.read());
  streams.hostEnqueue(stream, bytes(1));
  const results = await Promise.all(reads);
  assert.equal(results[19999].value.length, 1);
  assert(results[20000].done);
});

test("a BYOB reader gets the host's bytes, and its end", async () => {
  const { stream } = host();
  const reader = stream.getReader({ mode: "byob" });
  const read = reader.read(new Uint8Array(2));
  streams.hostEnqueue(stream, bytes(1, 2, 3));
  assert.deepEqual([...(await read).value], [1, 2]);
  assert.deepEqual([...(await reader.read(new Uint8Array(2))).value], [3]);
  const last = reader.read(new Uint8Array(2));
  streams.hostClose(stream);
  assert((await last).done);
});

test("an end inside an element fails the read, not the host", async () => {
  const { stream } = host();
  const read = stream.getReader({ mode: "byob" }).read(new Uint16Array(1));
  streams.hostEnqueue(stream, bytes(1));
  streams.hostClose(stream);
  await assert.rejects(read, TypeError, "middle of an element");
});

test("what the host gives after the end is dropped", async () => {
  const { log, stream } = host();
  const reader = stream.getReader();
  const read = reader.read();
  await reader.cancel("enough");
  streams.hostEnqueue(stream, bytes(1));
  streams.hostClose(stream);
  streams.hostError(stream, new Error("late"));
  assert((await read).done);
  assert.deepEqual(log[1], ["cancel", 7, "enough"]);
});

test("readAll joins bytes and refuses other chunks", async () => {
  const all = await streams.readAll(ReadableStream.from([bytes(1, 2), bytes(), bytes(3)]));
  assert.deepEqual([...all], [1, 2, 3]);
  assert.equal(all.buffer.byteLength, 3);
  await assert.rejects(streams.readAll(ReadableStream.from(["text"])), TypeError, "not a Uint8Array");
  await assert.rejects(streams.readAll(new ReadableStream({ pull() { throw new Error("cut"); } })), Error, "cut");
  const { stream } = host();
  const promise = streams.readAll(stream);
  streams.hostEnqueue(stream, new Uint8Array(bytes(9, 8, 7).buffer, 1, 1));
  streams.hostError(stream, new Error("reset"));
  await assert.rejects(promise, Error, "reset");
});

test("readAll keeps what a Worker changes after it enqueued it", async () => {
  const shared = bytes(1);
  const stream = new ReadableStream({
    pull(c) { if (shared[0] > 2) return c.close(); c.enqueue(shared); shared[0]++; },
  }, { highWaterMark: 0 });
  assert.deepEqual([...(await streams.readAll(stream))], [1, 2]);
});

test("fromBytes gives one chunk, or none", async () => {
  const chunk = bytes(5);
  const reader = streams.fromBytes(chunk).getReader();
  assert.equal((await reader.read()).value, chunk);
  assert((await reader.read()).done);
  const byob = streams.fromBytes(bytes(1, 2)).getReader({ mode: "byob" });
  assert.deepEqual([...(await byob.read(new Uint8Array(8))).value], [1, 2]);
  assert((await byob.read(new Uint8Array(8))).done);
  assert.equal((await streams.readAll(streams.fromBytes(bytes()))).length, 0);
});

test("pump waits for the host and ends once", async () => {
  const log = [];
  const gates = [];
  streams.pump(
    ReadableStream.from([1, 2]),
    (chunk) => { log.push(chunk); return new Promise((resolve) => gates.push(resolve)); },
    () => log.push("done"),
    () => log.push("fail"),
  );
  await turns();
  assert.deepEqual(log, [1]);
  gates[0]();
  await turns();
  assert.deepEqual(log, [1, 2]);
  gates[1]();
  await turns();
  assert.deepEqual(log, [1, 2, "done"]);
});

test("pump fails with the stream and with the write, which cancels the stream", async () => {
  const log = [];
  streams.pump(new ReadableStream({ pull() { throw "source"; } }), () => undefined, () => log.push("done"), (e) => log.push(e));
  const stream = () => new ReadableStream({ start(c) { c.enqueue(1); }, cancel(reason) { log.push(`cancel ${reason}`); } });
  streams.pump(stream(), () => { throw "write"; }, () => log.push("done"), (e) => log.push(e));
  streams.pump(stream(), () => Promise.reject("late"), () => log.push("done"), (e) => log.push(e));
  streams.pump(stream(), () => new Promise(() => {}), () => log.push("done"), (e) => log.push(e))("gone");
  await turns();
  assert.deepEqual(log, ["cancel write", "write", "cancel gone", "cancel late", "late", "source"]);
});

test("contents move, and what is left is disturbed and locked", async () => {
  const old = ReadableStream.from([bytes(1)]);
  const moved = streams.detach(old);
  assert(streams.isDisturbed(old) && old.locked && !streams.isDisturbed(moved) && !moved.locked);
  assert.deepEqual([...(await streams.readAll(moved))], [1]);
  const { stream } = host();
  assert.equal(streams.takeHost(stream), 7);
  assert.equal(streams.takeHost(stream), undefined);
  assert(streams.isDisturbed(stream) && stream.locked);
  const side = new TransformStream();
  const { readable } = side;
  streams.detach(readable);
  assert.equal(side.readable, readable);
  assert(streams.isDisturbed(streams.createConsumed()));
});

test("tee for clones copies chunks", async () => {
  const [a, b] = streams.tee(ReadableStream.from([bytes(1)]));
  const first = (await a.getReader().read()).value;
  first[0] = 2;
  assert.deepEqual([...(await b.getReader().read()).value], [1]);
});

test("a transformation of the host and a stream into the host", async () => {
  const { readable, writable } = streams.createTransform({
    transform(chunk, transform) { transform.enqueue(chunk * 2); },
    flush(transform) { transform.enqueue("end"); },
    cancel() {},
  });
  const log = [];
  ReadableStream.from([1, 2]).pipeTo(writable);
  await readable.pipeTo(streams.createHostWritable({
    write(chunk) { log.push(chunk); },
    close() { log.push("close"); },
    abort() {},
  }));
  assert.deepEqual(log, [2, 4, "end", "close"]);
});

test("a stream of known length says it until it is disturbed, and so do its branches", async () => {
  const { hostBody } = internals;
  internals.hostBody = { length: (handle) => handle * 10 };
  try {
    const length = (stream) => streams.expectedLength(stream);
    assert.equal(length(new ReadableStream()), undefined);
    assert.equal(length(new TransformStream().readable), undefined);
    assert.equal(length(streams.fromBytes(bytes(1, 2, 3))), 3);
    assert.equal(length(new Blob(["four"]).stream()), 4);
    for (const [make, expected] of [
      [() => new FixedLengthStream(7).readable, 7],
      [() => host().stream, 70],
      [() => new IdentityTransformStream().readable, undefined],
    ]) {
      assert.equal(length(make()), expected);
      const [first, second] = make().tee()[1].tee();
      assert.deepEqual([length(first), length(second)], [expected, expected]);
    }
    const begun = streams.fromBytes(bytes(1, 2, 3));
    const reader = begun.getReader({ mode: "byob" });
    await reader.read(bytes(0));
    reader.releaseLock();
    assert.equal(length(begun.tee()[0]), undefined, "one byte of the three is gone");
  } finally {
    internals.hostBody = hostBody;
  }
});

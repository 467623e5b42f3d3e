const turns = async (count = 20) => { for (let i = 0; i < count; i++) await undefined; };
const deferred = () => Promise.withResolvers();

test("interfaces have the shape Web IDL asks for", () => {
  assert.equal(WritableStream.length, 0);
  assert.equal(WritableStreamDefaultWriter.length, 1);
  assert.equal(WritableStream.prototype[Symbol.toStringTag], "WritableStream");
  assert(Object.getOwnPropertyDescriptor(WritableStreamDefaultWriter.prototype, "ready").enumerable);
  assert.throws(() => new WritableStreamDefaultController(), TypeError, "Illegal constructor");
  assert.throws(() => new WritableStream({ type: "bytes" }), RangeError);
  assert.throws(() => new WritableStream({ write: {} }), TypeError, "write");
});

test("chunks are written one at a time, in order, then the sink closes", async () => {
  const log = [];
  let free = deferred();
  const writer = new WritableStream({
    async write(chunk) { log.push(chunk); await free.promise; },
    close() { log.push("close"); },
  }).getWriter();
  const writes = [writer.write(1), writer.write(2)];
  const closing = writer.close();
  await turns();
  assert.deepEqual(log, [1]);
  free.resolve();
  await Promise.all([...writes, closing]);
  assert.deepEqual(log, [1, 2, "close"]);
  assert.equal(await writer.closed, undefined);
});

test("ready and desiredSize tell of back-pressure", async () => {
  const free = deferred();
  const writer = new WritableStream({ write: () => free.promise }, { highWaterMark: 2 }).getWriter();
  const before = writer.ready;
  await before;
  assert.equal(writer.desiredSize, 2);
  writer.write(1);
  assert.equal(writer.ready, before);
  writer.write(2);
  assert.equal(writer.desiredSize, 0);
  const waiting = writer.ready;
  assert(waiting !== before);
  let ready = false;
  waiting.then(() => { ready = true; });
  await turns();
  assert(!ready);
  free.resolve();
  await waiting;
  assert(writer.desiredSize > 0);
});

test("a sink that fails fails what waits and what comes", async () => {
  const writer = new WritableStream({ write() { throw new Error("disk full"); } }).getWriter();
  const writes = [writer.write(1), writer.write(2)];
  for (const write of writes) await assert.rejects(write, Error, "disk full");
  await assert.rejects(writer.closed, Error, "disk full");
  await assert.rejects(writer.ready, Error, "disk full");
  await assert.rejects(writer.write(3), Error, "disk full");
  assert.equal(writer.desiredSize, null);
});

test("abort tells the signal at once, the sink after the write under way", async () => {
  const log = [];
  const free = deferred();
  const writer = new WritableStream({
    write(chunk, controller) {
      controller.signal.addEventListener("abort", () => log.push(controller.signal.reason));
      return free.promise;
    },
    abort(reason) { log.push(`sink ${reason}`); },
  }).getWriter();
  await writer.ready;
  writer.write(1);
  const waiting = writer.write(2);
  waiting.catch(() => {});
  const aborted = writer.abort("stop");
  assert.deepEqual(log, ["stop"]);
  await turns();
  assert.deepEqual(log, ["stop"]);
  free.resolve();
  await aborted;
  assert.deepEqual(log, ["stop", "sink stop"]);
  assert.equal(await waiting.catch((e) => e), "stop");
});

test("a signal asked for after the abort is aborted", async () => {
  let controller;
  const stream = new WritableStream({ start(c) { controller = c; } });
  await stream.abort("early");
  assert(controller.signal.aborted);
  assert.equal(controller.signal.reason, "early");
});

test("controller.error fails the stream", async () => {
  let controller;
  const stream = new WritableStream({ start(c) { controller = c; } });
  controller.error(new Error("gone"));
  await assert.rejects(stream.getWriter().closed, Error, "gone");
});

test("locks and releases", async () => {
  const stream = new WritableStream();
  const writer = stream.getWriter();
  assert(stream.locked);
  assert.throws(() => stream.getWriter(), TypeError, "locked");
  await assert.rejects(stream.close(), TypeError, "locked");
  writer.releaseLock();
  assert.equal(await writer.ready.catch((e) => e), await writer.closed.catch((e) => e));
  await assert.rejects(writer.write(1), TypeError, "released");
  assert.throws(() => writer.desiredSize, TypeError, "released");
  await stream.close();
  await assert.rejects(stream.close(), TypeError);
});

const turns = async (count = 20) => { for (let i = 0; i < count; i++) await undefined; };
const sink = (log, extra) => new WritableStream({
  write(chunk) { log.push(chunk); },
  close() { log.push("close"); },
  abort(reason) { log.push(`abort ${reason}`); },
  ...extra,
}, { highWaterMark: 1 });
const source = (log, extra) => new ReadableStream({ cancel(reason) { log.push(`cancel ${reason}`); }, ...extra });

test("pipeTo copies, closes and releases both locks", async () => {
  const log = [];
  const readable = ReadableStream.from([1, 2]);
  const writable = sink(log);
  const piping = readable.pipeTo(writable);
  assert(readable.locked && writable.locked);
  assert.equal(await piping, undefined);
  assert.deepEqual(log, [1, 2, "close"]);
  assert(!readable.locked && !writable.locked);
});

test("no chunk is read while the destination is full", async () => {
  const log = [];
  let pulls = 0;
  const free = Promise.withResolvers();
  ReadableStream.from((function* () { while (pulls < 5) yield ++pulls; })())
    .pipeTo(sink(log, { write(chunk) { log.push(chunk); return free.promise; } })).catch(() => {});
  await turns(100);
  assert.deepEqual(log, [1]);
  assert.equal(pulls, 1);
  free.resolve();
  await turns(100);
  assert.deepEqual(log, [1, 2, 3, 4, 5, "close"]);
});

test("enqueue does not run the sink", async () => {
  let controller;
  let inside = false;
  const log = [];
  new ReadableStream({ start(c) { controller = c; } }).pipeTo(sink(log, { write(chunk) { log.push(chunk, inside); } }));
  await turns();
  inside = true;
  controller.enqueue("a");
  inside = false;
  await turns();
  assert.deepEqual(log, ["a", false]);
});

test("errors and ends go on as the options say", async () => {
  const fail = { start(c) { c.error("E"); } };
  for (const [options, expected] of [[{}, ["abort E"]], [{ preventAbort: true }, []]]) {
    const log = [];
    assert.equal(await source(log, fail).pipeTo(sink(log), options).catch((e) => e), "E");
    assert.deepEqual(log, expected);
  }
  for (const [options, expected] of [[{}, ["cancel E"]], [{ preventCancel: true }, []]]) {
    const log = [];
    assert.equal(await source(log).pipeTo(sink(log, fail), options).catch((e) => e), "E");
    assert.deepEqual(log, expected);
  }
  const log = [];
  await ReadableStream.from([1]).pipeTo(sink(log), { preventClose: true });
  assert.deepEqual(log, [1]);
});

test("a closed destination cancels the source", async () => {
  const log = [];
  const writable = sink([]);
  await writable.close();
  await assert.rejects(source(log).pipeTo(writable), TypeError, "closing or closed");
  assert.equal(log.length, 1);
});

test("a signal stops the pipe after the writes under way", async () => {
  const log = [];
  const controller = new AbortController();
  const free = Promise.withResolvers();
  const piping = source(log, { start(c) { c.enqueue(1); } })
    .pipeTo(sink(log, { write() { log.push("write"); return free.promise; } }), { signal: controller.signal });
  await turns();
  controller.abort("stop");
  await turns();
  assert.deepEqual(log, ["write", "cancel stop"].slice(0, 1), "the sink is still busy");
  free.resolve();
  assert.equal(await piping.catch((e) => e), "stop");
  assert.deepEqual(log, ["write", "abort stop", "cancel stop"]);
  assert.equal(await source([]).pipeTo(sink([]), { signal: AbortSignal.abort("before") }).catch((e) => e), "before");
  await assert.rejects(source([]).pipeTo(sink([]), { signal: {} }), TypeError, "AbortSignal");
});

test("pipeThrough checks both sides and returns the readable one", () => {
  const pair = new TransformStream();
  assert.equal(new ReadableStream().pipeThrough(pair), pair.readable);
  assert.throws(() => new ReadableStream().pipeThrough(pair), TypeError, "locked");
  assert.throws(() => new ReadableStream().pipeThrough({ readable: pair.readable }), TypeError, "writable");
  assert.throws(() => new ReadableStream().pipeThrough(), TypeError, "1 argument");
});

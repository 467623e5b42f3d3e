// There is no invocation here: what would be tasks is microtasks. Tasks: isolate/tests/globals.rs.
const next = (target, type = "message") => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

test("messages are cloned when they are posted, and arrive in order", async () => {
  const { port1, port2 } = new MessageChannel();
  const value = { a: [1] };
  port2.postMessage(value);
  value.a.push(2);
  port2.postMessage("second");
  const seen = [];
  const second = new Promise((resolve) => {
    port1.onmessage = (event) => seen.push(event.data) === 2 && resolve(event);
  });
  const event = await second;
  assert.deepEqual(seen, [{ a: [1] }, "second"]);
  assert(event instanceof MessageEvent && event.isTrusted && Object.isFrozen(event.ports) && event.ports.length === 0);
});

test("a port is silent until it is started", async () => {
  const { port1, port2 } = new MessageChannel();
  let arrived = false;
  port1.addEventListener("message", () => { arrived = true; });
  port2.postMessage(1);
  for (let i = 0; i < 10; i++) await null;
  assert(!arrived);
  const event = next(port1);
  port1.start();
  assert.equal((await event).data, 1);
});

test("ports and buffers are transferred", async () => {
  const { port1, port2 } = new MessageChannel();
  const inner = new MessageChannel();
  const buffer = new ArrayBuffer(3);
  port2.postMessage({ port: inner.port1, buffer }, [inner.port1, buffer]);
  assert(buffer.detached);
  const event = next(port1);
  port1.start();
  const { data, ports } = await event;
  assert(ports[0] === data.port && data.port instanceof MessagePort && data.buffer.byteLength === 3);
  inner.port2.postMessage("through");
  const through = next(data.port);
  data.port.start();
  assert.equal((await through).data, "through");
  assert.equal(assert.throws(() => port1.postMessage(0, [inner.port1]), DOMException).name, "DataCloneError");
  assert.equal(assert.throws(() => port1.postMessage(0, { transfer: [port1] }), DOMException).name, "DataCloneError");
  assert.equal(assert.throws(() => port1.postMessage(port2), DOMException).name, "DataCloneError");
});

test("messages travel with their port", async () => {
  const { port1, port2 } = new MessageChannel();
  port2.postMessage("early");
  const moved = structuredClone(port1, { transfer: [port1] });
  port2.postMessage("late");
  const seen = [];
  moved.onmessage = (event) => seen.push(event.data);
  for (let i = 0; i < 10; i++) await null;
  assert.deepEqual(seen, ["early", "late"]);
});

test("close tells the other end, after what was sent before", async () => {
  const { port1, port2 } = new MessageChannel();
  const seen = [];
  port1.onmessage = (event) => seen.push(event.data);
  port1.onclose = () => seen.push("closed");
  port2.postMessage(1);
  port2.close();
  port2.postMessage(2);
  for (let i = 0; i < 10; i++) await null;
  assert.deepEqual(seen, [1, "closed"]);
  port1.postMessage("nobody");
});

test("shapes", () => {
  assert.throws(() => new MessagePort(), TypeError, "Illegal");
  assert.throws(() => MessageChannel.prototype.port1, TypeError);
  assert.throws(() => new MessageChannel().port1.postMessage(), TypeError);
  assert.throws(() => new MessageChannel().port1.postMessage(1, 1), TypeError);
  assert.throws(() => new MessageChannel().port1.postMessage(1, [1]), TypeError);
  assert.equal(String(new MessageChannel().port1), "[object MessagePort]");
  assert.equal(new MessageChannel().port1.onmessage, null);
});

test("streams are transferred", async () => {
  const stream = new ReadableStream({ start(c) { c.enqueue({ a: 1 }); c.enqueue(2); c.close(); } });
  const moved = structuredClone(stream, { transfer: [stream] });
  assert(stream.locked && moved !== stream);
  const seen = [];
  for await (const chunk of moved) seen.push(chunk);
  assert.deepEqual(seen, [{ a: 1 }, 2]);
  let cancelled;
  const source = new ReadableStream({ cancel(reason) { cancelled = reason; } });
  await structuredClone(source, { transfer: [source] }).cancel("why");
  assert.equal(cancelled, "why");
  const broken = new ReadableStream({ start(c) { c.error(new RangeError("mine")); } });
  await assert.rejects(structuredClone(broken, { transfer: [broken] }).getReader().read(), RangeError, "mine");
  const uncloneable = new ReadableStream({ start(c) { c.enqueue(() => {}); } });
  await assert.rejects(structuredClone(uncloneable, { transfer: [uncloneable] }).getReader().read(), DOMException);
  const written = [];
  const writable = new WritableStream({ write: (chunk) => void written.push(chunk), close: () => void written.push("end") });
  const writer = structuredClone(writable, { transfer: [writable] }).getWriter();
  await writer.write({ b: 1 });
  await writer.close();
  assert.deepEqual(written, [{ b: 1 }, "end"]);
  const locked = new ReadableStream();
  locked.getReader();
  assert.equal(assert.throws(() => structuredClone(locked, { transfer: [locked] }), DOMException).name, "DataCloneError");
});

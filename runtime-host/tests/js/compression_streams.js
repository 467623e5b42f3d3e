const formats = ["gzip", "deflate", "deflate-raw", "brotli"];
const whole = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const all = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const chunk of chunks) { all.set(chunk, at); at += chunk.length; }
  return all;
};
const from = (...chunks) => ReadableStream.from(chunks);
const pack = (format, ...chunks) => whole(from(...chunks).pipeThrough(new CompressionStream(format)));
const unpack = (format, ...chunks) => whole(from(...chunks).pipeThrough(new DecompressionStream(format)));
const text = (bytes) => new TextDecoder().decode(bytes);
const encode = (string) => new TextEncoder().encode(string);
const turns = async (count = 50) => { for (let i = 0; i < count; i++) await undefined; };

test("globals look like any other, and are made when they are read", () => {
  for (const name of ["CompressionStream", "DecompressionStream"]) {
    assert.equal(typeof globalThis[name], "function");
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
    assert.deepEqual([typeof descriptor.value, descriptor.writable, descriptor.enumerable, descriptor.configurable], ["function", true, false, true]);
    assert.equal(globalThis[name], descriptor.value);
    assert.equal(descriptor.value.length, 1);
    assert.equal(descriptor.value.prototype[Symbol.toStringTag], name);
  }
  assert.throws(() => new CompressionStream(), TypeError);
  assert.throws(() => new CompressionStream("zstd"), TypeError);
  assert.throws(() => new DecompressionStream("GZIP"), TypeError);
  assert.throws(() => CompressionStream.prototype.readable, TypeError, "Illegal invocation");
});

test("every format comes back, whatever the pieces", async () => {
  const input = encode("Colourless green ideas sleep furiously. ".repeat(5000));
  for (const format of formats) {
    const packed = await pack(format, input.subarray(0, 7), new Uint8Array(0), input.subarray(7).buffer.slice(7));
    assert(packed.length < 3000, `${format}: ${packed.length}`);
    const pieces = [];
    for (let i = 0; i < packed.length; i += 11) pieces.push(new DataView(packed.buffer, packed.byteOffset + i, Math.min(11, packed.length - i)));
    assert.equal(text(await unpack(format, ...pieces)), text(input), format);
  }
});

test("known bytes of other encoders are read", async () => {
  const gzip = new Uint8Array([31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 75, 173, 40, 72, 77, 46, 73, 77, 81, 200, 47, 45, 41, 40, 45, 1, 0, 176, 1, 57, 179, 15, 0, 0, 0]);
  assert.equal(text(await unpack("gzip", gzip)), "expected output");
  const deflate = new Uint8Array([120, 156, 75, 173, 40, 72, 77, 46, 73, 77, 81, 200, 47, 45, 41, 40, 45, 1, 0, 48, 173, 6, 36]);
  assert.equal(text(await unpack("deflate", deflate)), "expected output");
  assert.equal(text(await unpack("deflate-raw", deflate.subarray(2, -4))), "expected output");
});

test("input that ends early or goes on is an error", async () => {
  for (const format of formats) {
    const packed = await pack(format, encode("expected output"));
    await assert.rejects(unpack(format, packed.subarray(0, -1)), TypeError, "before its end");
    await assert.rejects(unpack(format), TypeError, "before its end");
    await assert.rejects(unpack(format, new Uint8Array(64).fill(255)), TypeError, "not valid");
    const reader = from(packed, new Uint8Array(1)).pipeThrough(new DecompressionStream(format)).getReader();
    assert.equal(text((await reader.read()).value), "expected output");
    await assert.rejects(reader.read(), TypeError, "after the end");
  }
});

test("chunks that are no bytes are refused", async () => {
  for (const chunk of [undefined, null, 3.14, {}, [65], "text", new Uint8Array(new SharedArrayBuffer(1))]) {
    await assert.rejects(pack("gzip", chunk), TypeError);
    await assert.rejects(unpack("gzip", chunk), TypeError);
  }
});

test("output is made as it is asked for", async () => {
  const packed = await pack("gzip", new Uint8Array(50_000_000));
  assert(packed.length < 100_000);
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  let written = false;
  writer.write(packed).then(() => (written = true));
  const reader = readable.getReader();
  const first = await reader.read();
  assert(first.value.length <= 65536 && first.value[0] === 0);
  await turns();
  assert.equal(written, false);
  let total = first.value.length;
  const closed = writer.close();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    total += value.length;
  }
  await closed;
  assert.deepEqual([total, written], [50_000_000, true]);
});

test("a stream that is given up in the middle settles", async () => {
  const packed = await pack("gzip", new Uint8Array(1_000_000));
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  const write = writer.write(packed);
  const reader = readable.getReader();
  await reader.read();
  await reader.cancel("enough");
  await write;
  await assert.rejects(writer.write(packed));
  const other = new DecompressionStream("gzip");
  const otherWriter = other.writable.getWriter();
  const pending = otherWriter.write(packed);
  const otherReader = other.readable.getReader();
  await otherReader.read();
  const aborted = otherWriter.abort(new RangeError("stop"));
  await otherReader.read().catch(() => {});
  for (;;) try { if ((await otherReader.read()).done) break; } catch { break; }
  await aborted;
  await pending.catch(() => {});
});

test("a patched world changes nothing", async () => {
  const { enqueue } = TransformStreamDefaultController.prototype;
  const setter = { set() { throw new Error("seen"); }, configurable: true };
  for (const key of ["codec", "over", "progress", "format"]) Object.defineProperty(Object.prototype, key, setter);
  try {
    TransformStreamDefaultController.prototype.enqueue = () => { throw new Error("called"); };
    const packed = await pack("gzip", encode("x"));
    assert.equal(text(await unpack("gzip", packed)), "x");
  } finally {
    TransformStreamDefaultController.prototype.enqueue = enqueue;
    for (const key of ["codec", "over", "progress", "format"]) delete Object.prototype[key];
  }
});

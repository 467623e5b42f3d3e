const dataCloneError = (fn) => assert.equal(assert.throws(fn, DOMException).name, "DataCloneError");

test("primitives, wrappers, dates, patterns", () => {
  for (const value of [1, -0, "a", null, undefined, true, 7n, NaN]) assert.equal(structuredClone(value), value);
  assert.equal(typeof structuredClone(Object(7n)), "object");
  assert.equal(structuredClone(new Date(5)).getTime(), 5);
  const pattern = structuredClone(Object.assign(/a\/b/giu, { lastIndex: 3 }));
  assert.equal(String(pattern), "/a\\/b/giu");
  assert.equal(pattern.lastIndex, 0);
});

test("cycles, sparse arrays, maps, sets and shared references", () => {
  const value = { list: [1, , 3], "__proto__ not": 1 };
  value.self = value;
  value.map = new Map([[value, new Set([value.list])]]);
  Object.defineProperty(value, "__proto__", { value: 9, enumerable: true });
  const copy = structuredClone(value);
  assert(copy !== value && copy.self === copy);
  assert([...copy.map.get(copy)][0] === copy.list);
  assert.equal(copy.list.length, 3);
  assert(!(1 in copy.list));
  assert.equal(Object.getOwnPropertyDescriptor(copy, "__proto__").value, 9);
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
});

test("errors keep name, message, cause and stack; DOMException too", () => {
  const copy = structuredClone(new RangeError("m", { cause: [1] }));
  assert(copy instanceof RangeError && copy.message === "m" && copy.cause[0] === 1);
  assert(copy.stack.includes("structured_clone.js"));
  const exception = structuredClone(new DOMException("m", "AbortError"));
  assert(exception instanceof DOMException && exception.code === 20);
});

test("buffers and views are copied once and keep their place", () => {
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
  const { a, b, c } = structuredClone({ a: new Uint16Array(buffer, 2, 1), b: new DataView(buffer, 1, 2), c: buffer });
  assert(a.buffer === c && b.buffer === c && c !== buffer);
  assert.equal(a[0], 0x0403);
  assert.equal(b.getUint8(1), 3);
  assert.equal(structuredClone(new ArrayBuffer(1, { maxByteLength: 4 })).maxByteLength, 4);
  dataCloneError(() => structuredClone(new SharedArrayBuffer(1)));
});

test("transfer detaches only after everything was serialized", () => {
  const buffer = new ArrayBuffer(8);
  dataCloneError(() => structuredClone([buffer, () => {}], { transfer: [buffer] }));
  assert.equal(buffer.byteLength, 8);
  dataCloneError(() => structuredClone(0, { transfer: [buffer, buffer] }));
  const view = new Uint8Array(buffer, 2);
  const copy = structuredClone(view, { transfer: [buffer] });
  assert(buffer.detached && copy.length === 6 && copy.byteOffset === 2);
  dataCloneError(() => structuredClone(view));
  dataCloneError(() => structuredClone(0, { transfer: [{}] }));
  assert.throws(() => structuredClone(0, { transfer: [1] }), TypeError);
});

test("Blob and File", async () => {
  const file = structuredClone(new File(["a", "b"], "n", { type: "t/x", lastModified: 5 }));
  assert(file instanceof File && file.name === "n" && file.type === "t/x" && file.lastModified === 5);
  assert.equal(await file.text(), "ab");
  assert(!(structuredClone(new Blob()) instanceof File));
});

test("what cannot be cloned is refused", () => {
  for (const value of [Symbol(), () => {}, Promise.resolve(), new WeakMap(), new Proxy([], {}), new URL("http://h"), new EventTarget(), globalThis, [][Symbol.iterator].call, new Map().keys()]) {
    dataCloneError(() => structuredClone({ value }));
  }
  class Own { x = 1; get y() { return 2; } }
  assert.deepEqual(structuredClone(new Own()), { x: 1 });
  assert.throws(() => structuredClone({ get x() { throw new RangeError("mine"); } }), RangeError, "mine");
  assert.throws(() => structuredClone(), TypeError);
});

test("patched builtins change nothing", () => {
  const { push } = Array.prototype;
  const { set } = Map.prototype;
  Array.prototype.push = Map.prototype.set = () => { throw new Error("tampered"); };
  Object.defineProperty(Object.prototype, "key", { set() { throw new Error("tampered"); }, configurable: true });
  let copy;
  try {
    const source = Object.create(null, { key: { value: [1], enumerable: true } });
    copy = structuredClone(source);
  } finally {
    Array.prototype.push = push;
    Map.prototype.set = set;
    delete Object.prototype.key;
  }
  assert.equal(copy.key[0], 1);
});

test("atob and btoa", () => {
  assert.equal(btoa("a\xff"), "Yf8=");
  assert.equal(atob(" Yf 8"), "a\xff");
  assert.equal(atob(null), "\x9e\xe9e");
  for (const bad of ["Y", "Y===", "é", "日"]) assert.equal(assert.throws(() => atob(bad), DOMException).name, "InvalidCharacterError");
  assert.equal(assert.throws(() => btoa("日"), DOMException).code, 5);
  assert.throws(() => btoa(), TypeError);
  assert.throws(() => ops.atob(1), TypeError);
  assert.throws(() => ops.btoa(), TypeError);
});

test("QuotaExceededError keeps its numbers", () => {
  const copy = structuredClone(new QuotaExceededError("m", { quota: 1, requested: 2 }));
  assert(copy instanceof QuotaExceededError && copy.quota === 1 && copy.requested === 2 && copy.message === "m");
  assert.equal(structuredClone(new QuotaExceededError("m")).quota, null);
});

test("interfaces of the platform take part by registering", () => {
  class Key { #bits = 5; static { Key.bits = (k) => k.#bits; Key.is = (k) => #bits in k; } }
  internals.webidl.configureInterface(Key);
  dataCloneError(() => structuredClone(new Key()));
  internals.structuredClone.registerSerializable({ test: Key.is, serialize: Key.bits, deserialize: (bits) => ({ bits }) });
  assert.deepEqual(structuredClone([new Key()]), [{ bits: 5 }]);
});

test("views follow their resizable buffer as before", () => {
  for (const [Type, offset, length] of [[Uint8Array, 0], [Uint16Array, 2], [DataView, 1], [Uint8Array, 4, 4], [Uint8Array, 7, 1], [DataView, 0, 2]]) {
    const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
    new Uint8Array(buffer).set([1, 2, 3, 4, 5, 6, 7, 8]);
    const copy = structuredClone(new Type(buffer, offset, length));
    assert.deepEqual(Array.from(new Uint8Array(copy.buffer)), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(Array.from(new Uint8Array(buffer)), [1, 2, 3, 4, 5, 6, 7, 8]);
    const before = copy.byteLength;
    copy.buffer.resize(16);
    assert.equal(copy.byteLength - before, length === undefined ? 8 : 0, Type.name);
  }
});

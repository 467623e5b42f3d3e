// A Worker that patches builtins harms itself only: the streams neither call what it put there nor show it their parts.
const targets = [
  [Array.prototype, ["push", "shift", "slice", "concat", Symbol.iterator]],
  [Promise.prototype, ["then", "catch", "finally"]],
  [Promise, ["resolve", "reject", "all"]],
  [Function.prototype, ["call", "apply", "bind"]],
  [Object.getPrototypeOf(Uint8Array.prototype), ["set", "subarray", "slice", "fill"]],
  [ArrayBuffer.prototype, ["slice", "transfer"]],
  [Reflect, ["apply", "construct"]],
  [ReadableStream.prototype, ["getReader", "pipeTo", "tee", "cancel"]],
  [ReadableStreamDefaultReader.prototype, ["read", "releaseLock", "cancel"]],
  [WritableStream.prototype, ["getWriter", "abort", "close"]],
  [WritableStreamDefaultWriter.prototype, ["write", "close", "releaseLock"]],
  [ReadableStreamDefaultController.prototype, ["enqueue", "close", "error"]],
];
// Setters a careless assignment would run, and getters a careless look-up would.
const fields = ["0", "1", "state", "reader", "controller", "next", "value", "size", "highWaterMark", "signal", "resolve", "reject",
  "promise", "queue", "source", "sink", "stream", "chunk", "pending", "public"];

// Runs `run` with all of it patched, until its promise settles. `touched` then names what was called.
async function tampered(run) {
  const { defineProperty, getOwnPropertyDescriptor } = Object;
  const { apply } = Reflect;
  let touched = "";
  const patches = fields.map((field) => [Object.prototype, field, {
    configurable: true,
    get() { touched += `get ${field}; `; },
    set(value) {
      touched += `set ${field}; `;
      defineProperty(this, field, { __proto__: null, value, writable: true, configurable: true, enumerable: true });
    },
  }]);
  for (const [object, keys] of targets) {
    for (const key of keys) {
      const original = object[key];
      const name = `${object[Symbol.toStringTag] ?? object.constructor.name}.${String(key)}; `;
      const value = function () { touched += name; return apply(original, this, arguments); };
      patches.push([object, key, { __proto__: null, configurable: true, writable: true, value }]);
    }
  }
  for (const patch of patches) patch.push(getOwnPropertyDescriptor(patch[0], patch[1]));
  for (const patch of patches) Object.setPrototypeOf(patch[2], null);
  for (let i = 0; i < patches.length; i++) defineProperty(patches[i][0], patches[i][1], patches[i][2]);
  touched = "";
  let outcome;
  try {
    outcome = await run();
  } finally {
    for (let i = 0; i < patches.length; i++) {
      const patch = patches[i];
      if (patch[3] === undefined) delete patch[0][patch[1]];
      else defineProperty(patch[0], patch[1], patch[3]);
    }
  }
  return { outcome, touched };
}

const { enqueue, close } = ReadableStreamDefaultController.prototype;
const { apply } = Reflect;

test("pipes and transforms call no patched builtin", async () => {
  const written = { count: 0 };
  let i = 0;
  const readable = new ReadableStream({ pull(c) { if (i < 3) apply(enqueue, c, [i++]); else apply(close, c, []); } });
  const writable = new WritableStream({ write() { written.count++; } });
  const transform = new TransformStream();
  const { pipeThrough, pipeTo } = ReadableStream.prototype;
  const { touched } = await tampered(() => apply(pipeTo, apply(pipeThrough, readable, [transform]), [writable]));
  assert.equal(written.count, 3);
  assert.equal(touched, "");
});

test("readers, tees and whole bodies call no patched builtin", async () => {
  const { readAll, tee } = internals.streams;
  const bytes = [new Uint8Array([1]), new Uint8Array([2, 3])];
  let i = 0;
  const readable = new ReadableStream({ type: "bytes", pull(c) { if (i < 2) c.enqueue(bytes[i++]); else c.close(); } });
  const { outcome, touched } = await tampered(() => {
    const branches = tee(readable);
    readAll(branches[0]);
    return readAll(branches[1]);
  });
  assert.deepEqual(Array.from(outcome), [1, 2, 3]);
  assert.equal(touched, "");
});

test("constructors read nothing from Object.prototype that the standard does not ask for", async () => {
  const { touched } = await tampered(() => {
    new ReadableStream();
    new WritableStream();
    new TransformStream();
    new IdentityTransformStream();
    return new ReadableStream().tee;
  });
  assert.equal(touched, "");
});

test("a replaced prototype of a Workers class is not given the host's keys", () => {
  let seen;
  const parent = Object.getPrototypeOf(FixedLengthStream);
  Object.setPrototypeOf(FixedLengthStream, class { constructor(...args) { seen = args; } });
  try {
    assert.equal(new FixedLengthStream(1) instanceof TransformStream, true);
  } finally {
    Object.setPrototypeOf(FixedLengthStream, parent);
  }
  assert.equal(seen, undefined);
});

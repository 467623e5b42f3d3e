const { ArrayPrototypePush, uncurryThis, PromisePrototypeThen } = internals.primordials;

test("primordials survive a patched prototype", () => {
  const original = Array.prototype.push;
  Array.prototype.push = () => { throw new Error("tampered"); };
  try {
    const list = [];
    ArrayPrototypePush(list, 1, 2);
    assert.equal(list.length, 2);
  } finally {
    Array.prototype.push = original;
  }
});

test("promises can be observed without looking up then", async () => {
  let seen;
  await PromisePrototypeThen(Promise.resolve(7), (v) => { seen = v; });
  assert.equal(seen, 7);
  assert.equal(ops.promiseState(Promise.resolve(1)), 1);
  assert.equal(ops.promiseState({}), -1);
});

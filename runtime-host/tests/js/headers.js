"use strict";
// Headers: what the standard and Workers say, and the packed form the host uses.

const { fromPacked, isDirty, origin, pack, copy, clone } = internals.headers;
const packed = "host\nexample.com\nset-cookie\na=1\nx-empty\n\nset-cookie\nb=2";
const arrived = (guard, calls = []) => fromPacked((inv) => (calls.push(inv), packed), guard, "inv");

test("names are case-insensitive, values are trimmed and joined", () => {
  const headers = new Headers({ "Content-Type": " text/html\r\n" });
  headers.append("X-A", "1");
  headers.append("x-a", "2");
  assert.equal(headers.get("content-TYPE"), "text/html");
  assert.equal(headers.get("x-a"), "1, 2");
  assert.equal(headers.get("x-none"), null);
  headers.set("X-A", "3");
  assert.equal(headers.get("x-a"), "3");
  headers.delete("X-a");
  assert.equal(headers.has("x-a"), false);
});

test("invalid names and values are refused", () => {
  const headers = new Headers();
  for (const name of ["", "a b", "a\n", "é", "a:"]) assert.throws(() => headers.set(name, "x"), TypeError, "Invalid header name.");
  for (const value of ["a\nb", "a\rb", "a\0b", "\u0100"]) assert.throws(() => headers.append("a", value), TypeError, "Invalid header value.");
  headers.set("a", "\xff\x01");
  assert.equal(headers.get("a"), "\xff\x01");
});

test("initialisers: sequence, record, Headers, neither", () => {
  assert.deepEqual([...new Headers([["b", "1"], new Set(["a", "2"])])], [["a", "2"], ["b", "1"]]);
  assert.deepEqual([...new Headers(new Map([["k", "v"]]))], [["k", "v"]]);
  assert.throws(() => new Headers([["a"]]), TypeError, "exactly two elements");
  assert.throws(() => new Headers(null), TypeError);
  assert.throws(() => new Headers(1), TypeError);
  assert.throws(() => new Headers({ [Symbol("s")]: "x" }), TypeError);
  const source = new Headers([["set-cookie", "a"], ["set-cookie", "b"]]);
  assert.deepEqual(new Headers(source).getSetCookie(), ["a", "b"]);
});

test("iteration is sorted, combined and live", () => {
  const headers = new Headers([["set-cookie", "b"], ["c", "1"], ["a", "1"], ["set-cookie", "a"], ["a", "2"]]);
  assert.deepEqual([...headers], [["a", "1, 2"], ["c", "1"], ["set-cookie", "b"], ["set-cookie", "a"]]);
  const seen = [];
  for (const name of headers.keys()) {
    seen.push(name);
    if (name === "c") headers.append("d", "4");
  }
  assert.deepEqual(seen, ["a", "c", "d", "set-cookie", "set-cookie"]);
  const pairs = [];
  headers.forEach(function (value, name, self) { pairs.push([name, value, self === headers, this.mark]); }, { mark: 7 });
  assert.deepEqual(pairs[0], ["a", "1, 2", true, 7]);
  assert.equal(Object.prototype.toString.call(headers.entries()), "[object Headers Iterator]");
});

test("getAll is for Set-Cookie only", () => {
  assert.deepEqual(new Headers([["set-cookie", "a"]]).getAll("Set-Cookie"), ["a"]);
  assert.throws(() => new Headers().getAll("x"), TypeError, "Set-Cookie");
});

test("arrived headers are unpacked on first use, copies stay packed", () => {
  const calls = [];
  const headers = arrived("immutable", calls);
  const twin = copy(headers);
  assert.equal(calls.length, 0);
  assert.equal(origin(twin), "inv");
  assert.equal(headers.get("x-empty"), "");
  assert.deepEqual(headers.getSetCookie(), ["a=1", "b=2"]);
  assert.deepEqual(calls, ["inv"]);
  assert.equal(pack(headers), packed);
  twin.set("x-empty", "full");
  assert.equal(isDirty(twin), true);
  assert.equal(origin(twin), undefined);
  assert.equal(pack(twin), packed.replace("x-empty\n", "x-empty\nfull"));
  assert.equal(isDirty(headers), false);
  assert.equal(isDirty(copy(twin)), true);
  assert.equal(pack(fromPacked(() => "")), "");
  assert.deepEqual([...fromPacked(() => "")], []);
});

test("fields are added to packed headers, whatever their values look like", () => {
  const headers = fromPacked(() => "x-b\nx-a\nx-c\n1");
  assert.equal(headers.get("x-a"), null);
  headers.set("x-a", "2");
  headers.append("x-c", "3");
  headers.append("x-d", "4");
  headers.delete("x-none");
  assert.equal(pack(headers), "x-b\nx-a\nx-c\n1\nx-a\n2\nx-c\n3\nx-d\n4");
  assert.deepEqual([...headers], [["x-a", "2"], ["x-b", "x-a"], ["x-c", "1, 3"], ["x-d", "4"]]);
  const empty = fromPacked(() => "", "none", "inv");
  empty.append("a", "");
  assert.deepEqual([pack(empty), isDirty(empty), origin(empty), empty.get("a")], ["a\n", true, undefined, ""]);
  const twin = copy(empty);
  empty.append("b", "1");
  assert.deepEqual([pack(twin), pack(empty), isDirty(twin)], ["a\n", "a\n\nb\n1", true]);
  // Part of another name, and a field that was deleted.
  const part = fromPacked(() => "content-type\na/b");
  assert.equal(part.has("content"), false);
  part.delete("content-type");
  assert.equal(pack(part), "");
  part.set("content", "x");
  assert.equal(pack(part), "content\nx");
});

test("immutable headers can't be modified, copies can", () => {
  const headers = arrived("immutable");
  for (const change of [() => headers.set("a", "b"), () => headers.append("a", "b"), () => headers.delete("none"), () => clone(headers).delete("host")]) {
    assert.throws(change, TypeError, "Can't modify immutable headers.");
  }
  const mutable = new Headers(headers);
  mutable.delete("set-cookie");
  assert.deepEqual([...mutable.keys()], ["host", "x-empty"]);
  assert.equal(headers.get("host"), "example.com");
});

test("the class has Web IDL's shape", () => {
  assert.equal(Headers.length, 0);
  assert.equal(Headers.prototype.append.length, 2);
  assert.equal(Headers.prototype[Symbol.iterator], Headers.prototype.entries);
  assert.equal(Object.keys(Headers.prototype).includes("get"), true);
  assert.throws(() => Headers.prototype.get.call({}, "a"), TypeError, "Illegal invocation");
  assert.throws(() => new Headers().append("a"), TypeError, "2 arguments required");
});

test("patched builtins don't disturb it", () => {
  const holders = [[Array.prototype, "push"], [String.prototype, "indexOf"], [RegExp.prototype, "exec"], [Array.prototype, Symbol.iterator]];
  const saved = holders.map(([holder, key]) => holder[key]);
  const patched = () => { throw new Error("patched"); };
  holders.reverse();
  for (let i = 0; i < holders.length; i++) holders[i][0][holders[i][1]] = patched;
  let value;
  try {
    const headers = copy(fromPacked(() => packed));
    headers.set("X-New-Name", "v");
    value = headers.get("x-new-name") + headers.get("host");
  } finally {
    for (let i = 0; i < saved.length; i++) holders[i][0][holders[i][1]] = saved[saved.length - 1 - i];
  }
  assert.equal(value, "vexample.com");
});

test("many fields are set, appended and deleted as few are", () => {
  const expected = new Map();
  for (const headers of [new Headers(), copy(fromPacked(() => ""))]) {
    expected.clear();
    for (let i = 0; i < 3000; i++) {
      const name = `x-${(i * 7) % 500}`;
      if (i % 11 === 5) {
        headers.delete(name);
        expected.delete(name);
      } else if (i % 5 === 3) {
        headers.append(name, i);
        expected.set(name, expected.has(name) ? `${expected.get(name)}, ${i}` : String(i));
      } else {
        headers.set(name, i);
        expected.set(name, String(i));
      }
      assert.equal(headers.get(name), expected.get(name) ?? null);
      assert.equal(headers.has(name), expected.has(name));
    }
    headers.set("__proto__", "1");
    headers.append("__proto__", "2");
    expected.set("__proto__", "1, 2");
    assert.deepEqual([...headers], [...expected].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
  }
});

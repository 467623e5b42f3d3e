test("the interface", () => {
  assert.equal(typeof URLPattern, "function");
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "URLPattern");
  assert.deepEqual([typeof descriptor.value, descriptor.writable, descriptor.enumerable, descriptor.configurable], ["function", true, false, true]);
  assert.equal(URLPattern.length, 0);
  assert.equal(URLPattern.prototype.test.length, 0);
  assert.equal(String(new URLPattern()), "[object URLPattern]");
  assert.throws(() => URLPattern.prototype.protocol, TypeError, "Illegal invocation");
  assert.throws(() => URLPattern({}), TypeError);
});

test("components and their defaults", () => {
  const pattern = new URLPattern({ pathname: "/books/:id(\\d+)", hash: "" });
  assert.deepEqual(
    [pattern.protocol, pattern.username, pattern.password, pattern.hostname, pattern.port, pattern.pathname, pattern.search, pattern.hash],
    ["*", "*", "*", "*", "*", "/books/:id(\\d+)", "*", ""],
  );
  assert.equal(pattern.hasRegExpGroups, true);
  assert.equal(new URLPattern({ pathname: "/books/:id" }).hasRegExpGroups, false);
});

test("overloads are told apart by count and type", () => {
  assert.equal(new URLPattern("/a", "https://example.com").hostname, "example.com");
  assert.equal(new URLPattern("/a", "https://example.com", { ignoreCase: true }).test("https://example.com/A"), true);
  assert.equal(new URLPattern({ pathname: "/a" }, { ignoreCase: true }).test("https://x/A"), true);
  assert.equal(new URLPattern({ pathname: "/a" }, undefined).test("https://x/A"), false);
  assert.equal(new URLPattern({ pathname: "/a", baseURL: "https://b.com/x" }).hostname, "b.com");
  assert.throws(() => new URLPattern({ pathname: "/a" }, "https://example.com"), TypeError);
  assert.throws(() => new URLPattern("/a"), TypeError);
  assert.throws(() => new URLPattern("/a", "no url"), TypeError);
  assert.throws(() => new URLPattern("/a", undefined, {}), TypeError);
  assert.throws(() => new URLPattern({ pathname: "/(" }), TypeError, "Invalid URL pattern");
  assert.throws(() => new URLPattern({ pathname: "/:a/:a" }), TypeError);
  assert.throws(() => new URLPattern({ pathname: `/${"a".repeat(20_000)}` }), TypeError, "too long");
});

test("test and exec", () => {
  const pattern = new URLPattern({ hostname: "{:tenant.}?example.com", pathname: "/files/*" });
  assert.equal(pattern.test("https://a.example.com/files/x/y"), true);
  assert.equal(pattern.test("https://a.example.org/files/x/y"), false);
  assert.equal(pattern.test("not a url"), false);
  const result = pattern.exec("https://example.com/files/x?q#h");
  assert.deepEqual(Object.keys(result), ["inputs", "protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"]);
  assert.deepEqual(result.inputs, ["https://example.com/files/x?q#h"]);
  assert.deepEqual(result.pathname, { input: "/files/x", groups: { 0: "x" } });
  assert.deepEqual(Object.entries(result.hostname.groups), [["tenant", undefined]]);
  assert.equal(pattern.exec("https://b.com"), null);
  assert.deepEqual(pattern.exec("/files/z", "https://example.com").inputs, ["/files/z", "https://example.com"]);
  assert.deepEqual(pattern.exec({ pathname: "/files/z", hostname: "example.com" }).inputs, [{ hostname: "example.com", pathname: "/files/z" }]);
  assert.throws(() => pattern.exec({}, "https://example.com"), TypeError);
  assert.equal(pattern.test(), false);
});

test("expressions are those of the engine, with the flag v", () => {
  assert.equal(new URLPattern({ pathname: "/((?<=/)a+)" }).test("https://x/aa"), true);
  assert.equal(new URLPattern({ pathname: "/([[a-z]--a])" }).test("https://x/b"), true);
  assert.equal(new URLPattern({ pathname: "/([[a-z]--a])" }).test("https://x/a"), false);
  assert.equal(new URLPattern({ protocol: "((?=ht)https?)", pathname: "/a" }).test("https://x/a"), true);
});

test("a patched world changes nothing", () => {
  const { exec } = RegExp.prototype;
  const original = RegExp;
  const setter = { set() { throw new Error("seen"); }, configurable: true };
  for (const key of ["input", "groups", "inputs", "pattern", "names"]) Object.defineProperty(Object.prototype, key, setter);
  try {
    RegExp.prototype.exec = () => { throw new Error("called"); };
    globalThis.RegExp = () => { throw new Error("called"); };
    const result = new URLPattern({ pathname: "/:__proto__" }).exec("https://x/y");
    assert.deepEqual(Object.getOwnPropertyNames(result.pathname.groups), ["__proto__"]);
  } finally {
    globalThis.RegExp = original;
    RegExp.prototype.exec = exec;
    for (const key of ["input", "groups", "inputs", "pattern", "names"]) delete Object.prototype[key];
  }
});

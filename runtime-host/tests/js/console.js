// How console shows values and format strings. Lines themselves need a Worker: isolate/tests/globals.rs.
const shown = (...args) => internals.inspect.format(args);

test("primitives", () => {
  assert.equal(shown("a", 1, -0, 10n, null, undefined, true, Symbol("s")), "a 1 -0 10n null undefined true Symbol(s)");
  assert.equal(shown(["a", -0, 10n, Symbol("s")]), "[ 'a', -0, 10n, Symbol(s) ]");
  assert.equal(shown(["it's", "\n\x7f\\", "\ud800", "\u{1f600}"]), `[ "it's", '\\n\\x7F\\\\', '\\ud800', '\u{1f600}' ]`);
});

test("objects, two levels deep", () => {
  assert.equal(shown({}), "{}");
  assert.equal(shown({ a: 1, "b-c": "x", [Symbol("k")]: 2 }), "{ a: 1, 'b-c': 'x', [Symbol(k)]: 2 }");
  assert.equal(shown({ a: { b: { c: { d: 1 }, e: [1] } } }), "{ a: { b: { c: [Object], e: [Array] } } }");
  assert.equal(shown(new (class Foo { a = 1; })()), "Foo { a: 1 }");
  assert.equal(shown(Object.create(null)), "[Object: null prototype] {}");
  assert.equal(shown({ get a() { return 1; }, set b(v) {}, get c() { return 1; }, set c(v) {} }), "{ a: [Getter], b: [Setter], c: [Getter/Setter] }");
  const self = {};
  self.self = self;
  assert.equal(shown(self), "<ref *1> { self: [Circular *1] }");
});

test("functions and classes", () => {
  assert.equal(shown([function f() {}, () => {}, class A {}, class B extends Map {}]), "[\n  [Function: f],\n  [Function (anonymous)],\n  [class A],\n  [class B extends Map]\n]");
  assert.equal(shown([async () => {}, function* g() {}, async function* h() {}]), "[\n  [AsyncFunction (anonymous)],\n  [GeneratorFunction: g],\n  [AsyncGeneratorFunction: h]\n]");
  assert.equal(shown(Object.assign(function f() {}, { a: 1 })), "[Function: f] { a: 1 }");
});

test("collections", () => {
  assert.equal(shown(new Map([["a", { b: 1 }]])), "Map(1) { 'a' => { b: 1 } }");
  assert.equal(shown(new Set([1, "a"]), new Map(), new Set()), "Set(2) { 1, 'a' } Map(0) {} Set(0) {}");
  assert.equal(shown(new Map([["a", 1]]).entries(), new Set([1]).values()), "[Map Entries] { [ 'a', 1 ] } [Set Iterator] { 1 }");
  assert.equal(shown([, 1, , , 2], new Array(3)), "[ <1 empty item>, 1, <2 empty items>, 2 ] [ <3 empty items> ]");
  assert.equal(shown(Object.assign([1], { x: 2 })), "[ 1, x: 2 ]");
  assert.equal(shown(new (class L extends Array {})()), "L(0) []");
  assert.equal(shown(new WeakMap()), "WeakMap { <items unknown> }");
});

test("bytes", () => {
  assert.equal(shown(new Uint8Array([1, 2])), "Uint8Array(2) [ 1, 2 ]");
  assert.equal(shown(new Uint8Array([1, 255]).buffer), "ArrayBuffer { [Uint8Contents]: <01 ff>, byteLength: 2 }");
  assert.equal(shown(new DataView(new ArrayBuffer(1))), "DataView {\n  byteLength: 1,\n  byteOffset: 0,\n  buffer: ArrayBuffer { [Uint8Contents]: <00>, byteLength: 1 }\n}");
});

test("other builtins", () => {
  assert.equal(shown(new Date(0), new Date(NaN), /a/g), "1970-01-01T00:00:00.000Z Invalid Date /a/g");
  assert.equal(shown(Object(1), Object("s"), Object(Symbol("s"))), "[Number: 1] [String: 's'] [Symbol: Symbol(s)]");
  assert.equal(shown(Promise.resolve(1), new Promise(() => {})), "Promise { 1 } Promise { <pending> }");
  const rejected = Promise.reject(2);
  rejected.catch(() => {});
  assert.equal(shown(rejected), "Promise { <rejected> 2 }");
});

test("lists of many items stand in columns, and are cut off", () => {
  const lines = shown(Array.from({ length: 200 }, (_, i) => i)).split("\n");
  assert.equal(lines[1], "   0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11,");
  assert.equal(lines.at(-2), "  ... 100 more items");
});

test("errors", () => {
  const error = new TypeError("m", { cause: new RangeError("inner") });
  const text = shown(error);
  assert(text.startsWith("TypeError: m\n    at "), text);
  assert(text.includes("{\n  [cause]: RangeError: inner\n      at "), text);
  error.stack = "";
  delete error.cause;
  assert.equal(shown(error), "[TypeError: m]");
  assert(shown(Object.assign(new Error("m"), { code: "E" })).endsWith("{\n  code: 'E'\n}"));
  assert(shown(new DOMException("m", "AbortError")).startsWith("DOMException [AbortError]: m"));
});

test("objects of the platform show their attributes", () => {
  assert.equal(shown(new Headers({ a: "1" }), new URLSearchParams("x=1")), "Headers { a: '1' } URLSearchParams { x: '1' }");
  assert.equal(shown(new Blob(["abc"], { type: "t/x" })), "Blob { size: 3, type: 't/x' }");
  assert(shown(new URL("http://h/p?q")).includes("href: 'http://h/p?q'"));
  assert(shown(new Response("x", { status: 201 })).includes("status: 201"));
  const request = new Request("http://h/", { method: "POST", body: "x" });
  assert(shown(request).includes("method: 'POST'") && !request.bodyUsed);
  assert.equal(shown(Object.create(Headers.prototype)), "Headers {}");
});

test("no code of the value runs", () => {
  const fail = () => { throw new Error("ran"); };
  const trap = new Proxy({}, { get: fail, ownKeys: fail, getOwnPropertyDescriptor: fail, getPrototypeOf: fail });
  assert.equal(shown({ trap }), "{ trap: {} }");
  assert.equal(shown(new Proxy([1], {}), new Proxy(function f() {}, {})), "[ 1 ] [Function: f]");
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.equal(shown(proxy), "<Revoked Proxy>");
  shown({ get x() { return fail(); }, [Symbol.toStringTag]: "T", toJSON: fail, toString: fail, valueOf: fail, get constructor() { return fail(); } });
  assert.equal(shown(Object.create({ get [Symbol.toStringTag]() { return fail(); } })), "{}");
});

test("patched builtins change nothing", () => {
  const { push, join } = Array.prototype;
  const next = Object.getPrototypeOf(new Map()[Symbol.iterator]());
  const { next: nextOf } = next;
  Array.prototype.push = Array.prototype.join = next.next = () => { throw new Error("tampered"); };
  Object.prototype.value = 7;
  let text;
  try {
    text = shown(new Map([["a", [1, 2]]]), { get x() { return 1; } });
  } finally {
    Object.assign(Array.prototype, { push, join });
    next.next = nextOf;
    delete Object.prototype.value;
  }
  assert.equal(text, "Map(1) { 'a' => [ 1, 2 ] } { x: [Getter] }");
});

test("what is large takes little", () => {
  const wide = {};
  for (let i = 0; i < 1e5; i++) wide[`key${i}`] = "value";
  let deep = {};
  for (let i = 0; i < 1e5; i++) deep = { deep };
  for (const value of [wide, new Array(1e9), new Array(1e6).fill("x"), new Uint8Array(1e7), new Set(new Array(1e5).fill().keys()), "x".repeat(1e6), ["x".repeat(1e6)], { deep }, Array.from({ length: 1000 }, () => wide)]) {
    const text = internals.inspect.inspect(value, { depth: null });
    assert(text.length < 200_000 || typeof value === "string", `${text.length}`);
  }
});

test("format strings", () => {
  assert.equal(shown("%s|%d|%i|%f|%j|%O|%c|%%|%x", "a", 42.5, 42.9, "1.5x", { a: 1 }, { b: 2 }, "css", "rest", 7), "a|42.5|42|1.5|{\"a\":1}|{ b: 2 }||%|%x rest 7");
  assert.equal(shown("100%", 1), "100% 1");
  assert.equal(shown("%s %s", "a"), "a %s");
  assert.equal(shown("%%"), "%%");
  assert.equal(shown("%s %s %s", Symbol("a"), 1n, -0), "Symbol(a) 1n -0");
  assert.equal(shown("%d %i %f", Symbol("a"), Symbol("a"), Symbol("a")), "NaN NaN NaN");
  assert.equal(shown("%s %s", { a: { b: 1 } }, { toString() { return "mine"; } }), "{ a: [Object] } mine");
  const circular = {};
  circular.circular = circular;
  assert.equal(shown("%j", circular), "[Circular]");
  assert.throws(() => shown("%d", { valueOf() { throw new RangeError("mine"); } }), RangeError);
});

test("tables", () => {
  assert.equal(internals.inspect.table([{ a: 1 }, { b: "x" }, 5]), [
    "\u250c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u252c\u2500\u2500\u2500\u252c\u2500\u2500\u2500\u2500\u2500\u252c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2510",
    "\u2502 (index) \u2502 a \u2502 b   \u2502 Values \u2502",
    "\u251c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2524",
    "\u2502 0       \u2502 1 \u2502     \u2502        \u2502",
    "\u2502 1       \u2502   \u2502 'x' \u2502        \u2502",
    "\u2502 2       \u2502   \u2502     \u2502 5      \u2502",
    "\u2514\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2534\u2500\u2500\u2500\u2534\u2500\u2500\u2500\u2500\u2500\u2534\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2518",
  ].join("\n"));
  assert(!internals.inspect.table([{ a: 1, b: 2 }], ["b"]).includes("a"));
  assert.equal(internals.inspect.table("text"), "text");
  assert.throws(() => internals.inspect.table([], 1), TypeError);
});

test("durations", () => {
  const { duration } = internals.inspect;
  assert.equal([1.5, 1500, 62_345, 3_723_000].map(duration).join(), "1.5ms,1.500s,1:02.345 (m:ss.mmm),1:02:03 (h:mm:ss)");
});

test("console is a namespace", () => {
  assert.equal(String(console), "[object console]");
  const prototype = Object.getPrototypeOf(console);
  assert(Reflect.ownKeys(prototype).length === 0 && Object.getPrototypeOf(prototype) === Object.prototype);
  assert(!Object.keys(globalThis).includes("console"));
  assert.equal(Object.keys(console).sort().join(), "assert,clear,count,countReset,debug,dir,dirxml,error,group,groupCollapsed,groupEnd,info,log,table,time,timeEnd,timeLog,trace,warn");
});

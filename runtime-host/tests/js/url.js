const parts = (url) => [
  url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search, url.hash, url.origin,
];

test("the parts of a URL", () => {
  const cases = {
    "HTTPS://user:pa%20ss@EXAMPLE.com:8443/a/../b?q=1#h":
      ["https:", "user", "pa%20ss", "example.com:8443", "example.com", "8443", "/b", "?q=1", "#h", "https://example.com:8443"],
    "http://u@h:80/?#": ["http:", "u", "", "h", "h", "", "/", "", "", "http://h"],
    "mailto:a@b?x": ["mailto:", "", "", "", "", "", "a@b", "?x", "", "null"],
    "file:///etc/x": ["file:", "", "", "", "", "", "/etc/x", "", "", "null"],
    "web+demo:/.//not-a-host/": ["web+demo:", "", "", "", "", "", "//not-a-host/", "", "", "null"],
    "http://[::1]:81/": ["http:", "", "", "[::1]:81", "[::1]", "81", "/", "", "", "http://[::1]:81"],
    "blob:https://a.b:1/id": ["blob:", "", "", "", "", "", "https://a.b:1/id", "", "", "https://a.b:1"],
    "blob:ftp://a/": ["blob:", "", "", "", "", "", "ftp://a/", "", "", "null"],
  };
  for (const [input, expected] of Object.entries(cases)) assert.deepEqual(parts(new URL(input)), expected, input);
  assert.equal(new URL("../x", "http://h/a/b/c").href, "http://h/a/x");
  assert.equal(String(new URL("http://münchen.de/ü\ud800")), "http://xn--mnchen-3ya.de/%C3%BC%EF%BF%BD");
});

test("rules of the standard that are newer than the parser", () => {
  assert.equal(new URL("///other/p", "http://h/").href, "http://other/p");
  assert.equal(new URL(" /\\\t/other", "https://h/").href, "https://other/");
  assert.equal(new URL("//other", "http://h/").href, "http://other/");
  assert.equal(new URL("///p", "file:///x").href, "file:///p");
  assert.equal(new URL("x:opaque  ?q").href, "x:opaque %20?q");
  assert.equal(new URL("http://h/a^b?^").href, "http://h/a%5Eb?^");
  const url = new URL("http://h:81/");
  url.port = "\n\t";
  url.pathname = "^";
  assert.equal(url.href, "http://h:81/%5E");
});

test("invalid URLs: TypeError, null, false", () => {
  assert.throws(() => new URL("nope"), TypeError, "Invalid URL: 'nope'");
  assert.throws(() => new URL("x", "also nope"), TypeError);
  assert.throws(() => new URL(), TypeError, "1 argument required");
  assert.equal(URL.parse("nope"), null);
  assert(URL.parse("x", "http://h/") instanceof URL);
  assert(!URL.canParse("nope") && URL.canParse("x", "http://h"));
  assert.throws(() => URL.prototype.href, TypeError, "Illegal invocation");
});

test("setters", () => {
  const url = new URL("http://h/p?q#f");
  url.protocol = "https"; url.username = "u:"; url.password = "p@"; url.hostname = "other"; url.port = "444";
  url.pathname = "a b"; url.search = "x=y z"; url.hash = "#é";
  assert.equal(url.href, "https://u%3A:p%40@other:444/a%20b?x=y%20z#%C3%A9");
  url.port = "bad"; url.host = "a b";
  assert.equal(url.host, "other:444");
  url.search = url.hash = url.username = url.password = url.port = "";
  assert.equal(url.href, "https://other/a%20b");
  url.href = "http://new/";
  assert.equal(url.pathname, "/");
  assert.throws(() => { url.href = "nope"; }, TypeError);
});

test("searchParams and search follow each other", () => {
  const url = new URL("http://h/?a=1&b=2#f");
  const params = url.searchParams;
  assert.equal(url.searchParams, params);
  params.append("c d", "é&");
  params.delete("a");
  assert.equal(url.href, "http://h/?b=2&c+d=%C3%A9%26#f");
  assert.equal(url.hash, "#f");
  url.search = "?z=1";
  assert.equal(params.get("z"), "1");
  url.href = "http://h/?y=%zz+%2B";
  assert.deepEqual([...params], [["y", "%zz +"]]);
  params.delete("y");
  assert.equal(url.href, "http://h/");
  const opaque = new URL("data:space  ?test");
  opaque.searchParams.delete("test");
  assert.equal(opaque.href, "data:space %20");
});

test("URLSearchParams: constructors, methods, live iteration", () => {
  assert.equal(new URLSearchParams("?a=b&&=&c").toString(), "a=b&=&c=");
  assert.equal(new URLSearchParams({ a: 1, b: "x y" }).toString(), "a=1&b=x+y");
  assert.equal(new URLSearchParams([["a", "b"], ["a", "c"]]).toString(), "a=b&a=c");
  assert.equal(new URLSearchParams(new URLSearchParams("q=%E2%9C%93")).get("q"), "✓");
  assert.throws(() => new URLSearchParams([["a"]]), TypeError);
  const params = new URLSearchParams("b=1&a=2&b=3&c=4");
  params.set("b", "5");
  assert.equal(params.toString(), "b=5&a=2&c=4");
  params.sort();
  assert.deepEqual([...params.keys()], ["a", "b", "c"]);
  assert.equal(params.size, 3);
  assert(params.has("a", "2") && !params.has("a", "3"));
  params.delete("a", "3");
  assert.deepEqual(params.getAll("a"), ["2"]);
  const seen = [];
  for (const [name] of params) {
    seen.push(name);
    if (name === "a") params.append("d", "");
  }
  assert.deepEqual(seen, ["a", "b", "c", "d"]);
  assert.equal(Object.prototype.toString.call(params.entries()), "[object URLSearchParams Iterator]");
  assert.equal(new URLSearchParams("a=b=c&d%3De=f%26").toString(), "a=b%3Dc&d%3De=f%26");
});

test("ops refuse wrong types", () => {
  const offsets = new Uint32Array(8);
  for (const name of ["urlParse", "urlCanParse", "formDecode", "formEncode"]) {
    for (const value of [undefined, null, 1, {}, Symbol()]) assert.throws(() => ops[name](value), TypeError);
  }
  assert.throws(() => ops.urlParse("http://h", undefined, new Uint32Array(7)), TypeError);
  assert.throws(() => ops.urlParse("http://h", undefined, new Uint8Array(32)), TypeError);
  assert.throws(() => ops.urlSet("nope", 0, "", offsets), TypeError);
  assert.equal(ops.urlSet("http://h/", 99, "x", offsets), undefined);
  const detached = new Uint32Array(8);
  detached.buffer.transfer();
  assert.throws(() => ops.urlParse("http://h", undefined, detached), TypeError);
});

test("patched builtins change nothing", () => {
  const names = ["slice", "indexOf", "charCodeAt", "startsWith"];
  const saved = names.map((name) => String.prototype[name]);
  const { push, sort } = Array.prototype;
  names.forEach((name) => { String.prototype[name] = () => "tampered"; });
  Array.prototype.push = Array.prototype.sort = () => { throw new Error("tampered"); };
  let href;
  let host;
  try {
    const url = new URL("http://user@h:81/p?b=2&a=1%20");
    url.searchParams.sort();
    url.searchParams.append("c", "3");
    ({ href, host } = url);
  } finally {
    names.forEach((name, i) => { String.prototype[name] = saved[i]; });
    Object.assign(Array.prototype, { push, sort });
  }
  assert.equal(host, "h:81");
  assert.equal(href, "http://user@h:81/p?a=1+&b=2&c=3");
});

const encode = (string) => new TextEncoder().encode(string);
const streamOf = (...parts) => new ReadableStream({
  start(c) {
    for (const part of parts) c.enqueue(typeof part === "string" ? encode(part) : part);
    c.close();
  },
});
const response = (html) => new Response(html, { headers: { "content-type": "text/html" } });
const rewrite = (html, setUp) => {
  const rewriter = new HTMLRewriter();
  setUp(rewriter);
  return rewriter.transform(response(html)).text();
};
const element = (html, fn, selector = "p") => rewrite(html, (r) => r.on(selector, { element: fn }));
const turns = async (count = 50) => { for (let i = 0; i < count; i++) await undefined; };

test("the interface", () => {
  assert.equal(typeof HTMLRewriter, "function");
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "HTMLRewriter");
  assert.deepEqual([typeof descriptor.value, descriptor.writable, descriptor.enumerable], ["function", true, false]);
  const rewriter = new HTMLRewriter();
  assert.equal(rewriter.on("p", {}), rewriter);
  assert.equal(rewriter.onDocument({}), rewriter);
  assert.equal(String(rewriter), "[object HTMLRewriter]");
  assert.throws(() => HTMLRewriter(), TypeError);
  assert.throws(() => rewriter.on("p"), TypeError, "parameter 2 is not of type 'ElementContentHandlers'");
  assert.throws(() => rewriter.on("p", { element: 1 }), TypeError, "'element' field");
  assert.throws(() => rewriter.onDocument(), TypeError, "parameter 1 is not of type 'DocumentContentHandlers'");
  assert.throws(() => rewriter.transform("x"), TypeError, "not of type 'Response'");
  for (const selector of ["a:hover", "[", "", "a + b", "a ".repeat(5000)]) {
    assert.throws(() => rewriter.on(selector, {}), TypeError, "Parser error: ");
  }
});

test("handlers are called in the order of the document", async () => {
  const log = [];
  const html = "<!DOCTYPE html><p>a<b>x</b></p><!--c-->";
  const out = await rewrite(html, (r) => r
    .on("p", {
      element(e) { log.push(e.tagName); e.onEndTag((tag) => { log.push(`/${tag.name}`); }); },
      text(t) { log.push(`t:${t.text}:${t.lastInTextNode}`); },
    })
    .on("b", { element() { log.push("b"); } })
    .onDocument({
      doctype(d) { log.push([d.name, d.publicId, d.systemId].join()); },
      comments(c) { log.push(`c:${c.text}`); },
      end(e) { e.append("<end>", { html: true }); },
    }));
  assert.equal(out, `${html}<end>`);
  assert.deepEqual(log, ["html,,", "p", "t:a:false", "t::true", "b", "t:x:false", "t::true", "/p", "c:c"]);
});

test("elements", async () => {
  assert.equal(
    await element("<p>a</p>", (e) => {
      e.before("<1>").after("<2>", { html: true }).prepend("<3>", { html: true }).append("<4>");
      e.before("B2").after("A2").prepend("P2").append("Q2");
    }),
    "&lt;1&gt;B2<p>P2<3>a&lt;4&gt;Q2</p>A2<2>",
  );
  assert.equal(await element("<p>a</p>z", (e) => { e.replace("x<", { html: true }); }), "x<z");
  assert.equal(await element("<p>a</p>z", (e) => { e.setInnerContent("<i>"); }), "<p>&lt;i&gt;</p>z");
  assert.equal(await element("<p>a</p>z", (e) => { const was = e.removed; e.remove(); e.after(`${was},${e.removed}`); }), "false,truez");
  assert.equal(await element("<p>a</p>z", (e) => { e.removeAndKeepContent(); }), "az");
  assert.equal(await element("<svg><a></a></svg>", (e) => { e.append(e.namespaceURI); }, "a"), "<svg><a>http://www.w3.org/2000/svg</a></svg>");
  assert.equal(await element("<br>", (e) => { e.append("x").prepend("y").setInnerContent("z").after("A"); }, "br"), "<br>A");
  assert.equal(await element("<p>a</p>", (e) => { e.append(5).append(null).append({}, null); }), "<p>a5null[object Object]</p>");
  assert.equal(await element("<p>a</p>", (e) => { e.onEndTag((t) => { const { name } = t; t.name = "q"; t.before(`b${name}`).after("a"); }); }), "<p>abp</q>a");
  assert.equal(await element("<p>a</p>", (e) => { e.onEndTag((t) => { t.remove(); }); }), "<p>a");
  assert.equal(await element("<p>a</p>", (e) => { e.onEndTag((t) => { t.before(1); }); e.onEndTag((t) => { t.before(2); }); }), "<p>a2</p>");
});

test("names and attributes", async () => {
  const seen = [];
  const out = await element("<P A=1 b='2' C>a</P>", (e) => {
    seen.push(e.tagName, JSON.stringify([...e.attributes]), e.getAttribute("B"), e.getAttribute("zz"), e.getAttribute(""), e.hasAttribute("c"));
    e.tagName = "Div";
    assert.equal(e.setAttribute("N", '"'), e);
    assert.equal(e.removeAttribute("b"), e);
  });
  assert.equal(out, '<Div A=1 C n="&quot;">a</Div>');
  assert.deepEqual(seen, ["p", '[["a","1"],["b","2"],["c",""]]', "2", null, null, true]);
  await element("<p a=1>", (e) => {
    const iterator = e.attributes;
    assert.equal(iterator[Symbol.iterator](), iterator);
    assert.equal(String(iterator), "[object AttributesIterator]");
    assert.deepEqual([iterator.next(), iterator.next().done], [{ value: ["a", "1"], done: false }, true]);
  });
});

test("comments and text", async () => {
  assert.equal(await rewrite("a<!--x-->b", (r) => r.onDocument({ comments(c) { c.before("<").after(">").text = "new"; } })), "a&lt;<!--new-->&gt;b");
  assert.equal(await rewrite("a<!--x-->b", (r) => r.onDocument({ comments(c) { c.remove(); assert.equal(c.removed, true); } })), "ab");
  assert.equal(await rewrite("a<!--x-->b", (r) => r.onDocument({ comments(c) { c.replace("<i>", { html: true }); } })), "a<i>b");
  assert.equal(
    await rewrite("<p>hello</p>", (r) => r.on("p", { text(t) { if (t.lastInTextNode) t.after("END"); else t.replace(`[${t.text}]`); } })),
    "<p>[hello]END</p>",
  );
  assert.equal(await rewrite("<script>a<b></script>", (r) => r.onDocument({ text(t) { t.remove(); } })), "<script></script>");
});

test("what the parser refuses is a TypeError of the handler's", async () => {
  const refusals = [
    ["p", (e) => { e.setAttribute("a b", "1"); }, "forbidden in the attribute name"],
    ["p", (e) => { e.setAttribute("", "1"); }, "can't be empty"],
    ["p", (e) => { e.tagName = "1"; }, "ASCII alphabetical"],
    ["img", (e) => { e.onEndTag(() => {}); }, "No end tag."],
    ["p", (e) => { e.append(); }, "1 argument required"],
    ["p", (e) => { e.append("x", 5); }, "not of type 'ContentOptions'"],
    ["p", (e) => { e.append("x".repeat(100), { get html() { throw new TypeError("from a getter"); } }); }, "from a getter"],
  ];
  for (const [selector, fn, text] of refusals) await assert.rejects(element(`<${selector}></${selector}>`, fn, selector), TypeError, text);
  await assert.rejects(rewrite("<!--x-->", (r) => r.onDocument({ comments(c) { c.text = "-->"; } })), TypeError, "comment-closing");
});

test("tokens are valid while their handler runs", async () => {
  let kept, attributes, endTag;
  await element("<p a=1></p>", async (e) => {
    kept = e;
    attributes = e.attributes;
    await turns();
    assert.equal(e.tagName, "p");
    e.onEndTag((tag) => { endTag = tag; assert.throws(() => kept.tagName, TypeError, "no longer valid"); });
  });
  for (const use of [() => kept.tagName, () => kept.before("x"), () => [...attributes], () => kept.attributes, () => endTag.name, () => { kept.tagName = "x"; }]) {
    assert.throws(use, TypeError, "This content token is no longer valid.");
  }
  assert.throws(() => Object.getPrototypeOf(kept).before.call({}, "x"), TypeError, "Illegal invocation");
  assert.throws(() => new kept.constructor(), TypeError, "Illegal constructor");
});

test("handlers have their object as this, and may be asynchronous", async () => {
  class Handler {
    count = 0;
    async element(e) {
      await turns(3);
      e.append(String(++this.count));
      e.onEndTag(async (tag) => { await turns(3); tag.after("|"); });
    }
    async text(t) { await turns(2); if (t.text !== "") t.after("!"); }
  }
  assert.equal(await rewrite("<p>a</p><p>b</p>", (r) => r.on("p", new Handler())), "<p>a!1</p>|<p>b!2</p>|");
  assert.equal(await rewrite("<p>a</p>", (r) => r.onDocument({ async end(e) { await turns(2); e.append("e"); } })), "<p>a</p>e");
});

test("a failure is the failure of the body, after what came before it", async () => {
  const mine = new RangeError("mine");
  for (const fn of [() => { throw mine; }, async () => { throw mine; }, () => Promise.reject(mine)]) {
    let cancelled;
    const source = new ReadableStream({ pull(c) { c.enqueue(encode("before<p>")); }, cancel(reason) { cancelled = reason; } });
    const reader = new HTMLRewriter().on("p", { element: fn }).transform(response(source)).body.getReader();
    const error = await reader.read().then(() => reader.read()).catch((e) => e);
    assert.equal(error, mine);
    assert.equal(cancelled, mine);
  }
  const failing = new ReadableStream({ pull(c) { c.error(mine); } });
  assert.equal(await new HTMLRewriter().on("p", {}).transform(response(failing)).text().catch((e) => e), mine);
});

test("content may be a stream or a response", async () => {
  assert.equal(await element("<p>a</p>", (e) => { e.replace(streamOf("<b>", "x\u00e9", "</b>"), { html: true }); }), "<b>x\u00e9</b>");
  assert.equal(await element("<p>a</p>", (e) => { e.append(streamOf("<b>", "&")); }), "<p>a&lt;b&gt;&amp;</p>");
  assert.equal(await element("<p>a</p>", (e) => { e.setInnerContent(new Response("<i>r</i>"), { html: true }); }), "<p><i>r</i></p>");
  assert.equal(await element("<p>a</p>", (e) => { e.append(new Response(null)).append("y"); }), "<p>ay</p>");
  assert.equal(await element("<p>a</p>", (e) => { e.before(streamOf("1")).before("2").after(streamOf("3")).after("4"); }), "12<p>a</p>43");
  assert.equal(await rewrite("a", (r) => r.onDocument({ end(e) { e.append(streamOf("\u00e9<", new Uint8Array([0xc3]), new Uint8Array([0xa9]))).append("z"); } })), "a\u00e9&lt;\u00e9z");
  assert.equal(await rewrite("<p>a</p><!--c-->", (r) => r.onDocument({ comments(c) { c.replace(streamOf("C")); }, text(t) { if (t.text !== "") t.before(streamOf("T")); } })), "<p>Ta</p>C");
  // Characters that are split between chunks.
  assert.equal(await element("<p>a</p>", (e) => { e.append(streamOf(new Uint8Array([0xe2, 0x82]), new Uint8Array([0xac]))); }), "<p>a\u20ac</p>");
  await assert.rejects(element("<p>a</p>", (e) => { e.append(streamOf(new Uint8Array([0xff, 0x41]))); }), TypeError, "Invalid UTF-8");
  await assert.rejects(element("<p>a</p>", (e) => { e.append(new ReadableStream({ pull(c) { c.error(new RangeError("se")); } })); }), RangeError, "se");
  await assert.rejects(element("<p>a</p>", (e) => { const s = streamOf("x"); s.getReader(); e.append(s); }), TypeError, "locked");
  let cancelled = false;
  const unread = new ReadableStream({ pull() {}, cancel() { cancelled = true; } });
  assert.equal(await element("<p>a</p>", (e) => { e.append(unread); e.remove(); }), "");
  await turns();
  assert.equal(cancelled, true);
});

test("a document streams: what can be written is, and no more is read than somebody wants", async () => {
  let pulls = 0;
  const source = new ReadableStream({
    pull(c) {
      pulls++;
      if (pulls > 100) c.close();
      else c.enqueue(encode(`<p>${pulls}</p>`));
    },
  }, { highWaterMark: 0 });
  const rewriter = new HTMLRewriter().on("p", { element(e) { e.append("!"); } });
  const reader = rewriter.transform(response(source)).body.getReader();
  await turns();
  assert.equal(pulls, 0);
  const decoder = new TextDecoder();
  assert.equal(decoder.decode((await reader.read()).value), "<p>1!</p>");
  await turns();
  assert.equal(pulls, 1);
  assert.equal(decoder.decode((await reader.read()).value), "<p>2!</p>");
  await reader.cancel("enough");
});

test("large documents and contents come in pieces", async () => {
  const paragraph = `<p class=x>${"text ".repeat(20)}</p>\n`;
  const html = paragraph.repeat(10_000);
  const out = await element(html, (e) => { e.setAttribute("class", "y"); });
  assert.equal(out, html.replaceAll("class=x", 'class="y"'));
  const body = new HTMLRewriter().on("p", { element(e) { e.replace("y".repeat(1_000_000)); } }).transform(response("a<p>b</p>c")).body;
  let total = 0;
  for await (const chunk of body) { assert(chunk.length <= 65536, chunk.length); total += chunk.length; }
  assert.equal(total, 1_000_002);
  // One piece of input, one of output: the parser stops within both.
  let async = 0;
  assert.equal(await element("<p></p>".repeat(20_000), async (e) => { async++; e.append("z"); }), "<p>z</p>".repeat(20_000));
  assert.equal(async, 20_000);
});

test("tags may be split anywhere", async () => {
  const html = "<!DOCTYPE html><p title='a>b'>x&amp;y</p><!-- c --><br/>\u00e9";
  const bytes = encode(html);
  const pieces = Array.from(bytes, (byte) => new Uint8Array([byte]));
  const out = await new HTMLRewriter().on("*", { element(e) { e.setAttribute("n", e.tagName); } }).transform(response(streamOf(...pieces))).text();
  assert.equal(out, `<!DOCTYPE html><p title='a>b' n="p">x&amp;y</p><!-- c --><br n="br" />\u00e9`);
});

test("memory is bounded", async () => {
  const piece = (text) => text.repeat(Math.ceil(60_000 / text.length));
  const refused = (rewriter, first, text) =>
    assert.rejects(rewriter.transform(response(streamOf(first, ...Array(100).fill(piece(text))))).body.pipeTo(new WritableStream()), TypeError, "memory limit");
  await refused(new HTMLRewriter().on("[title] b", { element() {} }), '<p title="', "x");
  await refused(new HTMLRewriter().onDocument({ comments() {} }), "<!--", "x");
  await refused(new HTMLRewriter().on("p b", { element() {} }), "", "<b>");
  // What handlers insert counts as well, until it is written.
  await assert.rejects(element("<p></p>", (e) => { for (let i = 0; i < 400; i++) e.append("x".repeat(1_000_000)); }), RangeError, "memory limit");
});

test("the response is as it was but for its body", async () => {
  const original = new Response("<p>", { status: 201, statusText: "S", headers: { "content-length": "3", "x-a": "1" } });
  const rewriter = new HTMLRewriter().on("p", { element(e) { e.after("!"); } });
  const transformed = rewriter.transform(original);
  assert.deepEqual([transformed.status, transformed.statusText, [...transformed.headers]], [201, "S", [["content-type", "text/plain;charset=UTF-8"], ["x-a", "1"]]]);
  assert.equal(original.bodyUsed, true);
  await assert.rejects(original.text(), TypeError);
  assert.throws(() => rewriter.transform(original), TypeError);
  assert.equal(await transformed.text(), "<p>");
  const empty = new Response(null, { status: 204 });
  assert.equal(rewriter.transform(empty), empty);
  // A rewriter may be used again, and for several at once.
  const again = new HTMLRewriter().on("p", { async element(e) { await turns(3); e.append("1"); } });
  const both = await Promise.all(["<p></p>", "<p>x</p>"].map((html) => again.transform(response(html)).text()));
  assert.deepEqual(both, ["<p>1</p>", "<p>x1</p>"]);
  assert.equal(await again.transform(again.transform(response("<p></p>"))).text(), "<p>11</p>");
});

test("the encoding is that of the content type", async () => {
  const latin = new Response(new Uint8Array([0x3c, 0x70, 0x3e, 0xe9, 0x3c, 0x2f, 0x70, 0x3e]), { headers: { "content-type": "text/html; charset=windows-1252" } });
  let seen = "";
  const out = await new HTMLRewriter().on("p", { text(t) { seen += t.text; if (t.lastInTextNode) t.after("\u00fc"); } }).transform(latin).bytes();
  assert.deepEqual([seen, [...out]], ["\u00e9", [0x3c, 0x70, 0x3e, 0xe9, 0xfc, 0x3c, 0x2f, 0x70, 0x3e]]);
  for (const charset of ["utf-16le", "nonsense"]) {
    const other = new Response("<p>", { headers: { "content-type": `text/html; charset=${charset}` } });
    await assert.rejects(new HTMLRewriter().on("p", {}).transform(other).text(), TypeError, "encoding");
  }
});

test("ambiguous markup is refused, not guessed at", async () => {
  await assert.rejects(element("<select><xmp><script>a</script>b", () => {}), TypeError, "Parser error: The parser has encountered a text content tag");
});

test("handlers may end the document they are called for", async () => {
  let reader;
  const body = new HTMLRewriter().on("p", { element(e) { reader.cancel("gone"); assert.throws(() => e.tagName, TypeError, "no longer valid"); } }).transform(response("<p></p><p></p>")).body;
  reader = body.getReader();
  assert.equal((await reader.read()).done, true);
  const other = new HTMLRewriter().on("p", { async element(e) { await turns(10); assert.throws(() => e.tagName, TypeError, "no longer valid"); } }).transform(response("x<p></p>")).body.getReader();
  const pending = other.read();
  await other.cancel();
  await pending;
  await turns(20);
});

test("a patched world changes nothing", async () => {
  const { then } = Promise.prototype;
  const { get, set } = Map.prototype;
  const setter = { set() { throw new Error("seen"); }, configurable: true };
  const keys = ["parser", "token", "rewriting", "registrations", "selector", "kinds", "next", "bytes"];
  for (const key of keys) Object.defineProperty(Object.prototype, key, setter);
  let out;
  try {
    Map.prototype.get = Map.prototype.set = () => { throw new Error("called"); };
    out = rewrite("<p>a</p>", (r) => r.on("p", { element(e) { Object.setPrototypeOf(e, {}); Object.setPrototypeOf(Object.getPrototypeOf(e), null); } }).on("p", { element(e) { e.append(streamOf("b")); } }));
    await then.call(out, () => {});
  } finally {
    Map.prototype.get = get;
    Map.prototype.set = set;
    for (const key of keys) delete Object.prototype[key];
  }
  assert.equal(await out, "<p>ab</p>");
});

test("there is a limit to how many pages are under way at once", async () => {
  const waiting = () => new ReadableStream({ start(c) { c.enqueue(encode("x")); }, pull() {} });
  const readers = [];
  let refused;
  while (refused === undefined && readers.length < 600) {
    const reader = new HTMLRewriter().on("p", {}).transform(response(waiting())).body.getReader();
    readers.push(reader);
    refused = await reader.read().then(() => undefined, (error) => error);
  }
  assert(refused instanceof RangeError && refused.message.includes("too many"), String(refused));
  assert.equal(readers.length, 513);
  for (const reader of readers) await reader.cancel().catch(() => {});
  assert.equal(await element("<p></p>", (e) => { e.append("again"); }), "<p>again</p>");
});

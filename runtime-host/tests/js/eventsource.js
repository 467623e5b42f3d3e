const { EventStreamParser } = internals;
const turns = async (count = 60) => { for (let i = 0; i < count; i++) await undefined; };
/** What comes of pieces of text. */
const parse = (...pieces) => {
  const seen = [];
  const parser = new EventStreamParser({ event: (...e) => seen.push(e), id: () => {}, retry: (ms) => seen.push(ms) }, "0");
  for (const piece of pieces) parser.feed(piece);
  return seen;
};

test("fields, comments, and what is none", () => {
  assert.deepEqual(parse("data: a\ndata:b\ndata\n\n"), [["message", "a\nb\n", "0"]]);
  assert.deepEqual(parse(": comment\nevent: x\nfoo: y\ndata:  two\n\ndata: z\n\n"), [["x", " two", "0"], ["message", "z", "0"]]);
  assert.deepEqual(parse("event: x\n\ndata: y\n\n"), [["message", "y", "0"]]);
  assert.deepEqual(parse("id: 1\ndata: a\n\nid\ndata: b\n\nid: 2\0\ndata: c\n\n"), [["message", "a", "1"], ["message", "b", ""], ["message", "c", ""]]);
  assert.deepEqual(parse("retry: 10\nretry: 1x\nretry:\n"), [10]);
  assert.deepEqual(parse("data: not ended"), []);
  assert.deepEqual(parse("\ufeffdata: a\n\n", "\ufeffdata: b\n\n"), [["message", "a", "0"]]);
});

test("every kind of line end, wherever a piece ends", () => {
  const expected = [["message", "a\nb", "0"], ["message", "c", "0"]];
  for (const end of ["\n", "\r", "\r\n"]) {
    const text = ["data: a", "data: b", "", "data: c", "", ""].join(end);
    assert.deepEqual(parse(text), expected, JSON.stringify(end));
    assert.deepEqual(parse(...text), expected, `${JSON.stringify(end)} in single characters`);
  }
});

test("an event without an end does not fill the memory", () => {
  const parser = new EventStreamParser({ event() {}, id() {}, retry() {} }, "");
  const piece = "x".repeat(1 << 20);
  assert.throws(() => { for (let i = 0; i < 20; i++) parser.feed(piece); }, RangeError, "16 MiB");
});

test("EventSource.from(stream)", async () => {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  const source = EventSource.from(readable);
  const log = [];
  source.onopen = () => log.push("open");
  source.onmessage = ({ data, lastEventId, isTrusted }) => log.push([data, lastEventId, isTrusted]);
  source.onerror = () => log.push(["error", source.readyState]);
  assert.deepEqual([source.readyState, source.url, source.withCredentials], [1, "", false]);
  const bytes = new TextEncoder().encode("id: 5\ndata: \u00e4\u{1f600}\n\n");
  writer.write(bytes.slice(0, 15));
  writer.write(bytes.slice(15));
  await turns();
  assert.deepEqual(log, ["open", ["\u00e4\u{1f600}", "5", true]]);
  writer.close();
  await turns();
  assert.deepEqual(log[2], ["error", 2], "it does not come back");
  assert.throws(() => EventSource.from("x"), TypeError);
  assert.throws(() => EventSource.from(readable.constructor === ReadableStream ? (() => { const s = new ReadableStream(); s.getReader(); return s; })() : 0), TypeError);
});

test("close() ends the reading", async () => {
  let cancelled = 0;
  const source = EventSource.from(new ReadableStream({
    pull: (c) => c.enqueue(new TextEncoder().encode("data: x\n\n")),
    cancel: () => { cancelled++; },
  }));
  let seen = 0;
  source.onmessage = () => { if (++seen === 3) source.close(); };
  await turns(200);
  assert.deepEqual([seen, cancelled, source.readyState], [3, 1, 2]);
});

test("URLs that can't be are refused", () => {
  for (const url of ["http://a b/", "ws://a/", "/x"]) {
    let name;
    try { new EventSource(url); } catch (e) { name = e.name; }
    assert.equal(name, "SyntaxError", url);
  }
  assert.throws(() => EventSource("http://a/"), TypeError);
});

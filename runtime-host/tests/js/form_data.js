"use strict";
// Blob, File, FormData and the bodies they make.

const ascii = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const multipart = (body, type = "multipart/form-data; boundary=b") =>
  new Response(typeof body === "string" ? ascii(body) : body, { headers: { "content-type": type } }).formData();

test("a Blob joins its parts", async () => {
  const blob = new Blob(["h\u00e4", Uint8Array.of(65).buffer, new Blob(["b"]), new DataView(new ArrayBuffer(1)), 1], { type: "Text/X" });
  assert.deepEqual([blob.size, blob.type, await blob.text()], [7, "text/x", "h\u00e4Ab\u00001"]);
  assert.equal(await new Blob(["a\r\nb\rc\n"], { endings: "native" }).text(), "a\nb\nc\n");
  assert.equal(new Blob([], { type: "a\u00e9" }).type, "");
  assert.throws(() => new Blob("text"), TypeError);
  assert.throws(() => new Blob([], { endings: "x" }), TypeError);
});

test("slices share contents, copies do not", async () => {
  const blob = new Blob(["0123456789"]);
  assert.equal(await blob.slice(2, -2).slice(1, 3, "A/b").text(), "34");
  assert.equal(blob.slice(5, 2).size, 0);
  (await blob.bytes()).fill(0);
  new Uint8Array(await blob.arrayBuffer()).fill(0);
  assert.equal(await new Response(blob.stream()).text(), "0123456789");
  assert.equal(await new Response(blob).text(), "0123456789");
});

test("a File has a name and a time", () => {
  const file = new File(["x"], "n/\u00e9", { type: "a/b", lastModified: 5.9 });
  assert.deepEqual([file.name, file.lastModified, file.type, file instanceof Blob], ["n/\u00e9", 5, "a/b", true]);
  assert.throws(() => new File(["x"]), TypeError);
});

test("FormData keeps entries in order", () => {
  const form = new FormData();
  form.append("a", "1");
  form.append("b", new Blob(["x"], { type: "t/t" }), "name.txt");
  form.append("a", 2);
  assert.deepEqual(form.getAll("a"), ["1", "2"]);
  assert.deepEqual([form.get("b").name, form.get("b").type, form.get("c"), form.has("a")], ["name.txt", "t/t", null, true]);
  form.set("a", "3");
  assert.deepEqual([...form.keys()], ["a", "b"]);
  form.delete("a");
  assert.deepEqual([...form.keys()], ["b"]);
  form.append("d", new Blob([]));
  assert.equal(form.get("d").name, "blob");
  assert.throws(() => form.append("a", "text", "filename"), TypeError);
  assert.throws(() => new FormData({}), TypeError);
});

test("a form survives the way through a multipart body", async () => {
  const form = new FormData();
  form.append('q"\n', "line\nnext \u00e4");
  form.append("f", new File(["\r\n--bytes\0"], 'a"b\r\n\u2603.bin', { type: "a/b" }));
  form.append("e", "");
  const response = new Response(form);
  const copy = await response.clone().formData();
  assert.deepEqual([...copy.keys()], ['q"\r\n', "f", "e"]);
  assert.equal(copy.get('q"\r\n'), "line\r\nnext \u00e4");
  assert.deepEqual([copy.get("f").name, copy.get("f").type, await copy.get("f").text(), copy.get("e")], ['a"b\r\n\u2603.bin', "a/b", "\r\n--bytes\0", ""]);
  const wire = await response.text();
  assert(wire.includes('name="q%22%0D%0A"\r\n\r\nline\r\nnext'), wire);
  assert(wire.endsWith("--\r\n"));
});

test("multipart of other writers is understood", async () => {
  const body =
    '\r\n--b\r\nContent-Disposition: form-data; filename="C:\\x\\"y"; name=n\r\nX-Other: 1\r\n\r\nfile\r\n' +
    '--b  \r\ncontent-disposition:form-data;name="t"\r\nContent-Type: text/plain\r\n\r\n\xef\xbb\xbfv\r\n--b--trailer';
  const form = await multipart(body);
  assert.deepEqual([form.get("n").name, form.get("n").type, await form.get("n").text(), form.get("t")], ['C:\\x"y', "text/plain", "file", "\ufeffv"]);
  assert.equal((await multipart("--b\nContent-Disposition: form-data; name=a\n\n1\n--b--")).get("a"), "1");
  assert.deepEqual([...(await multipart("--b--\r\n"))], []);
});

test("what is no form is a type error that says why", async () => {
  for (const [body, message] of [
    ["", "initial boundary"], ["--c\r\n", "initial boundary"], ["--bx", "succeeded"], ["--b\r\n", "header termination"],
    ["--b\r\nX: y\r\n\r\n\r\n--b--", "No valid Content-Disposition"], ["--b\r\nContent-Disposition: form-data\r\n\r\n\r\n--b--", "missing a name"],
    ["--b\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--b--", "form-data"], ["--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx", "subsequent boundary"],
    ["--b\r\nnonsense\r\n\r\n--b--", "invalid headers"], [`--b\r\n${"x: y\r\n".repeat(5000)}\r\n`, "longer than"],
    ["--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(10001) + "--b--", "more than"],
  ]) await assert.rejects(multipart(body), TypeError, message);
  await assert.rejects(multipart("", "multipart/form-data"), TypeError, "boundary parameter");
  await assert.rejects(multipart("", "text/plain"), TypeError, "Unrecognized Content-Type");
  await assert.rejects(new Response(new Uint8Array(1)).formData(), TypeError, "requires a Content-Type");
});

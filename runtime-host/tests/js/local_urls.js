"use strict";
// data: and blob: URLs, and the integrity of what fetch() gives.

const get = async (url, init) => {
  const response = await fetch(url, init);
  return [response.status, response.statusText, response.type, response.url, response.headers.get("content-type"), await response.text()];
};

test("data: URLs are decoded", async () => {
  for (const [url, type, text] of [
    ["data:,a%20b%", "text/plain;charset=US-ASCII", "a b%"],
    ["data:text/html;charset=utf-8,%E2%98%83", "text/html;charset=utf-8", "\u2603"],
    ["data:;base64,aGk", "text/plain;charset=US-ASCII", "hi"],
    ["data:a/b ; base64,aG k%3D", "a/b", "hi"],
    ["data:;charset=x,y", "text/plain;charset=x", "y"],
    ["data:nonsense,x", "text/plain;charset=US-ASCII", "x"],
  ]) {
    const given = await get(url);
    assert.deepEqual([given[0], given[1], given[2], given[4], given[5]], [200, "OK", "basic", type, text], url);
  }
  assert.deepEqual((await get("data:,x#frag"))[3], "data:,x");
  const head = await fetch("data:,x", { method: "HEAD" });
  assert.equal(head.body, null);
  assert.equal(await (await fetch(new Request("data:,x", { method: "POST", body: "y" }))).text(), "x");
  for (const url of ["data:x", "data:;base64,a", "about:blank", "mailto:a@b", `blob:${"x".repeat(5000)}`]) {
    const error = await assert.rejects(fetch(url), TypeError);
    assert(error.message.length < 400, error.message);
  }
});

test("object URLs stand for Blobs until they are revoked", async () => {
  const url = URL.createObjectURL(new Blob(["abc"], { type: "a/b" }));
  assert(/^blob:null\/[0-9a-f-]{36}$/.test(url), url);
  assert.deepEqual(await get(`${url}#x`), [200, "OK", "basic", url, "a/b", "abc"]);
  assert.equal((await fetch(url)).headers.get("content-length"), "3");
  await assert.rejects(fetch(url, { method: "POST" }), TypeError, "GET");
  const range = async (value) => {
    const response = await fetch(url, { headers: { range: value } });
    return [response.status, response.statusText, response.headers.get("content-range"), await response.text()];
  };
  assert.deepEqual(await range("bytes=1-"), [206, "Partial Content", "bytes 1-2/3", "bc"]);
  assert.deepEqual(await range("bytes= \t0 - 0"), [206, "Partial Content", "bytes 0-0/3", "a"]);
  assert.deepEqual(await range("bytes=-9"), [206, "Partial Content", "bytes 0-2/3", "abc"]);
  for (const value of ["1-", "bytes=-", "bytes=3-", "bytes=2-1", "bytes=0-1,2-2"]) await assert.rejects(range(value), TypeError, "range");
  const request = new Request(url);
  const clone = request.clone();
  URL.revokeObjectURL(`${url}#y`);
  assert.equal((await fetch(url)).status, 200);
  URL.revokeObjectURL(url);
  await assert.rejects(fetch(url), TypeError, "no Blob has this URL");
  assert.equal(await (await fetch(request)).text(), "abc");
  assert.equal(await (await fetch(clone)).text(), "abc");
  assert.throws(() => URL.createObjectURL({}), TypeError);
  assert.throws(() => URL.createObjectURL(), TypeError);
  URL.revokeObjectURL("nonsense");
});

test("integrity is the digest of the body", async () => {
  const { verify } = internals.integrity;
  const digest = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
  const check = (metadata, body = "abc") => verify(Promise.resolve(new Response(body)), metadata).then((response) => response.text());
  for (const metadata of [
    digest, ` ${digest}?opt `, "sha256-ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0", `sha256-AAAA ${digest}`, "md5-AAAA nonsense",
    "sha384-ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn sha256-AAAA",
  ]) assert.equal(await check(metadata), "abc", metadata);
  await assert.rejects(check(digest, "abd"), TypeError, "sha256 digest");
  await assert.rejects(check(`sha512-AAAA ${digest}`), TypeError, "sha512 digest");
  await assert.rejects(check("sha256-A"), TypeError);
  await assert.rejects(check(digest, null), TypeError, "no body");
  await assert.rejects(verify(Promise.reject(new RangeError("x")), digest), RangeError);
});

test("FileReader refuses what it can't read", () => {
  const reader = new FileReader();
  assert.deepEqual([reader.readyState, reader.result, reader.error, reader.onload, FileReader.DONE], [0, null, null, null, 2]);
  assert.throws(() => reader.readAsText("x"), TypeError);
  assert.throws(() => reader.readAsText(), TypeError);
  reader.abort();
  assert.equal(reader.readyState, 0);
  const event = new ProgressEvent("x", { loaded: 1, total: 2, lengthComputable: 1 });
  assert.deepEqual([event.loaded, event.total, event.lengthComputable, event.type], [1, 2, true, "x"]);
});

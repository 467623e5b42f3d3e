const bytes = (...list) => new Uint8Array(list);

test("UTF-8 round trips, short and long, and lone surrogates are replaced", () => {
  const encoder = new TextEncoder();
  for (const text of ["", "abc", "é", "日本語", "😀", "x".repeat(1000), "é😀".repeat(500)]) {
    assert.equal(new TextDecoder().decode(encoder.encode(text)), text);
  }
  assert.equal(String(encoder.encode("\ud800")), "239,191,189");
  assert.equal(encoder.encode().length, 0);
  assert.equal(internals.encoding.decodeUtf8(bytes(0xef, 0xbb, 0xbf, 0x61)), "a");
});

test("encodeInto writes whole characters and reports both counts", () => {
  const target = bytes(9, 9, 9, 9, 9);
  assert.deepEqual(new TextEncoder().encodeInto("a😀é", target), { read: 3, written: 5 });
  assert.equal(String(target), "97,240,159,152,128");
  assert.deepEqual(new TextEncoder().encodeInto("ab", bytes(0)), { read: 1, written: 1 });
  assert.deepEqual(new TextEncoder().encodeInto("é", new Uint8Array(0)), { read: 0, written: 0 });
  assert.throws(() => new TextEncoder().encodeInto("a", new Int8Array(1)), TypeError);
});

test("labels: any case, white space, and RangeError for unknown ones", () => {
  assert.equal(new TextDecoder(" LATIN1 ").encoding, "windows-1252");
  assert.equal(new TextDecoder("utf-16").encoding, "utf-16le");
  assert.throws(() => new TextDecoder("replacement"), RangeError);
  assert.throws(() => new TextDecoder("nope"), RangeError, "nope");
});

test("fatal, ignoreBOM and byte order marks", () => {
  assert.throws(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes(0xff)), TypeError, "not valid");
  assert.equal(new TextDecoder().decode(bytes(0xff)), "\ufffd");
  assert.equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes(0xef, 0xbb, 0xbf)), "\ufeff");
  const decoder = new TextDecoder();
  assert.equal(decoder.decode(bytes(0xef, 0xbb), { stream: true }), "");
  assert.equal(decoder.decode(bytes(0xbf, 0x61), { stream: true }), "a");
  assert.equal(decoder.decode(bytes(0xef, 0xbb, 0xbf)), "\ufeff");
  assert.equal(decoder.decode(bytes(0xef, 0xbb, 0xbf, 0x62)), "b");
});

test("a stream cut anywhere decodes as the whole does", () => {
  const samples = {
    "utf-8": [[0x61, 0xc3, 0xa9, 0xe6, 0x97, 0xa5, 0xf0, 0x9f, 0x98, 0x80], [0xe0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0xed, 0xa0, 0x80, 0xc0, 0xf0, 0x9f]],
    "utf-16le": [[0x61, 0, 0x3d, 0xd8, 0, 0xde, 0x3d, 0xd8, 0x3d, 0xd8, 0x62, 0, 0xff]],
    "utf-16be": [[0, 0x61, 0xd8, 0x3d, 0xde, 0, 0xd8, 0x3d]],
    shift_jis: [[0x93, 0xfa, 0x96, 0x7b, 0x41, 0xb1, 0x81]],
    "euc-jp": [[0xc6, 0xfc, 0x8e, 0xb1, 0x8f, 0xb0, 0xa1, 0x41, 0x8f, 0xb0]],
    gb18030: [[0x81, 0x30, 0x81, 0x30, 0xd6, 0xd0, 0x84, 0x31, 0xa4, 0x37, 0x81, 0x30, 0x81]],
    big5: [[0xa4, 0xa4, 0x88, 0x62, 0x41, 0xa4]],
    "euc-kr": [[0xc7, 0xd1, 0x41, 0xc7]],
    "iso-2022-jp": [[0x41, 0x1b, 0x24, 0x42, 0x46, 0x7c, 0x4b, 0x5c, 0x1b, 0x28, 0x42, 0x42, 0x1b, 0x28, 0x4a, 0x5c, 0x1b, 0x28, 0x49, 0x31, 0x1b, 0x24, 0x42, 0x1b, 0x28, 0x42, 0x46]],
    "windows-1252": [[0x80, 0x41, 0xff]],
  };
  for (const [label, inputs] of Object.entries(samples)) {
    for (const input of inputs) {
      const whole = new TextDecoder(label).decode(bytes(...input));
      for (let size = 1; size <= input.length; size++) {
        const decoder = new TextDecoder(label);
        let text = "";
        for (let i = 0; i < input.length; i += size) text += decoder.decode(bytes(...input.slice(i, i + size)), { stream: true });
        assert.equal(text + decoder.decode(), whole, `${label} by ${size}:`);
      }
    }
  }
});

test("views, offsets, shared and detached buffers", () => {
  const { buffer } = bytes(0x61, 0x62, 0x63, 0x64);
  assert.equal(new TextDecoder().decode(new DataView(buffer, 1, 2)), "bc");
  assert.equal(new TextDecoder().decode(buffer), "abcd");
  const shared = new Uint8Array(new SharedArrayBuffer(1));
  assert.equal(new TextDecoder().decode(shared), "\0");
  const detached = bytes(1, 2, 3);
  detached.buffer.transfer();
  assert.equal(new TextDecoder().decode(detached), "");
  assert.deepEqual(new TextEncoder().encodeInto("a", detached), { read: 0, written: 0 });
  assert.throws(() => new TextDecoder().decode("text"), TypeError);
});

test("encoder and decoder streams keep what a chunk cuts in two", async () => {
  const encoder = new TextEncoderStream();
  const chunks = collect(encoder.readable);
  const writer = encoder.writable.getWriter();
  for (const chunk of ["a\ud83d", "\ude00", "\ud83d"]) writer.write(chunk);
  writer.close();
  assert.equal(String(await chunks), "97,240,159,152,128,239,191,189");
  const decoder = new TextDecoderStream("shift_jis");
  const text = collect(decoder.readable);
  const bytesIn = decoder.writable.getWriter();
  for (const chunk of [[0x93], [0xfa, 0x96], [0x7b]]) bytesIn.write(bytes(...chunk));
  bytesIn.close();
  assert.equal((await text).join(""), "日本");
  const fatal = new TextDecoderStream("utf-8", { fatal: true });
  const failed = collect(fatal.readable);
  fatal.writable.getWriter().write(bytes(0xff)).catch(() => {});
  await assert.rejects(failed, TypeError, "not valid");
  assert.throws(() => TextDecoderStream.prototype.fatal, TypeError, "Illegal invocation");
});

async function collect(readable) {
  const list = [];
  for await (const chunk of readable) list.push(...chunk);
  return list;
}

test("ops refuse wrong types", () => {
  for (const name of ["utf8Length", "utf8Write", "utf8Decode", "encodingName", "decodeAll", "decodeChunk"]) {
    for (const value of [undefined, null, 1, {}, Symbol()]) assert.throws(() => ops[name](value, value, value), TypeError);
  }
  assert.throws(() => ops.decodeAll("none", bytes(), false, 0), TypeError);
  assert.equal(ops.decodeAll("big5", bytes(0x41), false, 99), "");
});

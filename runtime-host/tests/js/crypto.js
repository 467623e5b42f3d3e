"use strict";
// Web Crypto: entropy, digests, HMAC keys.

const { subtle } = crypto;
const bytes = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");
const named = async (promise, name, text) => {
  const error = await assert.rejects(promise, DOMException, text);
  assert.equal(error.name, name);
};
const hmacKey = (usages, extra = {}) =>
  subtle.importKey("raw", bytes("Jefe"), { name: "HMAC", hash: "SHA-256", ...extra }, true, usages);

test("digests match published vectors, whatever the case of the name", async () => {
  assert.equal(hex(await subtle.digest("sha-256", bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(hex(await subtle.digest({ name: "SHA-1" }, bytes("abc").buffer)), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert.equal(hex(await subtle.digest("MD5", new DataView(bytes("abc").buffer))), "900150983cd24fb0d6963f7d28e17f72");
  assert.equal((await subtle.digest("SHA-384", new Uint8Array(100_000))).byteLength, 48);
  assert.equal((await subtle.digest("SHA-512", new Uint8Array(0))).byteLength, 64);
  await named(subtle.digest("SHA-3", bytes("")), "NotSupportedError");
  await assert.rejects(subtle.digest("SHA-256", "text"), TypeError);
});

test("HMAC signs and verifies", async () => {
  const key = await hmacKey(["verify", "sign"]);
  assert.deepEqual([key.type, key.extractable, key.usages], ["secret", true, ["sign", "verify"]]);
  assert.deepEqual(key.algorithm, { name: "HMAC", hash: { name: "SHA-256" }, length: 32 });
  const data = bytes("what do ya want for nothing?");
  const signature = await subtle.sign("HMAC", key, data);
  assert.equal(hex(signature), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  assert.equal(await subtle.verify({ name: "hmac" }, key, signature, data), true);
  new Uint8Array(signature)[31] ^= 1;
  assert.equal(await subtle.verify("HMAC", key, signature, data), false);
  assert.equal(await subtle.verify("HMAC", key, signature.slice(1), data), false);
});

test("keys are used for what they are for only", async () => {
  await named(subtle.sign("HMAC", await hmacKey(["verify"]), bytes("")), "InvalidAccessError", "usage");
  await named(subtle.sign("Ed25519", await hmacKey(["sign"]), bytes("")), "InvalidAccessError", "Ed25519");
  await named(subtle.sign("AES-GCM", await hmacKey(["sign"]), bytes("")), "NotSupportedError", "AES-GCM");
  await named(hmacKey(["encrypt"]), "SyntaxError");
  await named(hmacKey([]), "SyntaxError");
  await named(hmacKey(["sign"], { length: 24 }), "DataError");
  await named(hmacKey(["sign"], { hash: "MD5" }), "NotSupportedError");
  await assert.rejects(subtle.sign("HMAC", {}, bytes("")), TypeError);
  const hidden = await subtle.importKey("raw", bytes("k"), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  await named(subtle.exportKey("raw", hidden), "InvalidAccessError");
});

test("keys travel as raw bytes and as JSON Web Keys", async () => {
  const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-512" }, true, ["sign", "verify"]);
  assert.equal(key.algorithm.length, 1024);
  const jwk = await subtle.exportKey("jwk", key);
  assert.deepEqual([jwk.kty, jwk.alg, jwk.ext, jwk.key_ops], ["oct", "HS512", true, ["sign", "verify"]]);
  const algorithm = { name: "HMAC", hash: "SHA-512" };
  const again = await subtle.importKey("jwk", jwk, algorithm, true, ["sign"]);
  assert.equal(hex(await subtle.exportKey("raw", again)), hex(await subtle.exportKey("raw", key)));
  for (const bad of [{ kty: "RSA" }, { alg: "HS1" }, { k: "*" }, { k: undefined }, { ext: false }, { key_ops: ["verify"] }, { use: "enc" }]) {
    await named(subtle.importKey("jwk", { ...jwk, ...bad }, algorithm, true, ["sign"]), "DataError");
  }
  const short = await hmacKey(["sign"], { length: 27 });
  assert.equal(hex(await subtle.exportKey("raw", short)), "4a656660");
});

test("getRandomValues fills integer views up to its quota", () => {
  for (const Type of [Uint8Array, Int32Array, BigUint64Array]) {
    const view = new Type(64);
    assert.equal(crypto.getRandomValues(view), view);
    assert(view.some((x) => x != 0));
  }
  const part = new Uint8Array(new ArrayBuffer(96), 32, 32);
  crypto.getRandomValues(part);
  assert(new Uint8Array(part.buffer, 0, 32).every((x) => x === 0));
  assert(part.some((x) => x !== 0));
  crypto.getRandomValues(new Uint8Array(0));
  assert.equal(assert.throws(() => crypto.getRandomValues(new Uint8Array(65537)), DOMException).name, "QuotaExceededError");
  assert.equal(assert.throws(() => crypto.getRandomValues(new Float32Array(1)), DOMException).name, "TypeMismatchError");
  assert.throws(() => crypto.getRandomValues([]), TypeError);
});

test("randomUUID has version 4", () => {
  assert(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()));
  assert(crypto.randomUUID() !== crypto.randomUUID());
});

test("timingSafeEqual compares bytes of one length", () => {
  assert.equal(subtle.timingSafeEqual(bytes("abc"), bytes("abc").buffer), true);
  assert.equal(subtle.timingSafeEqual(new Uint8Array(1000), new Uint8Array(1000).fill(1, 999)), false);
  assert.throws(() => subtle.timingSafeEqual(bytes("a"), bytes("ab")), TypeError, "same byte length");
});

test("the classes can't be constructed", () => {
  for (const Class of [Crypto, SubtleCrypto, CryptoKey]) assert.throws(() => new Class(), TypeError, "Illegal constructor");
  assert.throws(() => Crypto.prototype.randomUUID.call({}), TypeError, "Illegal invocation");
});

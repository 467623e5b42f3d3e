"use strict";
// Web Crypto: every algorithm's keys and operations, what they refuse, and what a Worker may do to them.

const { subtle } = crypto;
const bytes = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const named = async (promise, name, text) => {
  const error = await assert.rejects(promise, undefined, text);
  assert.equal(error.name, name);
};
const data = bytes("what is signed or sealed");

// A small key, since making one takes long.
const rsaModulus = { modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) };
const SIGNERS = [
  [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }, 64],
  [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-512" }, 96],
  [{ name: "ECDSA", namedCurve: "P-521" }, { name: "ECDSA", hash: "SHA-1" }, 132],
  [{ name: "Ed25519" }, "Ed25519", 64],
  [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", ...rsaModulus }, "RSASSA-PKCS1-v1_5", 128],
  [{ name: "RSA-PSS", hash: "SHA-384", ...rsaModulus }, { name: "RSA-PSS", saltLength: 16 }, 128],
];

test("key pairs sign, and verify what they signed only", async () => {
  for (const [algorithm, use, length] of SIGNERS) {
    const { publicKey, privateKey } = await subtle.generateKey(algorithm, false, ["verify", "sign"]);
    assert.deepEqual([publicKey.type, publicKey.extractable, publicKey.usages], ["public", true, ["verify"]]);
    assert.deepEqual([privateKey.type, privateKey.extractable, privateKey.usages], ["private", false, ["sign"]]);
    const signature = await subtle.sign(use, privateKey, data);
    assert.equal(signature.byteLength, length, algorithm.name);
    assert.equal(await subtle.verify(use, publicKey, signature, data), true);
    assert.equal(await subtle.verify(use, publicKey, signature, bytes("other")), false);
    new Uint8Array(signature)[20] ^= 1;
    assert.equal(await subtle.verify(use, publicKey, signature, data), false);
    assert.equal(await subtle.verify(use, publicKey, new Uint8Array(3), data), false);
    await named(subtle.sign(use, publicKey, data), "InvalidAccessError", "usage");
    await named(subtle.exportKey("pkcs8", privateKey), "InvalidAccessError", "extractable");
  }
});

test("key pairs travel in all their formats", async () => {
  for (const [algorithm, use] of SIGNERS) {
    const { publicKey, privateKey } = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const signature = await subtle.sign(use, privateKey, data);
    const raw = algorithm.name.startsWith("RSA") ? [] : ["raw"];
    for (const format of ["spki", "jwk", ...raw]) {
      const again = await subtle.importKey(format, await subtle.exportKey(format, publicKey), algorithm, true, ["verify"]);
      assert.equal(await subtle.verify(use, again, signature, data), true, `${algorithm.name} ${format}`);
      assert.deepEqual(again.algorithm, publicKey.algorithm);
      assert.deepEqual(await subtle.exportKey("jwk", again), await subtle.exportKey("jwk", publicKey));
    }
    for (const format of ["pkcs8", "jwk"]) {
      const again = await subtle.importKey(format, await subtle.exportKey(format, privateKey), algorithm, true, ["sign"]);
      assert.equal(await subtle.verify(use, publicKey, await subtle.sign(use, again, data), data), true);
      assert.equal(hex(await subtle.exportKey("pkcs8", again)), hex(await subtle.exportKey("pkcs8", privateKey)));
    }
    await named(subtle.exportKey("pkcs8", publicKey), "InvalidAccessError");
    await named(subtle.exportKey("spki", privateKey), "InvalidAccessError");
    await named(subtle.exportKey("raw", privateKey), raw.length === 0 ? "NotSupportedError" : "InvalidAccessError");
    await named(subtle.importKey("spki", new Uint8Array(40), algorithm, true, ["verify"]), "DataError");
    await named(subtle.importKey("pkcs8", new Uint8Array(40), algorithm, true, ["sign"]), "DataError");
    const pkcs8 = await subtle.exportKey("pkcs8", privateKey);
    await named(subtle.importKey("pkcs8", pkcs8, algorithm, true, []), "SyntaxError");
    await named(subtle.importKey("pkcs8", pkcs8, algorithm, true, ["verify"]), "SyntaxError");
    const jwk = await subtle.exportKey("jwk", privateKey);
    const broken = [{ kty: "oct" }, { ext: false }, { use: "enc" }, { key_ops: ["verify"] }, { key_ops: ["sign", "sign"] }, { d: "AA" }];
    for (const wrong of broken) {
      await named(subtle.importKey("jwk", { ...jwk, ...wrong }, algorithm, true, ["sign"]), "DataError");
    }
  }
});

test("JSON Web Keys have the members of RFC 7518 and RFC 8037", async () => {
  const jwkOf = async (algorithm, usages) => subtle.exportKey("jwk", (await subtle.generateKey(algorithm, true, usages)).privateKey);
  const rsa = await jwkOf({ name: "RSA-OAEP", hash: "SHA-1", ...rsaModulus }, ["encrypt", "decrypt"]);
  assert.deepEqual(Object.keys(rsa).sort(), ["alg", "d", "dp", "dq", "e", "ext", "key_ops", "kty", "n", "p", "q", "qi"]);
  assert.deepEqual([rsa.kty, rsa.alg, rsa.e, rsa.key_ops], ["RSA", "RSA-OAEP", "AQAB", ["decrypt"]]);
  const ec = await jwkOf({ name: "ECDSA", namedCurve: "P-521" }, ["sign"]);
  assert.deepEqual([ec.kty, ec.crv, ec.x.length, ec.y.length, ec.d.length, ec.alg], ["EC", "P-521", 88, 88, 88, undefined]);
  const ed = await jwkOf("Ed25519", ["sign"]);
  assert.deepEqual([ed.kty, ed.crv, ed.alg, ed.d.length], ["OKP", "Ed25519", "Ed25519", 43]);
  const x = await jwkOf("X25519", ["deriveBits"]);
  assert.deepEqual([x.kty, x.crv, x.alg], ["OKP", "X25519", undefined]);
});

test("both sides of ECDH and X25519 derive the same", async () => {
  for (const [algorithm, bits] of [[{ name: "ECDH", namedCurve: "P-256" }, 256], [{ name: "ECDH", namedCurve: "P-521" }, 528], [{ name: "X25519" }, 256]]) {
    const a = await subtle.generateKey(algorithm, false, ["deriveBits", "deriveKey"]);
    const b = await subtle.generateKey(algorithm, false, ["deriveBits", "deriveKey"]);
    const ours = { name: algorithm.name, public: b.publicKey };
    const secret = await subtle.deriveBits(ours, a.privateKey, null);
    assert.equal(secret.byteLength * 8, bits);
    assert.equal(hex(await subtle.deriveBits({ name: algorithm.name, public: a.publicKey }, b.privateKey, bits)), hex(secret));
    assert.equal((await subtle.deriveBits(ours, a.privateKey)).byteLength * 8, bits);
    const part = new Uint8Array(await subtle.deriveBits(ours, a.privateKey, 13));
    assert.deepEqual([part.length, part[0], part[1]], [2, new Uint8Array(secret)[0], new Uint8Array(secret)[1] & 0xf8]);
    await named(subtle.deriveBits(ours, a.privateKey, bits + 8), "OperationError");
    await named(subtle.deriveBits({ name: algorithm.name, public: b.privateKey }, a.privateKey), "InvalidAccessError");
    await named(subtle.deriveBits({ name: algorithm.name, public: {} }, a.privateKey), "TypeError");
    await named(subtle.deriveBits(algorithm.name, a.privateKey), "TypeError");
    const key = await subtle.deriveKey(ours, a.privateKey, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    assert.equal(hex(await subtle.exportKey("raw", key)), hex(secret.slice(0, 32)));
    const other = await subtle.generateKey({ name: "ECDH", namedCurve: "P-384" }, false, ["deriveBits"]);
    await named(subtle.deriveBits({ name: algorithm.name, public: other.publicKey }, a.privateKey), "InvalidAccessError");
  }
});

test("HKDF and PBKDF2 derive bits and keys, within limits", async () => {
  const password = await subtle.importKey("raw", bytes("password"), "PBKDF2", false, ["deriveBits", "deriveKey"]);
  const pbkdf2 = { name: "PBKDF2", hash: "SHA-1", salt: bytes("salt"), iterations: 2 };
  assert.equal(hex(await subtle.deriveBits(pbkdf2, password, 160)), "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
  await named(subtle.deriveBits({ ...pbkdf2, iterations: 0 }, password, 160), "OperationError");
  await named(subtle.deriveBits({ ...pbkdf2, iterations: 100_001 }, password, 160), "NotSupportedError", "100000");
  await named(subtle.deriveBits({ ...pbkdf2, iterations: 100_000 }, password, 160 * 21), "OperationError");
  await named(subtle.deriveBits({ ...pbkdf2, hash: "MD5" }, password, 160), "NotSupportedError");
  for (const length of [null, undefined, 12]) await named(subtle.deriveBits(pbkdf2, password, length), "OperationError");
  await named(subtle.importKey("raw", bytes("x"), "PBKDF2", true, ["deriveBits"]), "SyntaxError");
  await named(subtle.importKey("jwk", { kty: "oct", k: "AA" }, "PBKDF2", false, ["deriveBits"]), "NotSupportedError");
  await named(subtle.generateKey("PBKDF2", false, ["deriveBits"]), "NotSupportedError");

  const secret = await subtle.importKey("raw", new Uint8Array(22).fill(11), "HKDF", false, ["deriveBits", "deriveKey"]);
  const hkdf = { name: "HKDF", hash: { name: "sha-256" }, salt: unhex("000102030405060708090a0b0c"), info: unhex("f0f1f2f3f4f5f6f7f8f9") };
  assert.equal(hex(await subtle.deriveBits(hkdf, secret, 128)), "3cb25f25faacd57a90434f64d0362f2a");
  assert.equal((await subtle.deriveBits(hkdf, secret, 0)).byteLength, 0);
  const long = new Uint8Array(2 << 20);
  await named(subtle.deriveBits({ ...hkdf, info: long }, secret, 255 * 256), "OperationError", "input");
  await named(subtle.deriveBits({ ...pbkdf2, salt: long }, password, 160 * 200), "OperationError", "input");
  await named(subtle.deriveBits(hkdf, secret, 255 * 256 + 8), "OperationError");
  await named(subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: bytes("") }, secret, 128), "TypeError", "info");
  const mac = await subtle.deriveKey(hkdf, secret, { name: "HMAC", hash: "SHA-512" }, true, ["sign"]);
  assert.equal(mac.algorithm.length, 1024);
});

const SEALERS = [
  ["AES-GCM", { name: "AES-GCM", iv: new Uint8Array(12).fill(7) }],
  ["AES-GCM", { name: "aes-gcm", iv: new Uint8Array(33).fill(7), tagLength: 32, additionalData: bytes("more") }],
  ["AES-CBC", { name: "AES-CBC", iv: new Uint8Array(16) }],
  ["AES-CTR", { name: "AES-CTR", counter: new Uint8Array(16).fill(255), length: 64 }],
];

test("AES opens what it sealed, with keys of all lengths", async () => {
  for (const [name, parameters] of SEALERS) {
    for (const length of [128, 192, 256]) {
      const key = await subtle.generateKey({ name, length }, true, ["encrypt", "decrypt"]);
      assert.deepEqual(key.algorithm, { name, length });
      for (const size of [0, 1, 15, 16, 1000]) {
        const text = new Uint8Array(size).fill(3);
        const sealed = await subtle.encrypt(parameters, key, text);
        assert.equal(hex(await subtle.decrypt(parameters, key, sealed)), hex(text), `${name} ${size}`);
        assert(name === "AES-CTR" || sealed.byteLength > size);
      }
    }
  }
});

test("AES tells which parameter or data is wrong", async () => {
  const keyOf = (name) => subtle.generateKey({ name, length: 128 }, false, ["encrypt", "decrypt"]);
  const [gcm, cbc, ctr] = [await keyOf("AES-GCM"), await keyOf("AES-CBC"), await keyOf("AES-CTR")];
  const iv = new Uint8Array(16);
  await named(subtle.encrypt({ name: "AES-GCM", iv, tagLength: 40 }, gcm, data), "OperationError", "tag");
  await named(subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(0) }, gcm, data), "OperationError");
  await named(subtle.encrypt({ name: "AES-GCM" }, gcm, data), "TypeError", "iv");
  await named(subtle.encrypt({ name: "AES-GCM", iv, tagLength: 256 }, gcm, data), "TypeError");
  await named(subtle.encrypt("AES-GCM", gcm, data), "TypeError");
  await named(subtle.decrypt({ name: "AES-GCM", iv }, gcm, data), "OperationError");
  await named(subtle.decrypt({ name: "AES-GCM", iv }, gcm, new Uint8Array(3)), "OperationError");
  await named(subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(15) }, cbc, data), "OperationError");
  await named(subtle.decrypt({ name: "AES-CBC", iv }, cbc, new Uint8Array(17)), "OperationError");
  await named(subtle.encrypt({ name: "AES-CTR", counter: iv, length: 0 }, ctr, data), "OperationError");
  await named(subtle.encrypt({ name: "AES-CTR", counter: iv, length: 1 }, ctr, new Uint8Array(33)), "OperationError", "too short");
  await named(subtle.encrypt({ name: "AES-CTR", counter: bytes("short"), length: 64 }, ctr, data), "OperationError");
  await named(subtle.encrypt({ name: "AES-CTR", counter: iv, length: 64 }, cbc, data), "InvalidAccessError", "AES-CBC");
  await named(subtle.generateKey({ name: "AES-GCM", length: 127 }, true, ["encrypt"]), "OperationError");
  await named(subtle.generateKey({ name: "AES-GCM", length: 128 }, true, []), "SyntaxError");
  await named(subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["sign"]), "SyntaxError");
  await named(subtle.importKey("raw", new Uint8Array(15), "AES-GCM", true, ["encrypt"]), "DataError");
  await named(subtle.importKey("jwk", { kty: "oct", k: "A".repeat(22), alg: "A256GCM" }, "AES-GCM", true, ["encrypt"]), "DataError");
});

test("RSA-OAEP seals short texts under a label", async () => {
  const algorithm = { name: "RSA-OAEP", hash: "SHA-256", ...rsaModulus };
  const { publicKey, privateKey } = await subtle.generateKey(algorithm, true, ["encrypt", "decrypt"]);
  assert.deepEqual(Object.keys(publicKey.algorithm).sort(), ["hash", "modulusLength", "name", "publicExponent"]);
  assert.deepEqual([publicKey.algorithm.modulusLength, [...publicKey.algorithm.publicExponent]], [1024, [1, 0, 1]]);
  const label = { name: "RSA-OAEP", label: bytes("label") };
  const sealed = await subtle.encrypt(label, publicKey, data);
  assert.equal(hex(await subtle.decrypt(label, privateKey, sealed)), hex(data));
  await named(subtle.decrypt("RSA-OAEP", privateKey, sealed), "OperationError");
  await named(subtle.encrypt(label, publicKey, new Uint8Array(63)), "OperationError");
});

test("RSA keys have a modulus and an exponent within limits", async () => {
  const make = (changes) => subtle.generateKey({ name: "RSA-PSS", hash: "SHA-256", ...rsaModulus, ...changes }, true, ["sign"]);
  for (const modulusLength of [0, 512, 1025, 4104, 16384]) await named(make({ modulusLength }), "OperationError");
  for (const exponent of [[1], [4], [1, 0, 0], [1, 0, 0, 0, 0, 0, 1]]) {
    await named(make({ publicExponent: new Uint8Array(exponent) }), "OperationError");
  }
  await named(make({ publicExponent: [3] }), "TypeError");
  await named(make({ hash: "MD5" }), "NotSupportedError");
  const { privateKey } = await make({ publicExponent: new Uint8Array([0, 0, 3]) });
  assert.deepEqual([...privateKey.algorithm.publicExponent], [3]);
  await named(subtle.sign({ name: "RSA-PSS", saltLength: 100 }, privateKey, data), "OperationError");
  await named(subtle.sign({ name: "RSA-PSS", saltLength: 2 ** 32 - 1 }, privateKey, data), "OperationError");
});

test("keys wrap keys in each format", async () => {
  const rsa = await subtle.generateKey(
    { name: "RSA-OAEP", hash: "SHA-1", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) }, false, ["wrapKey", "unwrapKey"]);
  const aes = (name) => subtle.generateKey({ name, length: 256 }, false, ["wrapKey", "unwrapKey"]);
  const [kw, gcm] = [await aes("AES-KW"), await aes("AES-GCM")];
  const ec = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const secret = await subtle.generateKey({ name: "AES-CBC", length: 128 }, true, ["encrypt"]);
  const iv = { name: "AES-GCM", iv: new Uint8Array(12) };
  for (const [format, key, wrapping, unwrapping, algorithm, usages] of [
    ["raw", secret, kw, kw, "AES-KW", ["encrypt"]],
    ["raw", secret, rsa.publicKey, rsa.privateKey, "RSA-OAEP", ["encrypt"]],
    ["jwk", secret, gcm, gcm, iv, ["encrypt"]],
    ["pkcs8", ec.privateKey, gcm, gcm, iv, ["sign"]],
    ["jwk", ec.privateKey, gcm, gcm, iv, ["sign"]],
    ["spki", ec.publicKey, gcm, gcm, iv, ["verify"]],
  ]) {
    const wrapped = await subtle.wrapKey(format, key, wrapping, algorithm);
    const again = await subtle.unwrapKey(format, wrapped, unwrapping, algorithm, key.algorithm, true, usages);
    assert.deepEqual(await subtle.exportKey("jwk", again), await subtle.exportKey("jwk", key), `${format} ${algorithm}`);
  }
  const hidden = await subtle.generateKey({ name: "AES-CBC", length: 128 }, false, ["encrypt"]);
  await named(subtle.wrapKey("raw", hidden, kw, "AES-KW"), "InvalidAccessError", "extractable");
  await named(subtle.wrapKey("raw", secret, gcm, "AES-KW"), "InvalidAccessError");
  await named(subtle.wrapKey("raw", secret, kw, "HMAC"), "NotSupportedError");
  await named(subtle.unwrapKey("raw", new Uint8Array(24), kw, "AES-KW", "AES-CBC", true, ["encrypt"]), "OperationError");
  await named(subtle.unwrapKey("raw", new Uint8Array((1 << 20) + 8), kw, "AES-KW", "AES-CBC", true, ["encrypt"]), "OperationError", "at most");
  const noJwk = await subtle.encrypt(iv, await subtle.importKey("raw", new Uint8Array(16), "AES-GCM", false, ["encrypt"]), bytes("{}"));
  const opener = await subtle.importKey("raw", new Uint8Array(16), "AES-GCM", false, ["unwrapKey"]);
  await named(subtle.unwrapKey("jwk", noJwk, opener, iv, "AES-CBC", true, ["encrypt"]), "DataError");
});

test("a token as JOSE libraries verify it", async () => {
  // RFC 7515 appendix A.3.
  const jwk = {
    kty: "EC", crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  };
  const signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  const signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  const key = await subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const decoded = Uint8Array.from(atob(signature.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  assert.equal(await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, decoded, bytes(signed)), true);
  assert.equal(await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, decoded, bytes(`${signed}x`)), false);
  await named(subtle.importKey("jwk", { ...jwk, crv: "P-384" }, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]), "DataError");
  await named(subtle.importKey("jwk", { ...jwk, x: jwk.y }, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]), "DataError");
  await named(subtle.importKey("jwk", { ...jwk, alg: "ES384" }, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]), "DataError");
});

test("arguments are converted and checked as Web IDL says", async () => {
  const key = await subtle.generateKey({ name: "AES-CBC", length: 128 }, true, ["encrypt"]);
  for (const promise of [
    subtle.encrypt("AES-CBC", key), subtle.encrypt({ name: "AES-CBC", iv: 1 }, key, data), subtle.encrypt({}, key, data),
    subtle.encrypt("AES-CBC", {}, data), subtle.encrypt("AES-CBC", key, "text"), subtle.generateKey({ name: "AES-CBC", length: 2 ** 16 }, true, ["encrypt"]),
    subtle.generateKey({ name: "AES-CBC", length: 128 }, true, ["smell"]), subtle.generateKey({ name: "AES-CBC", length: 128 }, true, "encrypt"),
    subtle.importKey("pem", data, "AES-CBC", true, []), subtle.importKey("raw", { kty: "oct" }, "AES-CBC", true, []),
    subtle.importKey("jwk", data, "AES-CBC", true, []), subtle.importKey("raw", "text", "AES-CBC", true, []),
    subtle.importKey("jwk", { kty: "oct", k: Symbol() }, "AES-CBC", true, []), SubtleCrypto.prototype.sign.call({}, "HMAC", key, data),
    subtle.wrapKey("raw", key, key), subtle.unwrapKey("raw", data, key, "AES-KW", "AES-CBC", true),
  ]) {
    await named(promise, "TypeError");
  }
  for (const promise of [
    subtle.encrypt("AES-ECB", key, data), subtle.sign("AES-CBC", key, data), subtle.generateKey("Ed448", true, ["sign"]),
    subtle.importKey("raw", data, "SHA-256", true, []), subtle.deriveBits("ECDSA", key, 8), subtle.exportKey("spki", key),
  ]) {
    await named(promise, "NotSupportedError");
  }
});

test("what a key shows can be changed without changing the key", async () => {
  const key = await subtle.importKey("raw", bytes("secret"), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  assert.equal(key.usages, key.usages);
  assert.equal(key.algorithm, key.algorithm);
  key.usages.push("sign");
  key.algorithm.name = "AES-CBC";
  key.algorithm.hash.name = "SHA-1";
  await named(subtle.sign("HMAC", key, data), "InvalidAccessError");
  const signer = await subtle.importKey("raw", bytes("secret"), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  assert.equal(await subtle.verify("HMAC", key, await subtle.sign("HMAC", signer, data), data), true);
  const given = bytes("secret");
  const copied = await subtle.importKey("raw", given, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  given.fill(0);
  new Uint8Array(await subtle.exportKey("raw", copied)).fill(0);
  assert.equal(hex(await subtle.sign("HMAC", copied, data)), hex(await subtle.sign("HMAC", signer, data)));
});

test("keys are cloned with all they can do", async () => {
  const { privateKey, publicKey } = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const [clone, other] = structuredClone({ keys: [privateKey, publicKey] }).keys;
  assert(clone instanceof CryptoKey && clone !== privateKey);
  assert.deepEqual([clone.type, clone.extractable, clone.usages, clone.algorithm], ["private", false, ["sign"], { name: "ECDSA", namedCurve: "P-256" }]);
  assert(clone.algorithm !== privateKey.algorithm);
  const use = { name: "ECDSA", hash: "SHA-256" };
  assert.equal(await subtle.verify(use, other, await subtle.sign(use, clone, data), data), true);
});

test("setters on Object.prototype see nothing of a key", async () => {
  const seen = [];
  const keys = ["material", "details", "usages", "algorithm", "params", "publicKey", "privateKey", "d", "k", "ext"];
  for (const key of keys) {
    Object.defineProperty(Object.prototype, key, { configurable: true, set: () => void seen.push(key), get: () => undefined });
  }
  try {
    const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    await subtle.exportKey("jwk", key);
    const pair = await subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    await subtle.exportKey("jwk", pair.privateKey);
    await subtle.importKey("jwk", await subtle.exportKey("jwk", pair.privateKey), "Ed25519", true, ["sign"]);
  } finally {
    for (const key of keys) delete Object.prototype[key];
  }
  assert.deepEqual(seen, []);
});

test("wrapping does not ask a Worker's toJSON", async () => {
  const secret = await subtle.importKey("raw", new Uint8Array(16), "AES-CBC", true, ["encrypt"]);
  const wrapping = await subtle.generateKey({ name: "AES-CTR", length: 128 }, false, ["wrapKey", "unwrapKey"]);
  const use = { name: "AES-CTR", counter: new Uint8Array(16), length: 64 };
  Object.prototype.toJSON = Array.prototype.toJSON = () => "mine";
  try {
    const wrapped = await subtle.wrapKey("jwk", secret, wrapping, use);
    await subtle.unwrapKey("jwk", wrapped, wrapping, use, "AES-CBC", true, ["encrypt"]);
  } finally {
    delete Object.prototype.toJSON;
    delete Array.prototype.toJSON;
  }
});

test("DigestStream gives the digest of what was written", async () => {
  const stream = new crypto.DigestStream("SHA-256");
  assert(stream instanceof WritableStream && stream instanceof crypto.DigestStream);
  const writer = stream.getWriter();
  await writer.write(bytes("a"));
  await writer.write(bytes("b").buffer);
  assert.equal(stream.bytesWritten, 2n);
  await writer.write(new DataView(bytes("c").buffer));
  await writer.close();
  assert.equal(hex(await stream.digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(stream.digest, stream.digest);

  const md5 = new crypto.DigestStream({ name: "md5" });
  await new Blob(["abc"]).stream().pipeTo(md5);
  assert.equal(hex(await md5.digest), "900150983cd24fb0d6963f7d28e17f72");

  const aborted = new crypto.DigestStream("SHA-1");
  await aborted.abort(new Error("enough"));
  await assert.rejects(aborted.digest, Error, "enough");
  const wrong = new crypto.DigestStream("SHA-1");
  await assert.rejects(wrong.getWriter().write("text"), TypeError, "TextEncoder");
  await assert.rejects(wrong.digest, TypeError);
  assert.throws(() => new crypto.DigestStream("SHA-3"), DOMException);
  assert.throws(() => crypto.DigestStream("SHA-1"), TypeError);
  assert.throws(() => Object.getOwnPropertyDescriptor(crypto.DigestStream.prototype, "digest").get.call(new WritableStream()), TypeError);
});

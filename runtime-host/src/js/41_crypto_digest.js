"use strict";
// Digests of Web Crypto: the SHA family, and MD5, which Workers have for old checksums.

const { ArrayBuffer, Uint8Array } = internals.primordials;
const { noParams, register } = internals.crypto;

const params = { __proto__: null, digest: noParams };

// `id` is the number of the hash in ops/crypto/hash.rs, `length` that of its result and `block` that of its block, in
// bytes. `bits` is what the names of algorithms with it end with in a JSON Web Key (RFC 7518 section 3.1).
function define(id, name, length, block, bits) {
  register(name, () => ({
    id,
    name,
    length,
    block,
    bits,
    params,
    digest(none, bytes) {
      const buffer = new ArrayBuffer(length);
      ops.cryptoDigest(id, bytes, new Uint8Array(buffer));
      return buffer;
    },
  }));
}

define(0, "MD5", 16, 64, undefined);
define(1, "SHA-1", 20, 64, "1");
define(2, "SHA-256", 32, 64, "256");
define(3, "SHA-384", 48, 128, "384");
define(4, "SHA-512", 64, 128, "512");

"use strict";
// Digests of Web Crypto: the SHA family, and MD5, which Workers have for old checksums.

const { ArrayBuffer, Uint8Array } = internals.primordials;
const { algorithms } = internals.crypto;

// `id` is the number of the hash in ops/crypto.rs, `length` that of its result and `block` that of its block, in bytes.
// `jwk` is the name of HMAC with it in a JSON Web Key (RFC 7518 section 3.1).
const HASHES = [
  { id: 0, name: "MD5", length: 16, block: 64, jwk: undefined },
  { id: 1, name: "SHA-1", length: 20, block: 64, jwk: "HS1" },
  { id: 2, name: "SHA-256", length: 32, block: 64, jwk: "HS256" },
  { id: 3, name: "SHA-384", length: 48, block: 128, jwk: "HS384" },
  { id: 4, name: "SHA-512", length: 64, block: 128, jwk: "HS512" },
];

for (const { id, name, length, block, jwk } of HASHES) {
  algorithms[name] = {
    id,
    name,
    length,
    block,
    jwk,
    digest(bytes) {
      const buffer = new ArrayBuffer(length);
      ops.cryptoDigest(id, bytes, new Uint8Array(buffer));
      return buffer;
    },
  };
}

"use strict";
// HMAC of Web Crypto (https://w3c.github.io/webcrypto/#hmac). A key's material is its bytes.

const { ArrayBuffer, MathCeil, TypeError, Uint8Array } = internals.primordials;
const { dictionary } = internals.webidl;
const {
  Key, bufferOf, checkJwk, checkJwkAlg, copy, dataError, decodeJwk, domError, encodeBase64url, finishJwk, lengthOf,
  noParams, operationError, optional, register, required, requireUsages, types, usage,
} = internals.crypto;

// A limit of ours, far above any use: the length comes from a Worker and is allocated at once.
const MAX_KEY_BITS = 65536 * 8;

register("HMAC", () => {
  const usages = usage.sign | usage.verify;
  const convert = dictionary("HmacKeyGenParams", [required("hash", types.hash), optional("length", types.unsignedLong)]);
  const toParams = (given, prefix) => {
    const params = convert(given, prefix);
    // MD5 is there for digests only.
    if (params.hash.bits === undefined) throw domError("NotSupportedError", `HMAC can't be used with ${params.hash.name}.`);
    return params;
  };

  /** `length` bits of the key count; those of the last byte beyond them are zero. */
  function makeKey(hash, bytes, length, extractable, usages) {
    const rest = length % 8;
    if (rest !== 0) bytes[bytes.length - 1] &= 0xff << (8 - rest);
    return new Key(hmac, "secret", extractable, usages, bytes, { hash, length });
  }

  function compute(key, data) {
    const { hash } = key.details;
    const out = new Uint8Array(new ArrayBuffer(hash.length));
    ops.cryptoHmac(hash.id, key.material, data, out);
    return out;
  }

  const hmac = {
    name: "HMAC",
    params: {
      __proto__: null,
      sign: noParams, verify: noParams, generateKey: toParams, importKey: toParams, getKeyLength: toParams,
    },
    describe: ({ details }) => ({ name: "HMAC", hash: { name: details.hash.name }, length: details.length }),

    sign: (params, key, data) => bufferOf(compute(key, data)),

    verify(params, key, signature, data) {
      const expected = compute(key, data);
      return lengthOf(signature) === lengthOf(expected) && ops.timingSafeEqual(signature, expected);
    },

    generateKey(params, extractable, given) {
      requireUsages(given, usages, "HMAC");
      const length = params.length ?? params.hash.block * 8;
      if (length === 0 || length > MAX_KEY_BITS) {
        throw operationError(`An HMAC key has between 1 and ${MAX_KEY_BITS} bits, not ${length}.`);
      }
      const bytes = new Uint8Array(MathCeil(length / 8));
      ops.cryptoRandomFill(bytes);
      return makeKey(params.hash, bytes, length, extractable, given);
    },

    importKey(format, data, params, extractable, given) {
      requireUsages(given, usages, "HMAC");
      const { hash } = params;
      let bytes = data;
      if (format === "jwk") {
        checkJwk(data, "oct", "sig", given, extractable);
        checkJwkAlg(data, `HS${hash.bits}`);
        bytes = decodeJwk(data, "k");
      } else if (format !== "raw") {
        throw domError("NotSupportedError", `HMAC keys have no format "${format}".`);
      }
      const bits = lengthOf(bytes) * 8;
      const length = params.length ?? bits;
      if (length === 0 || length > bits || length <= bits - 8) {
        throw dataError(`The length of the HMAC key (${length}) does not fit its ${bits} bits.`);
      }
      return makeKey(hash, bytes, length, extractable, given);
    },

    exportKey(format, key) {
      if (format === "raw") return bufferOf(copy(key.material));
      if (format !== "jwk") throw domError("NotSupportedError", `HMAC keys have no format "${format}".`);
      const jwk = { kty: "oct", k: encodeBase64url(key.material), alg: `HS${key.details.hash.bits}` };
      return finishJwk(jwk, key);
    },

    getKeyLength(params) {
      if (params.length === 0) throw new TypeError("An HMAC key can't have 0 bits.");
      return params.length ?? params.hash.block * 8;
    },
  };
  return hmac;
});

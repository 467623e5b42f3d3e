"use strict";
// HMAC of Web Crypto (https://w3c.github.io/webcrypto/#hmac). A key's material is its bytes.

const {
  ArrayBuffer, ArrayPrototypeIncludes, ArrayPrototypePush, MathCeil, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, TypeError, Uint8Array,
} = internals.primordials;
const { DOMString, isObject, sequence, unsignedLong } = internals.webidl;
const { base64url } = internals;
const { algorithms, createKey, domError, findDigest } = internals.crypto;

// A limit of ours, far above any use: the length comes from a Worker and is allocated at once.
const MAX_KEY_BITS = 65536 * 8;


// ---- Parameters ----

function hashOf(algorithm, prefix) {
  if (!isObject(algorithm) || algorithm.hash === undefined) {
    throw new TypeError('Missing field "hash" in "algorithm".');
  }
  const hash = findDigest(algorithm.hash, prefix);
  if (hash.jwk === undefined) throw domError("NotSupportedError", `HMAC can't be used with ${hash.name}.`);
  return hash;
}

const lengthOf = (algorithm, prefix) =>
  algorithm.length === undefined ? undefined : unsignedLong(algorithm.length, prefix, "algorithm.length", "enforceRange");

function requireUsages(usages) {
  for (let i = 0; i < usages.length; i++) {
    if (usages[i] !== "sign" && usages[i] !== "verify") {
      throw domError("SyntaxError", `Attempt to import secret HMAC key with invalid usage "${usages[i]}".`);
    }
  }
  if (usages.length === 0) {
    throw domError("SyntaxError", "Secret/private CryptoKeys must have at least one usage.");
  }
}

/** `bits` of the key count; those of the last byte beyond them are zero. */
function makeKey(hash, bytes, bits, extractable, usages) {
  const rest = bits % 8;
  if (rest !== 0) bytes[bytes.length - 1] &= 0xff << (8 - rest);
  const algorithm = { name: "HMAC", hash: { name: hash.name }, length: bits };
  return createKey(hmac, "secret", extractable, algorithm, usages, { hash, bytes });
}

// ---- JSON Web Keys (RFC 7517, RFC 7518 section 6.4) ----

const jwkMember = (jwk, key, prefix) =>
  jwk[key] === undefined ? undefined : DOMString(jwk[key], prefix, `JsonWebKey.${key}`);

function bytesOfJwk(jwk, hash, extractable, usages, prefix) {
  const kty = jwkMember(jwk, "kty", prefix);
  if (kty !== "oct") {
    throw domError(
      "DataError",
      `HMAC "jwk" key import requires a JSON Web Key with Key Type parameter ("kty") equal to "oct" (encountered "${kty}").`,
    );
  }
  const alg = jwkMember(jwk, "alg", prefix);
  if (alg !== undefined && alg !== hash.jwk) {
    throw domError(
      "DataError",
      `HMAC "jwk" key import specifies "alg" that is incompatible with the hash name (encountered "${alg}", expected "${hash.jwk}").`,
    );
  }
  const use = jwkMember(jwk, "use", prefix);
  if (use !== undefined && use !== "sig") {
    throw domError("DataError", `HMAC "jwk" key import requires "use" to be "sig" (encountered "${use}").`);
  }
  if (jwk.key_ops !== undefined) requireKeyOps(sequence(jwk.key_ops, DOMString, prefix, "JsonWebKey.key_ops"), usages);
  if (jwk.ext !== undefined && !jwk.ext && extractable) {
    throw domError("DataError", 'JWK ext field for "HMAC" is set to false but extractable is true');
  }
  const k = jwkMember(jwk, "k", prefix);
  if (k === undefined) throw domError("DataError", 'HMAC "jwk" key import requires the parameter "k".');
  const bytes = base64url.decode(k);
  if (bytes === undefined) throw domError("DataError", 'The parameter "k" of the HMAC "jwk" key is not base64url.');
  return bytes;
}

function requireKeyOps(keyOps, usages) {
  for (let i = 0; i < usages.length; i++) {
    if (!ArrayPrototypeIncludes(keyOps, usages[i])) {
      throw domError("DataError", `The parameter "key_ops" of the HMAC "jwk" key does not allow "${usages[i]}".`);
    }
  }
}

// ---- The algorithm ----

function compute(state, data) {
  const { hash, bytes } = state.material;
  const buffer = new ArrayBuffer(hash.length);
  const out = new Uint8Array(buffer);
  ops.cryptoHmac(hash.id, bytes, data, out);
  return out;
}

const hmac = {
  name: "HMAC",

  sign: (algorithm, state, data) => TypedArrayPrototypeGetBuffer(compute(state, data)),

  verify(algorithm, state, signature, data) {
    const expected = compute(state, data);
    return (
      TypedArrayPrototypeGetByteLength(signature) === TypedArrayPrototypeGetByteLength(expected) &&
      ops.timingSafeEqual(signature, expected)
    );
  },

  generateKey(algorithm, extractable, usages, prefix) {
    const hash = hashOf(algorithm, prefix);
    const bits = lengthOf(algorithm, prefix) ?? hash.block * 8;
    requireUsages(usages);
    if (bits === 0 || bits > MAX_KEY_BITS) {
      throw domError(
        "OperationError",
        `HMAC key length must be a non-zero unsigned long integer of at most ${MAX_KEY_BITS} bits (requested ${bits}).`,
      );
    }
    const bytes = new Uint8Array(MathCeil(bits / 8));
    ops.cryptoRandomFill(bytes);
    return makeKey(hash, bytes, bits, extractable, usages);
  },

  importKey(format, data, algorithm, extractable, usages, prefix) {
    requireUsages(usages);
    const hash = hashOf(algorithm, prefix);
    let bytes = data;
    if (format === "jwk") bytes = bytesOfJwk(data, hash, extractable, usages, prefix);
    else if (format !== "raw") throw domError("NotSupportedError", `Unrecognized key import format "${format}".`);
    const length = TypedArrayPrototypeGetByteLength(bytes) * 8;
    const bits = lengthOf(algorithm, prefix) ?? length;
    if (bits === 0 || bits > length || bits <= length - 8) {
      throw domError(
        "DataError",
        `Imported HMAC key length (${bits}) must be a non-zero value up to 7 bits less than, ` +
          `and no greater than, the bit length of the raw key data (${length}).`,
      );
    }
    return makeKey(hash, bytes, bits, extractable, usages);
  },

  exportKey(format, state) {
    const { hash, bytes } = state.material;
    if (format === "raw") {
      const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
      TypedArrayPrototypeSet(copy, bytes);
      return TypedArrayPrototypeGetBuffer(copy);
    }
    if (format !== "jwk") throw domError("NotSupportedError", `Unrecognized key export format "${format}".`);
    const usages = [];
    for (let i = 0; i < state.usages.length; i++) ArrayPrototypePush(usages, state.usages[i]);
    return {
      kty: "oct",
      key_ops: usages,
      alg: hash.jwk,
      ext: true,
      k: base64url.encode(bytes),
    };
  },
};

algorithms.HMAC = hmac;

"use strict";
// Derivation of keys from other secrets: HKDF and PBKDF2 of Web Crypto. A key's material is its bytes.

const { MathCeil, TypedArrayPrototypeGetBuffer, Uint8Array } = internals.primordials;
const { bufferSource, dictionary } = internals.webidl;
const {
  Key, domError, noParams, operationError, register, required, requireUsages, types, usage,
} = internals.crypto;

// As in Workers: one call may not compute for longer than some hundred milliseconds.
const MAX_ITERATIONS = 100_000;
// The same for its output: rounds of the hash, about a second.
const MAX_ROUNDS = 2_000_000;

function define(name, dictionaryName, members, derive) {
  register(name, () => {
    const toParams = dictionary(dictionaryName, members());
    const algorithm = {
      name,
      params: { __proto__: null, deriveBits: toParams, importKey: noParams, getKeyLength: noParams },
      describe: () => ({ name }),

      importKey(format, data, params, extractable, usages) {
        if (format !== "raw") throw domError("NotSupportedError", `${name} keys have no format "${format}".`);
        requireUsages(usages, usage.deriveKey | usage.deriveBits, name);
        if (extractable) throw domError("SyntaxError", `A ${name} key can't be extractable.`);
        return new Key(algorithm, "secret", false, usages, data, undefined);
      },

      deriveBits(params, key, length) {
        if (length === null || length % 8 !== 0) {
          throw operationError(`The length of what ${name} derives has to be a multiple of 8 bits, not ${length}.`);
        }
        if (params.hash.bits === undefined) {
          throw domError("NotSupportedError", `${name} can't be used with ${params.hash.name}.`);
        }
        const bytes = derive(params, key.material, length / 8);
        return TypedArrayPrototypeGetBuffer(bytes);
      },

      getKeyLength: () => null,
    };
    return algorithm;
  });
}

const hkdfMembers = () => [required("hash", types.hash), required("info", bufferSource), required("salt", bufferSource)];
define("HKDF", "HkdfParams", hkdfMembers, ({ hash, info, salt }, key, length) => {
  if (length > 255 * hash.length) throw operationError(`HKDF derives at most ${255 * hash.length} bytes with ${hash.name}.`);
  const out = new Uint8Array(length);
  if (!ops.cryptoHkdf(hash.id, key, salt, info, out)) throw operationError("HKDF failed.");
  return out;
});

define(
  "PBKDF2",
  "Pbkdf2Params",
  () => [required("hash", types.hash), required("iterations", types.unsignedLong), required("salt", bufferSource)],
  ({ hash, iterations, salt }, key, length) => {
    if (iterations === 0) throw operationError("PBKDF2 needs at least one iteration.");
    if (iterations > MAX_ITERATIONS) {
      throw domError(
        "NotSupportedError",
        `PBKDF2 with more than ${MAX_ITERATIONS} iterations is not supported (${iterations} were asked for).`,
      );
    }
    if (MathCeil(length / hash.length) * iterations > MAX_ROUNDS) {
      throw operationError(`PBKDF2 with ${iterations} iterations can't derive as many as ${length} bytes.`);
    }
    const out = new Uint8Array(length);
    if (length > 0) ops.cryptoPbkdf2(hash.id, key, salt, iterations, out);
    return out;
  },
);

"use strict";
// Derivation of keys from other secrets: HKDF and PBKDF2 of Web Crypto. A key's material is its bytes.

internals.crypto.defer(["HKDF", "PBKDF2"], () => {
  const { MathCeil, TypedArrayPrototypeGetBuffer, Uint8Array } = internals.primordials;
  const { bufferSource, dictionary } = internals.webidl;
  const {
    Key, domError, lengthOf, noParams, operationError, register, required, requireUsages, types, usage,
  } = internals.crypto;

  // As in Workers: one call may not compute for longer than some hundred milliseconds.
  const MAX_ITERATIONS = 100_000;
  // The same for its output: rounds of the hash, about a second.
  const MAX_ROUNDS = 2_000_000;
  // Bytes of `info` or `salt` that are hashed, once for each block of the output.
  const MAX_HASHED = 1 << 28;

  /** How many blocks of the hash `length` bytes are; throws when `input`, hashed for each of them, is too long. */
  function blocksOf(name, length, hash, input) {
    const blocks = MathCeil(length / hash.length);
    if (blocks * lengthOf(input) > MAX_HASHED) {
      throw operationError(`${name} can't derive ${length} bytes with an input of ${lengthOf(input)} bytes.`);
    }
    return blocks;
  }

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
    const most = 255 * hash.length;
    if (length > most) throw operationError(`HKDF derives at most ${most} bytes with ${hash.name}.`);
    blocksOf("HKDF", length, hash, info);
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
      if (blocksOf("PBKDF2", length, hash, salt) * iterations > MAX_ROUNDS) {
        throw operationError(`PBKDF2 with ${iterations} iterations can't derive as many as ${length} bytes.`);
      }
      const out = new Uint8Array(length);
      if (length > 0) ops.cryptoPbkdf2(hash.id, key, salt, iterations, out);
      return out;
    },
  );
});

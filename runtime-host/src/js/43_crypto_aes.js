"use strict";
// AES of Web Crypto (https://w3c.github.io/webcrypto/#aes-ctr and after). A key's material is its bytes.

internals.crypto.defer(["AES-CBC", "AES-CTR", "AES-GCM", "AES-KW"], () => {
  const { StringPrototypeSlice, Uint8Array } = internals.primordials;
  const { bufferSource, dictionary } = internals.webidl;
  const {
    Key, bufferOf, checkJwk, checkJwkAlg, copy, dataError, decodeJwk, domError, encodeBase64url, finishJwk, lengthOf,
    noParams, operationError, optional, register, required, requireUsages, types, usage, view,
  } = internals.crypto;

  const BLOCK = 16;
  const isKeyLength = (bits) => bits === 128 || bits === 192 || bits === 256;

  /**
   * What the modes have in common. `modeOf()` gives the operations of one and the converters of their parameters.
   */
  function define(name, usages, modeOf) {
    register(name, () => {
      const toLength = dictionary("AesKeyGenParams", [required("length", types.unsignedShort)]);
      const jwkAlg = (bytes) => `A${lengthOf(bytes) * 8}${StringPrototypeSlice(name, 4)}`;
      const make = (bytes, extractable, given) => new Key(algorithm, "secret", extractable, given, bytes, undefined);

      function requireLength({ length }) {
        if (!isKeyLength(length)) throw operationError(`An AES key has 128, 192 or 256 bits, not ${length}.`);
        return length;
      }

      const mode = modeOf();
      const algorithm = {
        name,
        describe: (key) => ({ name, length: lengthOf(key.material) * 8 }),

        generateKey(params, extractable, given) {
          requireUsages(given, usages, name);
          const bytes = new Uint8Array(requireLength(params) / 8);
          ops.cryptoRandomFill(bytes);
          return make(bytes, extractable, given);
        },

        importKey(format, data, params, extractable, given) {
          requireUsages(given, usages, name);
          let bytes = data;
          if (format === "jwk") {
            checkJwk(data, "oct", "enc", given, extractable);
            bytes = decodeJwk(data, "k");
          } else if (format !== "raw") {
            throw domError("NotSupportedError", `${name} keys have no format "${format}".`);
          }
          if (!isKeyLength(lengthOf(bytes) * 8)) {
            throw dataError(`An AES key has 128, 192 or 256 bits, not ${lengthOf(bytes) * 8}.`);
          }
          if (format === "jwk") checkJwkAlg(data, jwkAlg(bytes));
          return make(bytes, extractable, given);
        },

        exportKey(format, key) {
          if (format === "raw") return bufferOf(copy(key.material));
          if (format !== "jwk") throw domError("NotSupportedError", `${name} keys have no format "${format}".`);
          return finishJwk({ kty: "oct", k: encodeBase64url(key.material), alg: jwkAlg(key.material) }, key);
        },

        getKeyLength: requireLength,
        ...mode,
        params: { __proto__: null, generateKey: toLength, importKey: noParams, getKeyLength: toLength, ...mode.params },
      };
      return algorithm;
    });
  }

  const ENCRYPTS = usage.encrypt | usage.decrypt | usage.wrapKey | usage.unwrapKey;

  define("AES-CBC", ENCRYPTS, () => {
    const toIv = dictionary("AesCbcParams", [required("iv", bufferSource)]);
    const requireIv = ({ iv }) => {
      if (lengthOf(iv) === BLOCK) return iv;
      throw operationError(`The initialization vector of AES-CBC has 16 bytes, not ${lengthOf(iv)}.`);
    };
    return {
      params: { encrypt: toIv, decrypt: toIv },

      encrypt(params, key, data) {
        const iv = requireIv(params);
        const length = lengthOf(data);
        const out = new Uint8Array(length - (length % BLOCK) + BLOCK);
        if (ops.cryptoAesCbc(true, key.material, iv, data, out) === undefined) throw operationError("AES-CBC failed.");
        return bufferOf(out);
      },

      decrypt(params, key, data) {
        const iv = requireIv(params);
        const out = new Uint8Array(lengthOf(data));
        const length = ops.cryptoAesCbc(false, key.material, iv, data, out);
        if (length === undefined) throw operationError("AES-CBC could not decrypt: the length or the padding is wrong.");
        return bufferOf(copy(view(out, 0, length)));
      },
    };
  });

  define("AES-CTR", ENCRYPTS, () => {
    const toCounter = dictionary("AesCtrParams", [required("counter", bufferSource), required("length", types.octet)]);
    function apply(params, key, data) {
      const { counter, length } = params;
      if (lengthOf(counter) !== BLOCK) {
        throw operationError(`The counter block of AES-CTR has 16 bytes, not ${lengthOf(counter)}.`);
      }
      if (length === 0 || length > 128) {
        throw operationError(`The counter of AES-CTR has between 1 and 128 bits, not ${length}.`);
      }
      const out = new Uint8Array(lengthOf(data));
      if (!ops.cryptoAesCtr(key.material, counter, length, data, out)) {
        throw operationError(`A counter of ${length} bits is too short for so much data.`);
      }
      return bufferOf(out);
    }
    return { params: { encrypt: toCounter, decrypt: toCounter }, encrypt: apply, decrypt: apply };
  });

  define("AES-GCM", ENCRYPTS, () => {
    const toParams = dictionary("AesGcmParams", [
      optional("additionalData", bufferSource), required("iv", bufferSource), optional("tagLength", types.octet),
    ]);
    const NOTHING = new Uint8Array(0);
    const isTagLength = (bits) => bits === 32 || bits === 64 || (bits >= 96 && bits <= 128 && bits % 8 === 0);

    /** The length of the tag in bytes. */
    function requireParams({ iv, tagLength = 128 }) {
      if (lengthOf(iv) === 0) throw operationError("The initialization vector of AES-GCM must not be empty.");
      if (!isTagLength(tagLength)) {
        throw operationError(`The tag of AES-GCM has 32, 64, 96, 104, 112, 120 or 128 bits, not ${tagLength}.`);
      }
      return tagLength / 8;
    }

    return {
      params: { encrypt: toParams, decrypt: toParams },

      encrypt(params, key, data) {
        const tag = requireParams(params);
        const out = new Uint8Array(lengthOf(data) + tag);
        if (!ops.cryptoAesGcm(true, key.material, params.iv, params.additionalData ?? NOTHING, tag, data, out)) {
          throw operationError("AES-GCM failed.");
        }
        return bufferOf(out);
      },

      decrypt(params, key, data) {
        const tag = requireParams(params);
        const length = lengthOf(data) - tag;
        if (length < 0) throw operationError("The data is shorter than the tag of AES-GCM.");
        const out = new Uint8Array(length);
        if (!ops.cryptoAesGcm(false, key.material, params.iv, params.additionalData ?? NOTHING, tag, data, out)) {
          throw operationError("AES-GCM could not decrypt: the data, the tag or a parameter is wrong.");
        }
        return bufferOf(out);
      },
    };
  });

  // Far above any key. Each step of the key wrap needs the one before, so that it is slow for much data.
  const MAX_WRAPPED = 1 << 20;

  function keyWrap(wrap, key, data) {
    if (lengthOf(data) > MAX_WRAPPED) throw operationError(`AES-KW takes at most ${MAX_WRAPPED} bytes.`);
    return bufferOf(
      ops.cryptoAesKw(wrap, key.material, data),
      wrap ? "AES-KW wraps keys of 16 or more bytes, by eights." : "AES-KW could not unwrap: the data or the key is wrong.",
    );
  }

  define("AES-KW", usage.wrapKey | usage.unwrapKey, () => ({
    params: { wrapKey: noParams, unwrapKey: noParams },
    wrapKey: (params, key, data) => keyWrap(true, key, data),
    unwrapKey: (params, key, data) => keyWrap(false, key, data),
  }));
});

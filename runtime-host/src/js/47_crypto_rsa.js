"use strict";
// RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP of Web Crypto (https://w3c.github.io/webcrypto/#rsassa-pkcs1 and after). A key's
// material is its encoding of PKCS #1.

internals.crypto.defer(["RSASSA-PKCS1-v1_5", "RSA-PSS", "RSA-OAEP"], () => {
  const { MathClz32, Uint8Array } = internals.primordials;
  const { bufferSource, dictionary } = internals.webidl;
  const {
    Key, bufferOf, checkJwk, checkJwkAlg, dataError, decodeJwk, domError, encodeBase64url, finishJwk, lengthOf,
    noParams, operationError, optional, register, required, requireType, requireUsages, types, usage,
  } = internals.crypto;

  // The crate makes keys from 1,024 bits on; longer ones than 4,096 would take seconds.
  const MIN_MODULUS_BITS = 1024;
  const MAX_MODULUS_BITS = 4096;

  // Numbers of a private key in the order of ops.cryptoRsaParts.
  const PARTS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

  /** 3 or 65537, as in Workers, else 0. Leading zeros are allowed. */
  function exponentOf(bytes) {
    let value = 0;
    for (let i = 0; i < bytes.length; i++) {
      value = value * 256 + bytes[i];
      if (value > 65537) return 0;
    }
    return value === 3 || value === 65537 ? value : 0;
  }

  /** What the three have in common: `algOf(hash)` is the name in JSON Web Keys. */
  function define(name, publicUsages, privateUsages, use, algOf, operations) {
    register(name, () => {
      const allowed = (params) => {
        if (params.hash.bits !== undefined) return params;
        throw domError("NotSupportedError", `${name} can't be used with ${params.hash.name}.`);
      };
      const toImport = dictionary("RsaHashedImportParams", [required("hash", types.hash)]);
      const toGenerate = dictionary("RsaHashedKeyGenParams", [
        required("modulusLength", types.unsignedLong), required("publicExponent", types.bigInteger),
        required("hash", types.hash),
      ]);

      /** Of what ops give: [public] or [public, private]. */
      function makeKey(keys, index, hash, extractable, usages) {
        const type = index === 0 ? "public" : "private";
        return new Key(algorithm, type, extractable, usages, keys[index], { hash, publicKey: keys[0] });
      }

      function valid(keys) {
        if (keys === undefined) throw dataError("This is no valid RSA key, or its modulus has not 1024 to 8192 bits.");
        return keys;
      }

      function importJwk(jwk, { hash }, extractable, usages) {
        const isPrivate = jwk.d !== undefined;
        requireUsages(usages, isPrivate ? privateUsages : publicUsages, name);
        checkJwk(jwk, "RSA", use, usages, extractable);
        checkJwkAlg(jwk, algOf(hash));
        const n = decodeJwk(jwk, "n");
        const e = decodeJwk(jwk, "e");
        if (!isPrivate) return makeKey(valid(ops.cryptoRsaFromParts(n, e)), 0, hash, extractable, usages);
        if (jwk.oth !== undefined) throw domError("NotSupportedError", "RSA keys of more than two primes are not supported.");
        const d = decodeJwk(jwk, "d");
        // The rest follows from these, but RFC 7518 section 6.3.2 wants all of it when one is there.
        for (let i = 5; i < PARTS.length; i++) decodeJwk(jwk, PARTS[i]);
        const keys = ops.cryptoRsaFromParts(n, e, d, decodeJwk(jwk, "p"), decodeJwk(jwk, "q"));
        return makeKey(valid(keys), 1, hash, extractable, usages);
      }

      const algorithm = {
        name,

        describe({ details }) {
          const parts = ops.cryptoRsaParts(false, details.publicKey);
          const n = parts[0];
          return {
            name,
            modulusLength: lengthOf(n) * 8 - (MathClz32(n[0]) - 24),
            publicExponent: parts[1],
            hash: { name: details.hash.name },
          };
        },

        generateKey({ modulusLength, publicExponent, hash }, extractable, usages) {
          requireUsages(usages, publicUsages | privateUsages, name);
          const exponent = exponentOf(publicExponent);
          if (exponent === 0) throw operationError("The public exponent has to be 3 or 65537.");
          if (modulusLength < MIN_MODULUS_BITS || modulusLength > MAX_MODULUS_BITS || modulusLength % 8 !== 0) {
            throw operationError(
              `The modulus has ${MIN_MODULUS_BITS} to ${MAX_MODULUS_BITS} bits, by eights, not ${modulusLength}.`,
            );
          }
          // Told only now, as the standard makes the key before it looks; it would take long to make one for nothing.
          if ((usages & privateUsages) === 0) {
            throw domError("SyntaxError", `A private ${name} key needs at least one usage.`);
          }
          const keys = ops.cryptoRsaGenerate(modulusLength, exponent);
          if (keys === undefined) throw operationError("No RSA key could be made.");
          return {
            publicKey: makeKey(keys, 0, hash, true, usages & publicUsages),
            privateKey: makeKey(keys, 1, hash, extractable, usages & privateUsages),
          };
        },

        importKey(format, data, params, extractable, usages) {
          if (format === "jwk") return importJwk(data, params, extractable, usages);
          if (format === "raw") throw domError("NotSupportedError", 'RSA keys have no format "raw".');
          const isPrivate = format === "pkcs8";
          requireUsages(usages, isPrivate ? privateUsages : publicUsages, name);
          const keys = valid(ops.cryptoRsaParse(isPrivate, data));
          return makeKey(keys, isPrivate ? 1 : 0, params.hash, extractable, usages);
        },

        exportKey(format, key) {
          const isPrivate = key.type === "private";
          if (format === "raw") throw domError("NotSupportedError", 'RSA keys have no format "raw".');
          if (format === "jwk") return finishJwk(jwkOf(key, isPrivate), key);
          if (isPrivate !== (format === "pkcs8")) {
            throw domError("InvalidAccessError", `A ${key.type} key can't be exported as "${format}".`);
          }
          return bufferOf(ops.cryptoRsaEncode(isPrivate, key.material));
        },

        ...operations,
        params: {
          __proto__: null,
          generateKey: (given, prefix) => allowed(toGenerate(given, prefix)),
          importKey: (given, prefix) => allowed(toImport(given, prefix)),
          ...operations.params(),
        },
      };

      function jwkOf(key, isPrivate) {
        const parts = ops.cryptoRsaParts(isPrivate, key.material);
        const jwk = { __proto__: null, kty: "RSA", alg: algOf(key.details.hash) };
        for (let i = 0; i < parts.length; i++) jwk[PARTS[i]] = encodeBase64url(parts[i]);
        return jwk;
      }
      return algorithm;
    });
  }

  /** RSASSA of a padding; `schemeOf(params)` is its number in ops/crypto/rsa_use.rs. */
  function signatures(toParams, schemeOf) {
    return {
      params() {
        const convert = toParams();
        return { sign: convert, verify: convert };
      },

      sign(params, key, data) {
        requireType(key, "private", "Signing");
        const signature = ops.cryptoRsaSign(schemeOf(params), key.details.hash.id, key.material, data);
        return bufferOf(signature, "The RSA key is too short for the hash, or for the salt.");
      },

      verify(params, key, signature, data) {
        requireType(key, "public", "Verifying");
        return ops.cryptoRsaVerify(schemeOf(params), key.details.hash.id, key.material, signature, data);
      },
    };
  }

  define(
    "RSASSA-PKCS1-v1_5", usage.verify, usage.sign, "sig", (hash) => `RS${hash.bits}`,
    signatures(() => noParams, () => -1),
  );

  define(
    "RSA-PSS", usage.verify, usage.sign, "sig", (hash) => `PS${hash.bits}`,
    signatures(() => dictionary("RsaPssParams", [required("saltLength", types.unsignedLong)]), (params) => params.saltLength),
  );

  const algOfOaep = (hash) => (hash.bits === "1" ? "RSA-OAEP" : `RSA-OAEP-${hash.bits}`);

  define("RSA-OAEP", usage.encrypt | usage.wrapKey, usage.decrypt | usage.unwrapKey, "enc", algOfOaep, {
    params() {
      const toParams = dictionary("RsaOaepParams", [optional("label", bufferSource)]);
      return { encrypt: toParams, decrypt: toParams };
    },

    encrypt(params, key, data) {
      requireType(key, "public", "Encrypting");
      const label = params.label ?? new Uint8Array(0);
      const sealed = ops.cryptoRsaEncrypt(key.details.hash.id, key.material, label, data);
      return bufferOf(sealed, "The data is too long for the RSA key.");
    },

    decrypt(params, key, data) {
      requireType(key, "private", "Decrypting");
      const label = params.label ?? new Uint8Array(0);
      return bufferOf(ops.cryptoRsaDecrypt(key.details.hash.id, key.material, label, data), "RSA-OAEP could not decrypt.");
    },
  });
});

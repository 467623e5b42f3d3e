"use strict";
// Ed25519 and X25519 of Web Crypto (https://w3c.github.io/webcrypto/#ed25519 and after). The material of a public key is its
// 32 bytes, that of a private one its 32 bytes and the public key after them.

internals.crypto.defer(["Ed25519", "X25519"], () => {
  const { dictionary } = internals.webidl;
  const {
    Key, bufferOf, checkJwk, checkJwkAlg, copy, cutSecret, dataError, decodeJwk, domError, encodeBase64url, finishJwk,
    lengthOf, noParams, register, required, requireType, requireUsages, types, usage, view,
  } = internals.crypto;

  const SIZE = 32;

  /** What both have in common. `kind` is the number in ops/crypto/curve25519.rs. */
  function define(name, kind, publicUsages, privateUsages, use, operations) {
    register(name, () => {
      const publicKey = (bytes, extractable, usages) => new Key(algorithm, "public", extractable, usages, bytes, undefined);
      const privateKey = (pair, extractable, usages) => new Key(algorithm, "private", extractable, usages, pair, undefined);

      function requireSize(bytes) {
        if (lengthOf(bytes) !== SIZE) throw dataError(`An ${name} key has ${SIZE} bytes, not ${lengthOf(bytes)}.`);
        return bytes;
      }

      function parse(isPrivate, der) {
        const key = ops.cryptoOkpParse(kind, isPrivate, false, der);
        if (key === undefined) throw dataError(`This is no valid ${name} key.`);
        return key;
      }

      function importJwk(jwk, extractable, usages) {
        const isPrivate = jwk.d !== undefined;
        requireUsages(usages, isPrivate ? privateUsages : publicUsages, name);
        checkJwk(jwk, "OKP", use, usages, extractable);
        if (jwk.crv !== name) throw dataError(`The JSON Web Key's "crv" has to be "${name}", and is "${jwk.crv}".`);
        if (use === "sig") checkJwkAlg(jwk, name, "EdDSA");
        const bytes = requireSize(decodeJwk(jwk, "x"));
        if (!isPrivate) return publicKey(bytes, extractable, usages);
        const pair = ops.cryptoOkpPublic(kind, requireSize(decodeJwk(jwk, "d")));
        if (!ops.timingSafeEqual(view(pair, SIZE, SIZE), bytes)) {
          throw dataError('The JSON Web Key\'s "d" does not belong to its "x".');
        }
        return privateKey(pair, extractable, usages);
      }

      function jwkOf(key) {
        const isPrivate = key.type === "private";
        const { material } = key;
        const jwk = { kty: "OKP", crv: name, x: encodeBase64url(isPrivate ? view(material, SIZE, SIZE) : material) };
        return {
          ...jwk,
          ...(isPrivate ? { d: encodeBase64url(view(material, 0, SIZE)) } : undefined),
          ...(use === "sig" ? { alg: name } : undefined),
        };
      }

      const algorithm = {
        name,
        describe: () => ({ name }),

        generateKey(params, extractable, usages) {
          requireUsages(usages, publicUsages | privateUsages, name);
          const pair = ops.cryptoOkpGenerate(kind);
          return {
            publicKey: publicKey(copy(view(pair, SIZE, SIZE)), true, usages & publicUsages),
            privateKey: privateKey(pair, extractable, usages & privateUsages),
          };
        },

        importKey(format, data, params, extractable, usages) {
          if (format === "jwk") return importJwk(data, extractable, usages);
          const isPrivate = format === "pkcs8";
          requireUsages(usages, isPrivate ? privateUsages : publicUsages, name);
          if (isPrivate) return privateKey(parse(true, data), extractable, usages);
          return publicKey(format === "raw" ? requireSize(data) : parse(false, data), extractable, usages);
        },

        exportKey(format, key) {
          const isPrivate = key.type === "private";
          if (format === "jwk") return finishJwk(jwkOf(key), key);
          if (isPrivate !== (format === "pkcs8")) {
            throw domError("InvalidAccessError", `A ${key.type} key can't be exported as "${format}".`);
          }
          const bytes = isPrivate ? view(key.material, 0, SIZE) : key.material;
          return bufferOf(format === "raw" ? copy(bytes) : ops.cryptoOkpParse(kind, isPrivate, true, bytes));
        },

        ...operations,
        params: { __proto__: null, generateKey: noParams, importKey: noParams, ...operations.params() },
      };
      return algorithm;
    });
  }

  define("Ed25519", 0, usage.verify, usage.sign, "sig", {
    params: () => ({ sign: noParams, verify: noParams }),

    sign(params, key, data) {
      requireType(key, "private", "Signing");
      return bufferOf(ops.cryptoEd25519Sign(key.material, data));
    },

    verify(params, key, signature, data) {
      requireType(key, "public", "Verifying");
      return ops.cryptoEd25519Verify(key.material, signature, data);
    },
  });

  define("X25519", 1, 0, usage.deriveKey | usage.deriveBits, "enc", {
    params: () => ({ deriveBits: dictionary("EcdhKeyDeriveParams", [required("public", types.key)]) }),

    deriveBits(params, key, length) {
      const other = params.public;
      requireType(key, "private", "Deriving bits");
      requireType(other, "public", "The member 'public'");
      if (other.algorithm !== key.algorithm) throw domError("InvalidAccessError", "The two keys have to be of X25519.");
      return cutSecret(ops.cryptoOkpDerive(key.material, other.material), length);
    },
  });
});

"use strict";
// ECDSA and ECDH of Web Crypto (https://w3c.github.io/webcrypto/#ecdsa and after). The material of a public key is its
// uncompressed point, that of a private one its scalar and the point after it.

internals.crypto.defer(["ECDSA", "ECDH"], () => {
  const { TypedArrayPrototypeSet, Uint8Array } = internals.primordials;
  const { dictionary, DOMString } = internals.webidl;
  const {
    Key, bufferOf, checkJwk, checkJwkAlg, copy, cutSecret, dataError, decodeJwk, domError, encodeBase64url, finishJwk,
    lengthOf, register, required, requireType, requireUsages, types, usage, view,
  } = internals.crypto;

  // `id` is the number in ops/crypto/nist_curves.rs, `size` the length of a field element in bytes.
  const CURVES = {
    __proto__: null,
    "P-256": { id: 0, name: "P-256", size: 32, alg: "ES256" },
    "P-384": { id: 1, name: "P-384", size: 48, alg: "ES384" },
    "P-521": { id: 2, name: "P-521", size: 66, alg: "ES512" },
  };

  // Formats of ops.cryptoEcParse.
  const SCALAR = 0;
  const POINT = 1;
  const PKCS8 = 2;
  const SPKI = 3;

  const pointOf = ({ type, material, details }) =>
    type === "public" ? material : view(material, details.size, details.size * 2 + 1);

  /**
   * What both have in common. `use` is that of JSON Web Keys, `operations` what one does; its `params()` gives the
   * converters of their parameters.
   */
  function define(name, publicUsages, privateUsages, use, operations) {
    register(name, () => {
      const toCurve = dictionary("EcKeyGenParams", [required("namedCurve", DOMString)]);
      const publicKey = (curve, point, extractable, usages) =>
        new Key(algorithm, "public", extractable, usages, point, curve);
      const privateKey = (curve, pair, extractable, usages) =>
        new Key(algorithm, "private", extractable, usages, pair, curve);

      function parse(curve, format, bytes) {
        const key = ops.cryptoEcParse(curve.id, format, bytes);
        if (key === undefined) throw dataError(`This is no valid ${name} key for the curve ${curve.name}.`);
        return key;
      }

      function importJwk(jwk, params, extractable, usages) {
        const isPrivate = jwk.d !== undefined;
        requireUsages(usages, isPrivate ? privateUsages : publicUsages, name);
        checkJwk(jwk, "EC", use, usages, extractable);
        if (jwk.crv !== params.namedCurve) {
          throw dataError(`The JSON Web Key's "crv" has to be "${params.namedCurve}", and is "${jwk.crv}".`);
        }
        const curve = requireCurve(params);
        if (use === "sig") checkJwkAlg(jwk, curve.alg);
        const { size } = curve;
        const point = new Uint8Array(2 * size + 1);
        point[0] = 4;
        TypedArrayPrototypeSet(point, coordinate(jwk, "x", size), 1);
        TypedArrayPrototypeSet(point, coordinate(jwk, "y", size), 1 + size);
        if (!isPrivate) return publicKey(curve, parse(curve, POINT, point), extractable, usages);
        const pair = parse(curve, SCALAR, coordinate(jwk, "d", size));
        if (!ops.timingSafeEqual(view(pair, size, 2 * size + 1), point)) {
          throw dataError('The JSON Web Key\'s "d" does not belong to its "x" and "y".');
        }
        return privateKey(curve, pair, extractable, usages);
      }

      const algorithm = {
        name,
        describe: ({ details }) => ({ name, namedCurve: details.name }),

        generateKey({ namedCurve }, extractable, usages) {
          requireUsages(usages, publicUsages | privateUsages, name);
          const curve = CURVES[namedCurve];
          if (curve === undefined) throw domError("NotSupportedError", `There is no curve "${namedCurve}" for ${name}.`);
          const pair = ops.cryptoEcGenerate(curve.id);
          return {
            publicKey: publicKey(curve, copy(view(pair, curve.size, curve.size * 2 + 1)), true, usages & publicUsages),
            privateKey: privateKey(curve, pair, extractable, usages & privateUsages),
          };
        },

        importKey(format, data, params, extractable, usages) {
          if (format === "jwk") return importJwk(data, params, extractable, usages);
          const isPrivate = format === "pkcs8";
          requireUsages(usages, isPrivate ? privateUsages : publicUsages, name);
          const curve = requireCurve(params);
          if (isPrivate) return privateKey(curve, parse(curve, PKCS8, data), extractable, usages);
          return publicKey(curve, parse(curve, format === "raw" ? POINT : SPKI, data), extractable, usages);
        },

        exportKey(format, key) {
          const { details: curve, material } = key;
          const isPrivate = key.type === "private";
          if (format === "jwk") return finishJwk(jwkOf(key), key);
          if (isPrivate !== (format === "pkcs8")) {
            throw domError("InvalidAccessError", `A ${key.type} key can't be exported as "${format}".`);
          }
          return bufferOf(format === "raw" ? copy(material) : ops.cryptoEcEncode(curve.id, isPrivate, material));
        },

        ...operations,
        params: { __proto__: null, generateKey: toCurve, importKey: toCurve, ...operations.params() },
      };
      return algorithm;
    });
  }

  function requireCurve({ namedCurve }) {
    const curve = CURVES[namedCurve];
    if (curve === undefined) throw dataError(`There is no curve "${namedCurve}".`);
    return curve;
  }

  /** RFC 7518 section 6.2: as long as a field element. */
  function coordinate(jwk, member, size) {
    const bytes = decodeJwk(jwk, member);
    if (lengthOf(bytes) !== size) throw dataError(`The JSON Web Key's "${member}" has to have ${size} bytes.`);
    return bytes;
  }

  function jwkOf(key) {
    const { size, name } = key.details;
    const point = pointOf(key);
    const jwk = {
      kty: "EC", crv: name, x: encodeBase64url(view(point, 1, size)), y: encodeBase64url(view(point, 1 + size, size)),
    };
    return key.type === "public" ? jwk : { ...jwk, d: encodeBase64url(view(key.material, 0, size)) };
  }

  /** Of a hash that is allowed: MD5 is not. */
  function hashOf({ hash }) {
    if (hash.bits === undefined) throw domError("NotSupportedError", `ECDSA can't be used with ${hash.name}.`);
    return hash.id;
  }

  define("ECDSA", usage.verify, usage.sign, "sig", {
    params() {
      const toHash = dictionary("EcdsaParams", [required("hash", types.hash)]);
      return { sign: toHash, verify: toHash };
    },

    sign(params, key, data) {
      requireType(key, "private", "Signing");
      return bufferOf(ops.cryptoEcdsaSign(key.details.id, hashOf(params), key.material, data));
    },

    verify(params, key, signature, data) {
      requireType(key, "public", "Verifying");
      return ops.cryptoEcdsaVerify(key.details.id, hashOf(params), key.material, signature, data);
    },
  });

  define("ECDH", 0, usage.deriveKey | usage.deriveBits, "enc", {
    params: () => ({ deriveBits: dictionary("EcdhKeyDeriveParams", [required("public", types.key)]) }),

    deriveBits(params, key, length) {
      const other = params.public;
      requireType(key, "private", "Deriving bits");
      requireType(other, "public", "The member 'public'");
      if (other.algorithm !== key.algorithm || other.details !== key.details) {
        throw domError("InvalidAccessError", "The two keys of ECDH have to be of one curve.");
      }
      return cutSecret(ops.cryptoEcDerive(key.details.id, key.material, other.material), length);
    },
  });
});

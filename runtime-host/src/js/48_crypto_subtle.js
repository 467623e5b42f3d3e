"use strict";
// SubtleCrypto (https://w3c.github.io/webcrypto/#subtlecrypto-interface): what its methods have in common for all
// algorithms, and the order in which mistakes are told.
//
// An operation is carried out within the call. So what it reads (data, parameters) needs no copy: a Worker's code runs
// only while the algorithm is normalized, before anything is read.

const { TypeError, Uint8Array } = internals.primordials;
const {
  bufferSource, configureInterface, DOMString, enumeration, illegalConstructor, illegalInvocation, isBufferSource,
  isObject, privateKey, requireArguments, unsignedLong,
} = internals.webidl;
const {
  copy, domError, exposeKey, keyOf, nameUsages, normalize, parseJwk, serializeJwk, toJwk, toUsages, usage,
} = internals.crypto;

const toFormat = enumeration("KeyFormat", ["raw", "spki", "pkcs8", "jwk"]);

const inDecrypt = "Failed to execute 'decrypt' on 'SubtleCrypto'";
const inDeriveBits = "Failed to execute 'deriveBits' on 'SubtleCrypto'";
const inDeriveKey = "Failed to execute 'deriveKey' on 'SubtleCrypto'";
const inDigest = "Failed to execute 'digest' on 'SubtleCrypto'";
const inEncrypt = "Failed to execute 'encrypt' on 'SubtleCrypto'";
const inExportKey = "Failed to execute 'exportKey' on 'SubtleCrypto'";
const inGenerateKey = "Failed to execute 'generateKey' on 'SubtleCrypto'";
const inImportKey = "Failed to execute 'importKey' on 'SubtleCrypto'";
const inSign = "Failed to execute 'sign' on 'SubtleCrypto'";
const inTimingSafeEqual = "Failed to execute 'timingSafeEqual' on 'SubtleCrypto'";
const inUnwrapKey = "Failed to execute 'unwrapKey' on 'SubtleCrypto'";
const inVerify = "Failed to execute 'verify' on 'SubtleCrypto'";
const inWrapKey = "Failed to execute 'wrapKey' on 'SubtleCrypto'";

// ---- Arguments ----

function toKey(value, prefix, position) {
  const key = keyOf(value);
  if (key === undefined) throw new TypeError(`${prefix}: parameter ${position} is not of type 'CryptoKey'.`);
  return key;
}

/** AlgorithmIdentifier: an object stays one, all else becomes a string. */
const toIdentifier = (value, prefix) => (isObject(value) ? value : DOMString(value, prefix, "algorithm"));

/** (BufferSource or JsonWebKey): a view of the bytes, or the dictionary. */
function toKeyData(value, prefix) {
  if (isBufferSource(value)) return bufferSource(value, prefix, "keyData");
  if (isObject(value) || value === undefined || value === null) return toJwk(value, prefix);
  throw new TypeError(`${prefix}: keyData is neither bytes nor a JsonWebKey.`);
}

// ---- Checks ----

/** Throws unless `key` is one of `algorithm` that may be used so. */
function requireUse(algorithm, key, wanted) {
  if (key.algorithm !== algorithm) {
    throw domError(
      "InvalidAccessError",
      `Requested algorithm "${algorithm.name}" does not match this CryptoKey's algorithm "${key.algorithm.name}".`,
    );
  }
  if ((key.usages & wanted) === 0) {
    throw domError(
      "InvalidAccessError",
      `Requested key usage "${nameUsages(wanted)}" does not match any usage listed in this CryptoKey.`,
    );
  }
}

function importKey(algorithm, params, format, data, extractable, usages) {
  const key = algorithm.importKey(format, data, params, extractable, usages);
  if (key.usages === 0 && key.type !== "public") {
    throw domError("SyntaxError", `A ${key.type} key needs at least one usage.`);
  }
  return exposeKey(key);
}

// ---- The interface ----

class SubtleCrypto {
  #brand;
  constructor(key = undefined) {
    if (key !== privateKey) illegalConstructor();
  }
  static #check(self) {
    if (!isObject(self) || !(#brand in self)) illegalInvocation();
  }

  async encrypt(algorithm, key, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 3, inEncrypt);
    algorithm = toIdentifier(algorithm, inEncrypt);
    key = toKey(key, inEncrypt, 2);
    data = bufferSource(data, inEncrypt, "parameter 3");
    const normal = normalize(algorithm, "encrypt", inEncrypt);
    requireUse(normal.algorithm, key, usage.encrypt);
    return normal.algorithm.encrypt(normal.params, key, data);
  }

  async decrypt(algorithm, key, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 3, inDecrypt);
    algorithm = toIdentifier(algorithm, inDecrypt);
    key = toKey(key, inDecrypt, 2);
    data = bufferSource(data, inDecrypt, "parameter 3");
    const normal = normalize(algorithm, "decrypt", inDecrypt);
    requireUse(normal.algorithm, key, usage.decrypt);
    return normal.algorithm.decrypt(normal.params, key, data);
  }

  async sign(algorithm, key, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 3, inSign);
    algorithm = toIdentifier(algorithm, inSign);
    key = toKey(key, inSign, 2);
    data = bufferSource(data, inSign, "parameter 3");
    const normal = normalize(algorithm, "sign", inSign);
    requireUse(normal.algorithm, key, usage.sign);
    return normal.algorithm.sign(normal.params, key, data);
  }

  async verify(algorithm, key, signature, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 4, inVerify);
    algorithm = toIdentifier(algorithm, inVerify);
    key = toKey(key, inVerify, 2);
    signature = bufferSource(signature, inVerify, "parameter 3");
    data = bufferSource(data, inVerify, "parameter 4");
    const normal = normalize(algorithm, "verify", inVerify);
    requireUse(normal.algorithm, key, usage.verify);
    return normal.algorithm.verify(normal.params, key, signature, data);
  }

  async digest(algorithm, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 2, inDigest);
    algorithm = toIdentifier(algorithm, inDigest);
    data = bufferSource(data, inDigest, "parameter 2");
    return normalize(algorithm, "digest", inDigest).algorithm.digest(undefined, data);
  }

  async generateKey(algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 3, inGenerateKey);
    algorithm = toIdentifier(algorithm, inGenerateKey);
    const usages = toUsages(keyUsages, inGenerateKey);
    const normal = normalize(algorithm, "generateKey", inGenerateKey);
    const made = normal.algorithm.generateKey(normal.params, !!extractable, usages);
    const single = made.privateKey === undefined;
    if ((single ? made : made.privateKey).usages === 0) {
      throw domError("SyntaxError", `A ${single ? "secret" : "private"} key needs at least one usage.`);
    }
    return single ? exposeKey(made) : { publicKey: exposeKey(made.publicKey), privateKey: exposeKey(made.privateKey) };
  }

  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 5, inDeriveKey);
    algorithm = toIdentifier(algorithm, inDeriveKey);
    const key = toKey(baseKey, inDeriveKey, 2);
    derivedKeyType = toIdentifier(derivedKeyType, inDeriveKey);
    const usages = toUsages(keyUsages, inDeriveKey);
    const normal = normalize(algorithm, "deriveBits", inDeriveKey);
    const derived = normalize(derivedKeyType, "importKey", inDeriveKey);
    const sized = normalize(derivedKeyType, "getKeyLength", inDeriveKey);
    requireUse(normal.algorithm, key, usage.deriveKey);
    const length = sized.algorithm.getKeyLength(sized.params);
    const secret = new Uint8Array(normal.algorithm.deriveBits(normal.params, key, length));
    return importKey(derived.algorithm, derived.params, "raw", secret, !!extractable, usages);
  }

  async deriveBits(algorithm, baseKey, length = null) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 2, inDeriveBits);
    algorithm = toIdentifier(algorithm, inDeriveBits);
    const key = toKey(baseKey, inDeriveBits, 2);
    if (length !== null) length = unsignedLong(length, inDeriveBits, "parameter 3");
    const normal = normalize(algorithm, "deriveBits", inDeriveBits);
    requireUse(normal.algorithm, key, usage.deriveBits);
    return normal.algorithm.deriveBits(normal.params, key, length);
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 5, inImportKey);
    format = toFormat(format, inImportKey, "parameter 1");
    let data = toKeyData(keyData, inImportKey);
    const isBytes = isBufferSource(keyData);
    algorithm = toIdentifier(algorithm, inImportKey);
    const usages = toUsages(keyUsages, inImportKey);
    if (isBytes === (format === "jwk")) {
      const expected = isBytes ? "a JsonWebKey" : "bytes";
      throw new TypeError(`${inImportKey}: for the format "${format}" keyData has to be ${expected}.`);
    }
    const normal = normalize(algorithm, "importKey", inImportKey);
    // The key keeps it, so it has to be one that the Worker can't change.
    if (isBytes) data = copy(data);
    return importKey(normal.algorithm, normal.params, format, data, !!extractable, usages);
  }

  async exportKey(format, key) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 2, inExportKey);
    format = toFormat(format, inExportKey, "parameter 1");
    key = toKey(key, inExportKey, 2);
    return exportKey(format, key);
  }

  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 4, inWrapKey);
    format = toFormat(format, inWrapKey, "parameter 1");
    key = toKey(key, inWrapKey, 2);
    const wrapping = toKey(wrappingKey, inWrapKey, 3);
    const normal = normalizeEither(toIdentifier(wrapAlgorithm, inWrapKey), "wrapKey", "encrypt", inWrapKey);
    requireUse(normal.algorithm, wrapping, usage.wrapKey);
    const exported = exportKey(format, key);
    const bytes = format === "jwk" ? serializeJwk(exported) : new Uint8Array(exported);
    return normal.algorithm[normal.operation](normal.params, wrapping, bytes);
  }

  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 7, inUnwrapKey);
    format = toFormat(format, inUnwrapKey, "parameter 1");
    const wrapped = bufferSource(wrappedKey, inUnwrapKey, "parameter 2");
    const unwrapping = toKey(unwrappingKey, inUnwrapKey, 3);
    unwrapAlgorithm = toIdentifier(unwrapAlgorithm, inUnwrapKey);
    unwrappedKeyAlgorithm = toIdentifier(unwrappedKeyAlgorithm, inUnwrapKey);
    const usages = toUsages(keyUsages, inUnwrapKey);
    const normal = normalizeEither(unwrapAlgorithm, "unwrapKey", "decrypt", inUnwrapKey);
    const imported = normalize(unwrappedKeyAlgorithm, "importKey", inUnwrapKey);
    requireUse(normal.algorithm, unwrapping, usage.unwrapKey);
    const bytes = new Uint8Array(normal.algorithm[normal.operation](normal.params, unwrapping, wrapped));
    const data = format === "jwk" ? parseJwk(bytes, inUnwrapKey) : bytes;
    return importKey(imported.algorithm, imported.params, format, data, !!extractable, usages);
  }

  /** Of Workers: synchronous, for secrets of known length. */
  timingSafeEqual(a, b) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 2, inTimingSafeEqual);
    return ops.timingSafeEqual(
      bufferSource(a, inTimingSafeEqual, "parameter 1"),
      bufferSource(b, inTimingSafeEqual, "parameter 2"),
    );
  }
}

function exportKey(format, key) {
  const { algorithm } = key;
  if (algorithm.exportKey === undefined) throw domError("NotSupportedError", `Keys of ${algorithm.name} can't be exported.`);
  if (!key.extractable) throw domError("InvalidAccessError", `This ${algorithm.name} key is not extractable.`);
  return algorithm.exportKey(format, key);
}

/** Normalizes for the first operation, or else for the second, and says for which. */
function normalizeEither(identifier, operation, otherwise, prefix) {
  let first;
  try {
    first = normalize(identifier, operation, prefix);
  } catch {
    const { algorithm, params } = normalize(identifier, otherwise, prefix);
    return { algorithm, params, operation: otherwise };
  }
  return { algorithm: first.algorithm, params: first.params, operation };
}

configureInterface(SubtleCrypto);
internals.expose("SubtleCrypto", SubtleCrypto);
internals.crypto.subtle = new SubtleCrypto(privateKey);

"use strict";
// The Web Crypto API (https://w3c.github.io/webcrypto/): Crypto, SubtleCrypto, CryptoKey. An algorithm is a file after
// this one that registers what it can do in `internals.crypto.algorithms`; SubtleCrypto finds it by name and keeps the
// checks all algorithms share.

const {
  ArrayBufferIsView, ArrayPrototypeIncludes, ArrayPrototypePush, StringPrototypeToUpperCase,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, TypeError,
  Uint8Array,
} = internals.primordials;
const {
  bufferSource, configureInterface, DOMString, enumeration, illegalConstructor, illegalInvocation, isObject, privateKey,
  requireArguments, sequence,
} = internals.webidl;

const domError = (name, message) => new internals.DOMException(message, name);

/** A copy of a BufferSource: what it holds when the operation is called is what counts. */
function copyOf(value, prefix, context) {
  const bytes = bufferSource(value, prefix, context);
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
}

// ---- Algorithms ----

// By upper-case name: { name, and any of digest, sign, verify, generateKey, importKey, exportKey }.
const algorithms = { __proto__: null };

/** The `name` of an AlgorithmIdentifier, as given. */
function algorithmName(identifier, prefix) {
  if (!isObject(identifier)) return DOMString(identifier, prefix, "algorithm");
  const { name } = identifier;
  if (name === undefined) throw new TypeError(`${prefix}: Missing field "name" in "algorithm".`);
  return DOMString(name, prefix, "algorithm.name");
}

/** The registered algorithm if it has `operation`, else undefined. */
function find(identifier, operation, prefix) {
  const algorithm = algorithms[StringPrototypeToUpperCase(algorithmName(identifier, prefix))];
  return algorithm !== undefined && algorithm[operation] !== undefined ? algorithm : undefined;
}

/** The digest algorithm an identifier names; `hash` parameters of other algorithms come here too. */
function findDigest(identifier, prefix) {
  const algorithm = find(identifier, "digest", prefix);
  if (algorithm === undefined) {
    throw domError("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested.");
  }
  return algorithm;
}

// ---- Keys ----

const USAGES = [
  "encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey",
];
const toUsage = enumeration("KeyUsage", USAGES);
const toFormat = enumeration("KeyFormat", ["raw", "pkcs8", "spki", "jwk"]);

/** The given usages, each once, in the order the standard lists them. */
function toUsages(value, prefix) {
  const given = sequence(value, toUsage, prefix, "keyUsages");
  const usages = [];
  for (let i = 0; i < USAGES.length; i++) {
    if (ArrayPrototypeIncludes(given, USAGES[i])) ArrayPrototypePush(usages, USAGES[i]);
  }
  return usages;
}

let keyStateOf;

class CryptoKey {
  #state;
  constructor(key = undefined, state = undefined) {
    if (key !== privateKey) illegalConstructor();
    this.#state = state;
  }
  static {
    keyStateOf = (value) => (isObject(value) && #state in value ? value.#state : undefined);
  }
  get type() {
    return (keyStateOf(this) ?? illegalInvocation()).type;
  }
  get extractable() {
    return (keyStateOf(this) ?? illegalInvocation()).extractable;
  }
  get algorithm() {
    return (keyStateOf(this) ?? illegalInvocation()).algorithm;
  }
  get usages() {
    return (keyStateOf(this) ?? illegalInvocation()).usages;
  }
}
configureInterface(CryptoKey);
internals.expose("CryptoKey", CryptoKey);

/**
 * Makes a CryptoKey. `implementation` is the registered algorithm, `algorithm` the object Workers see, `material` what
 * the algorithm's functions get of the key.
 */
const createKey = (implementation, type, extractable, algorithm, usages, material) =>
  new CryptoKey(privateKey, { implementation, type, extractable, algorithm, usages, material });

function requireKey(value, prefix, position) {
  const state = keyStateOf(value);
  if (state === undefined) throw new TypeError(`${prefix}: parameter ${position} is not of type 'CryptoKey'.`);
  return state;
}

/** The state of a key that may be used for `usage` with the algorithm that `identifier` names. */
function requireUsableKey(identifier, key, usage, prefix) {
  const name = algorithmName(identifier, prefix);
  const state = requireKey(key, prefix, 2);
  if (StringPrototypeToUpperCase(name) !== StringPrototypeToUpperCase(state.implementation.name)) {
    throw domError(
      "InvalidAccessError",
      `Requested algorithm "${name}" does not match this CryptoKey's algorithm "${state.implementation.name}".`,
    );
  }
  if (!ArrayPrototypeIncludes(state.usages, usage)) {
    throw domError(
      "InvalidAccessError",
      `Requested key usage "${usage}" does not match any usage listed in this CryptoKey.`,
    );
  }
  return state;
}

// ---- SubtleCrypto ----

const inDigest = "Failed to execute 'digest' on 'SubtleCrypto'";
const inExportKey = "Failed to execute 'exportKey' on 'SubtleCrypto'";
const inGenerateKey = "Failed to execute 'generateKey' on 'SubtleCrypto'";
const inImportKey = "Failed to execute 'importKey' on 'SubtleCrypto'";
const inSign = "Failed to execute 'sign' on 'SubtleCrypto'";
const inTimingSafeEqual = "Failed to execute 'timingSafeEqual' on 'SubtleCrypto'";
const inVerify = "Failed to execute 'verify' on 'SubtleCrypto'";

class SubtleCrypto {
  #brand;
  constructor(key = undefined) {
    if (key !== privateKey) illegalConstructor();
  }
  static #check(self) {
    if (!isObject(self) || !(#brand in self)) illegalInvocation();
  }

  async digest(algorithm, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 2, inDigest);
    const bytes = bufferSource(data, inDigest, "parameter 2");
    // Reading the name may run a Worker's getter, which may change or detach the bytes; the op reads them afterwards.
    return findDigest(algorithm, inDigest).digest(bytes);
  }

  async sign(algorithm, key, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 3, inSign);
    const bytes = copyOf(data, inSign, "parameter 3");
    const state = requireUsableKey(algorithm, key, "sign", inSign);
    return state.implementation.sign(algorithm, state, bytes);
  }

  async verify(algorithm, key, signature, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 4, inVerify);
    const signed = copyOf(signature, inVerify, "parameter 3");
    const bytes = copyOf(data, inVerify, "parameter 4");
    const state = requireUsableKey(algorithm, key, "verify", inVerify);
    return state.implementation.verify(algorithm, state, signed, bytes);
  }

  async generateKey(algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 3, inGenerateKey);
    const implementation = find(algorithm, "generateKey", inGenerateKey);
    if (implementation === undefined) {
      const name = algorithmName(algorithm, inGenerateKey);
      throw domError("NotSupportedError", `Unrecognized key generation algorithm "${name}" requested.`);
    }
    return implementation.generateKey(algorithm, !!extractable, toUsages(keyUsages, inGenerateKey), inGenerateKey);
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 5, inImportKey);
    const keyFormat = toFormat(format, inImportKey, "parameter 1");
    const isJwk = isObject(keyData) && !internals.webidl.isBufferSource(keyData);
    if (keyFormat === "jwk" && !isJwk) {
      throw new TypeError('Import data provided for "jwk" import format must be a JsonWebKey.');
    }
    const data = keyFormat === "jwk" ? keyData : copyOf(keyData, inImportKey, "parameter 2");
    const implementation = find(algorithm, "importKey", inImportKey);
    if (implementation === undefined) {
      const name = algorithmName(algorithm, inImportKey);
      throw domError("NotSupportedError", `Unrecognized key import algorithm "${name}" requested.`);
    }
    const usages = toUsages(keyUsages, inImportKey);
    return implementation.importKey(keyFormat, data, algorithm, !!extractable, usages, inImportKey);
  }

  async exportKey(format, key) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 2, inExportKey);
    const keyFormat = toFormat(format, inExportKey, "parameter 1");
    const state = requireKey(key, inExportKey, 2);
    const { name, exportKey } = state.implementation;
    if (exportKey === undefined) throw domError("NotSupportedError", `Keys of "${name}" can't be exported.`);
    if (!state.extractable) throw domError("InvalidAccessError", `Attempt to export non-extractable ${name} key.`);
    return exportKey(keyFormat, state);
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
configureInterface(SubtleCrypto);
internals.expose("SubtleCrypto", SubtleCrypto);

// ---- Crypto ----

const inGetRandomValues = "Failed to execute 'getRandomValues' on 'Crypto'";
// The quota of https://w3c.github.io/webcrypto/#Crypto-method-getRandomValues, in bytes.
const RANDOM_VALUES_QUOTA = 65536;

const isFloat = (tag) => tag === "Float16Array" || tag === "Float32Array" || tag === "Float64Array";

const subtle = new SubtleCrypto(privateKey);

class Crypto {
  #brand;
  constructor(key = undefined) {
    if (key !== privateKey) illegalConstructor();
  }
  static #check(self) {
    if (!isObject(self) || !(#brand in self)) illegalInvocation();
  }

  get subtle() {
    Crypto.#check(this);
    return subtle;
  }

  getRandomValues(array) {
    Crypto.#check(this);
    requireArguments(arguments.length, 1, inGetRandomValues);
    if (!ArrayBufferIsView(array)) {
      throw new TypeError(`${inGetRandomValues}: parameter 1 is not of type 'ArrayBufferView'.`);
    }
    const tag = TypedArrayPrototypeGetSymbolToStringTag(array);
    if (tag === undefined || isFloat(tag)) {
      throw domError(
        "TypeMismatchError",
        "ArrayBufferView argument to getRandomValues() must be an integer-typed view.",
      );
    }
    const bytes = bufferSource(array, inGetRandomValues, "parameter 1");
    const length = TypedArrayPrototypeGetByteLength(bytes);
    if (length > RANDOM_VALUES_QUOTA) {
      throw new internals.QuotaExceededError(
        `getRandomValues() only accepts buffers of size <= 64K but provided ${length} bytes.`,
        { __proto__: null, quota: RANDOM_VALUES_QUOTA, requested: length },
      );
    }
    ops.cryptoRandomFill(bytes);
    return array;
  }

  randomUUID() {
    Crypto.#check(this);
    return ops.cryptoRandomUuid();
  }
}
configureInterface(Crypto);
internals.expose("Crypto", Crypto);
internals.expose("crypto", new Crypto(privateKey), true);

internals.crypto = { __proto__: null, algorithms, findDigest, createKey, domError };

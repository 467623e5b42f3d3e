"use strict";
// The Web Crypto API (https://w3c.github.io/webcrypto/): the registry of algorithms, the normalization of what names
// one, and CryptoKey. The algorithms are in the files after this one, SubtleCrypto is in 48_crypto_subtle.js.

const {
  ArrayPrototypeJoin, ArrayPrototypePush, StringPrototypeToUpperCase, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet, TypeError, Uint8Array,
} = internals.primordials;
const {
  bufferSource, configureInterface, DOMString, enumeration, illegalConstructor, illegalInvocation, isObject,
  octet, privateKey, sequence, unsignedLong, unsignedShort,
} = internals.webidl;

const domError = (name, message) => new internals.DOMException(message, name);
const operationError = (message) => domError("OperationError", message);

// ---- Bytes ----

const lengthOf = TypedArrayPrototypeGetByteLength;

/** Part of a Uint8Array, over the same memory. */
const view = (bytes, start, length) =>
  new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + start, length);

function copy(bytes) {
  const result = new Uint8Array(lengthOf(bytes));
  TypedArrayPrototypeSet(result, bytes);
  return result;
}

/** The buffer of bytes that an op made, or an OperationError when it made none. */
function bufferOf(bytes, message) {
  if (bytes === undefined) throw operationError(message);
  return TypedArrayPrototypeGetBuffer(bytes);
}

// ---- What several algorithms check ----

function requireType(key, type, what) {
  if (key.type !== type) throw domError("InvalidAccessError", `${what} needs a ${type} key.`);
}

/**
 * The first `length` bits of a shared secret, all of it for null; an OperationError when it has not so many, or there is
 * none (https://w3c.github.io/webcrypto/#ecdh-operations, "Derive Bits").
 */
function cutSecret(secret, length) {
  if (secret === undefined) throw operationError("The two keys have no shared secret.");
  if (length === null) return TypedArrayPrototypeGetBuffer(secret);
  const whole = lengthOf(secret) * 8;
  if (length > whole) throw operationError(`The shared secret has ${whole} bits, and ${length} were asked for.`);
  const rest = length % 8;
  const bytes = new Uint8Array((length - rest) / 8 + (rest === 0 ? 0 : 1));
  for (let i = 0; i < bytes.length; i++) bytes[i] = secret[i];
  if (rest !== 0) bytes[bytes.length - 1] &= 0xff << (8 - rest);
  return TypedArrayPrototypeGetBuffer(bytes);
}

// ---- Algorithms ----

// What makes an algorithm, by its name, and by its name in upper case those that were made. An algorithm is
// { name, params, describe, ... }: `params` has for each operation it supports (by the names of the standard, and
// "getKeyLength") what converts the parameters, `noParams` when there are none; each operation is a method.
const makers = { __proto__: null };
const algorithms = { __proto__: null };

/** Registers an algorithm, which is made when it is first asked for. */
function register(name, make) {
  makers[StringPrototypeToUpperCase(name)] = make;
}

/** Has algorithms registered by `evaluate`, when one of them is first asked for: what a file has is made then. */
function defer(names, evaluate) {
  for (let i = 0; i < names.length; i++) makers[StringPrototypeToUpperCase(names[i])] = evaluate;
}

function find(name) {
  const key = StringPrototypeToUpperCase(name);
  const known = algorithms[key];
  if (known !== undefined) return known;
  if (makers[key] === undefined) return undefined;
  // A deferred one registers the algorithm and gives nothing.
  return (algorithms[key] = makers[key]() ?? makers[key]());
}

/** For operations without parameters: an identifier's members other than `name` are not read. */
const noParams = () => undefined;

/** https://w3c.github.io/webcrypto/#dfn-normalize-an-algorithm: { algorithm, params }. */
function normalize(identifier, operation, prefix) {
  let name;
  let given;
  if (isObject(identifier)) {
    given = identifier;
    name = identifier.name;
    if (name === undefined) throw new TypeError(`${prefix}: required member 'name' of Algorithm is undefined.`);
    name = DOMString(name, prefix, "member 'name' of Algorithm");
  } else {
    name = DOMString(identifier, prefix, "algorithm");
  }
  const algorithm = find(name);
  const convert = algorithm === undefined ? undefined : algorithm.params[operation];
  if (convert === undefined) {
    throw domError("NotSupportedError", `${prefix}: the algorithm "${name}" does not support ${operation}, or is unknown.`);
  }
  return { algorithm, params: convert(given, prefix) };
}

// ---- Parameters: converters for the dictionaries of algorithms ----

const enforced = (convert) => (value, prefix, context) => convert(value, prefix, context, "enforceRange");
const types = {
  __proto__: null,
  octet: enforced(octet),
  unsignedLong: enforced(unsignedLong),
  unsignedShort: enforced(unsignedShort),
  hash: (value, prefix) => normalize(value, "digest", prefix).algorithm,
  key: (value, prefix, context) => {
    const key = keyOf(value);
    if (key === undefined) throw new TypeError(`${prefix}: ${context} is not of type 'CryptoKey'.`);
    return key;
  },
  bigInteger: (value, prefix, context) => {
    if (TypedArrayPrototypeGetSymbolToStringTag(value) !== "Uint8Array") {
      throw new TypeError(`${prefix}: ${context} is not of type 'Uint8Array'.`);
    }
    return copy(bufferSource(value, prefix, context));
  },
};

const required = (key, convert) => ({ __proto__: null, key, convert, required: true });
const optional = (key, convert) => ({ __proto__: null, key, convert, required: false });

// ---- Keys ----

const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
/** The usages as bits of a set. */
const usage = {
  __proto__: null, encrypt: 1, decrypt: 2, sign: 4, verify: 8, deriveKey: 16, deriveBits: 32, wrapKey: 64, unwrapKey: 128,
};
const toUsage = enumeration("KeyUsage", USAGES);

/** A sequence of usages as a set. */
function toUsages(value, prefix) {
  const given = sequence(value, toUsage, prefix, "keyUsages");
  let set = 0;
  for (let i = 0; i < given.length; i++) set |= usage[given[i]];
  return set;
}

/** The names of a set of usages, in the order the standard lists them. */
function usageNames(set) {
  const names = [];
  for (let i = 0; i < USAGES.length; i++) if ((set & (1 << i)) !== 0) ArrayPrototypePush(names, USAGES[i]);
  return names;
}

/** The same for a message. */
const nameUsages = (set) => ArrayPrototypeJoin(usageNames(set), ", ");

/** Throws unless all of `usages` are among `allowed`. */
function requireUsages(usages, allowed, name) {
  if ((usages & ~allowed) !== 0) {
    throw domError("SyntaxError", `A ${name} key of this type can't be used for ${nameUsages(usages & ~allowed)}.`);
  }
}

/**
 * The internal slots of a CryptoKey. `material` is what the algorithm's methods need of the key: its bytes, which nothing
 * else refers to, and `details` what there is beside (a hash, a length, a curve). Both are never changed.
 */
class Key {
  constructor(algorithm, type, extractable, usages, material, details) {
    this.algorithm = algorithm;
    this.type = type;
    this.extractable = extractable;
    this.usages = usages;
    this.material = material;
    this.details = details;
    // What Workers see of it, made when they first look.
    this.shownAlgorithm = undefined;
    this.shownUsages = undefined;
  }
}

// A setter that a Worker puts on Object.prototype must not see what the constructor assigns.
internals.streamCore.shield(Key);

let keyOf;

class CryptoKey {
  #key;
  constructor(key = undefined, state = undefined) {
    if (key !== privateKey) illegalConstructor();
    this.#key = state;
  }
  static {
    keyOf = (value) => (isObject(value) && #key in value ? value.#key : undefined);
  }
  get type() {
    return (keyOf(this) ?? illegalInvocation()).type;
  }
  get extractable() {
    return (keyOf(this) ?? illegalInvocation()).extractable;
  }
  get algorithm() {
    const key = keyOf(this) ?? illegalInvocation();
    return (key.shownAlgorithm ??= key.algorithm.describe(key));
  }
  get usages() {
    const key = keyOf(this) ?? illegalInvocation();
    return (key.shownUsages ??= usageNames(key.usages));
  }
}
configureInterface(CryptoKey);
internals.expose("CryptoKey", CryptoKey);

const exposeKey = (key) => new CryptoKey(privateKey, key);

/** https://w3c.github.io/webcrypto/#cryptokey-interface-clone: the clone has objects of its own to show. */
internals.structuredClone.registerSerializable({
  test: (value) => keyOf(value) !== undefined,
  serialize: keyOf,
  deserialize: (key) =>
    exposeKey(new Key(key.algorithm, key.type, key.extractable, key.usages, key.material, key.details)),
});

internals.crypto = {
  __proto__: null,
  domError, operationError, lengthOf, view, copy, bufferOf,
  register, defer, find, normalize, requireType, cutSecret, noParams, types, required, optional,
  usage, toUsages, usageNames, nameUsages, requireUsages, Key, keyOf, exposeKey,
};

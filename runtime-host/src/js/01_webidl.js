"use strict";
// What Web IDL's JavaScript binding (https://webidl.spec.whatwg.org/#js-binding) asks of every interface:
// conversions of arguments, argument counts, and the shape of classes. A converter takes
// (value, prefix, context) and throws a TypeError `${prefix}: ${context} ...`; both are constant strings such as
// "Failed to execute 'append' on 'Headers'" and "parameter 1", so the good path builds no message.

const {
  ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached, ArrayBufferPrototypeGetResizable, ArrayIsArray,
  ArrayPrototypeIncludes, ArrayPrototypePush, BigInt, BigIntAsIntN, BigIntAsUintN, DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset, FunctionPrototypeCall, IteratorPrototype,
  MathFloor, MathMax, MathMin, MathTrunc, Number, ObjectDefineProperty, ObjectGetPrototypeOf, ObjectSetPrototypeOf,
  ReflectApply, ReflectGetOwnPropertyDescriptor, ReflectOwnKeys, Set, SetPrototypeAdd, SetPrototypeHas, String,
  StringPrototypeCharCodeAt, StringPrototypeToWellFormed, SymbolIterator, SymbolToStringTag, TypeError,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag, Uint8Array,
} = internals.primordials;

// ---- Errors ----

const typeError = (prefix, context, text) =>
  new TypeError(`${prefix === undefined ? "" : `${prefix}: `}${context === undefined ? "The value" : context} ${text}`);

/** Throws when a call has fewer arguments than the operation requires. */
function requireArguments(count, required, prefix) {
  if (count >= required) return;
  const noun = required === 1 ? "argument" : "arguments";
  throw new TypeError(`${prefix}: ${required} ${noun} required, but only ${count} present.`);
}

/** For the branch in which `#field in this` is false. */
function illegalInvocation() {
  throw new TypeError("Illegal invocation");
}

/** Body of a constructor that Workers may not call. */
function illegalConstructor() {
  throw new TypeError("Illegal constructor");
}

// Passed as the first argument by the host's own code to constructors that Workers may not call.
const privateKey = { __proto__: null };

// ---- Strings ----

function DOMString(value, prefix, context) {
  if (typeof value === "string") return value;
  if (typeof value === "symbol") throw typeError(prefix, context, "is a symbol, which cannot be converted to a string.");
  return String(value);
}

function USVString(value, prefix, context) {
  return StringPrototypeToWellFormed(typeof value === "string" ? value : DOMString(value, prefix, context));
}

function ByteString(value, prefix, context) {
  const string = typeof value === "string" ? value : DOMString(value, prefix, context);
  for (let i = 0; i < string.length; i++) {
    if (StringPrototypeCharCodeAt(string, i) > 255) {
      throw typeError(prefix, context, "contains a character above U+00FF, so it is not a ByteString.");
    }
  }
  return string;
}

// ---- Numbers ----

const toNumber = (value, prefix, context) => {
  if (typeof value === "number") return value;
  if (typeof value === "symbol") throw typeError(prefix, context, "is a symbol, which cannot be converted to a number.");
  if (typeof value === "bigint") throw typeError(prefix, context, "is a BigInt, which cannot be converted to a number.");
  return +value;
};

const isFinite = (number) => number - number === 0;

// Round half to even, as [Clamp] asks.
function roundToEven(x) {
  const floor = MathFloor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

// https://webidl.spec.whatwg.org/#abstract-opdef-converttoint; `mode` is undefined, "enforceRange" or "clamp".
function integer(bits, unsigned) {
  const wide = bits === 64;
  const upper = wide ? 2 ** 53 - 1 : 2 ** (unsigned ? bits : bits - 1) - 1;
  const lower = unsigned ? 0 : wide ? -upper : -(2 ** (bits - 1));
  const modulus = 2 ** bits;
  return (value, prefix, context, mode) => {
    const number = toNumber(value, prefix, context);
    if (number >= lower && number <= upper && MathFloor(number) === number) return number + 0;
    if (mode === "enforceRange") {
      const whole = isFinite(number) ? MathTrunc(number) : number;
      if (!(whole >= lower && whole <= upper)) {
        throw typeError(prefix, context, `is outside of the range ${lower} to ${upper}.`);
      }
      return whole + 0;
    }
    if (mode === "clamp") {
      return number !== number ? 0 : roundToEven(MathMin(MathMax(number, lower), upper)) + 0;
    }
    if (!isFinite(number)) return 0;
    if (wide) return Number((unsigned ? BigIntAsUintN : BigIntAsIntN)(64, BigInt(MathTrunc(number))));
    let whole = MathTrunc(number) % modulus;
    if (whole < 0) whole += modulus;
    if (!unsigned && whole > upper) whole -= modulus;
    return whole + 0;
  };
}

function unrestrictedDouble(value, prefix, context) {
  return toNumber(value, prefix, context);
}

function double(value, prefix, context) {
  const number = toNumber(value, prefix, context);
  if (!isFinite(number)) throw typeError(prefix, context, "is not a finite number.");
  return number;
}

// ---- Bytes ----

function isArrayBuffer(value) {
  if (typeof value !== "object" || value === null) return false;
  try {
    ArrayBufferPrototypeGetByteLength(value);
    return true;
  } catch {
    return false;
  }
}

// By an op: V8 adds SharedArrayBuffer to a context only after the snapshot, so its methods are no primordials.
const SHARED_ARRAY_BUFFER = 7;
const isSharedArrayBuffer = (value) => isObject(value) && ops.objectKind(value) === SHARED_ARRAY_BUFFER;

/**
 * BufferSource (with `allowShared`: AllowSharedBufferSource, resizable buffers included) as a Uint8Array over the
 * same memory. Nothing is copied: the caller reads it before any other JavaScript runs, or copies it.
 */
function bufferSource(value, prefix, context, allowShared = false) {
  if (ArrayBufferIsView(value)) {
    const tag = TypedArrayPrototypeGetSymbolToStringTag(value);
    if (allowShared && tag === "Uint8Array") return value;
    const typed = tag !== undefined;
    const buffer = typed ? TypedArrayPrototypeGetBuffer(value) : DataViewPrototypeGetBuffer(value);
    if (!allowShared) requirePlainBuffer(buffer, prefix, context);
    if (tag === "Uint8Array") return value;
    if (isDetached(buffer)) return new Uint8Array(0);
    return typed
      ? new Uint8Array(buffer, TypedArrayPrototypeGetByteOffset(value), TypedArrayPrototypeGetByteLength(value))
      : new Uint8Array(buffer, DataViewPrototypeGetByteOffset(value), DataViewPrototypeGetByteLength(value));
  }
  if (isArrayBuffer(value)) {
    if (!allowShared) requirePlainBuffer(value, prefix, context);
    return isDetached(value) ? new Uint8Array(0) : new Uint8Array(value);
  }
  if (allowShared && isSharedArrayBuffer(value)) return new Uint8Array(value);
  throw typeError(prefix, context, "is not of type 'ArrayBuffer' or an ArrayBuffer view.");
}

// A buffer that was transferred has no bytes (https://webidl.spec.whatwg.org/#dfn-get-buffer-source-copy).
const isDetached = (buffer) => isArrayBuffer(buffer) && ArrayBufferPrototypeGetDetached(buffer);

/** True for what the BufferSource union arm of an argument takes. */
const isBufferSource = (value) => ArrayBufferIsView(value) || isArrayBuffer(value);

function requirePlainBuffer(buffer, prefix, context) {
  // Asked this way round because the answer no costs a caught exception.
  if (!isArrayBuffer(buffer)) throw typeError(prefix, context, "must not be backed by a SharedArrayBuffer.");
  if (ArrayBufferPrototypeGetResizable(buffer)) {
    throw typeError(prefix, context, "must not be backed by a resizable ArrayBuffer.");
  }
}

// ---- Composite types ----

const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

// An array whose iteration nobody has changed may be read by index: the same values, without an iterator.
const arrayIterator = [][SymbolIterator];
const arrayIteratorPrototype = ObjectGetPrototypeOf([][SymbolIterator]());
const arrayIteratorNext = arrayIteratorPrototype.next;

/** sequence<T> as an Array; `convert` is T's converter; `method` is the already read value[@@iterator], if it was. */
function sequence(value, convert, prefix, context, method) {
  if (!isObject(value)) throw typeError(prefix, context, "cannot be converted to a sequence.");
  if (method === undefined) method = value[SymbolIterator];
  if (typeof method !== "function") throw typeError(prefix, context, "must have a callable @@iterator property.");
  const result = [];
  if (method === arrayIterator && ArrayIsArray(value) && arrayIteratorPrototype.next === arrayIteratorNext) {
    for (let i = 0; i < value.length; i++) ArrayPrototypePush(result, convert(value[i], prefix, context));
    return result;
  }
  const iterator = FunctionPrototypeCall(method, value);
  if (!isObject(iterator)) throw typeError(prefix, context, "has an @@iterator that does not return an object.");
  const { next } = iterator;
  for (;;) {
    const step = FunctionPrototypeCall(next, iterator);
    if (!isObject(step)) throw typeError(prefix, context, "has an iterator whose result is not an object.");
    if (step.done) return result;
    ArrayPrototypePush(result, convert(step.value, prefix, context));
  }
}

/** record<K, V> as a flat Array: key, value, key, value ... in the order of the object's keys. */
function record(value, convertKey, convertValue, prefix, context) {
  if (!isObject(value)) throw typeError(prefix, context, "cannot be converted to a record.");
  const result = [];
  const keys = ReflectOwnKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const raw = keys[i];
    const descriptor = ReflectGetOwnPropertyDescriptor(value, raw);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    const key = convertKey(raw, prefix, context);
    const converted = convertValue(value[raw], prefix, context);
    // Keys of an object are unique; only a conversion that changed one can make two equal.
    const at = key === raw && i === 0 ? -1 : findKey(result, key);
    if (at >= 0) {
      result[at + 1] = converted;
    } else {
      ArrayPrototypePush(result, key);
      ArrayPrototypePush(result, converted);
    }
  }
  return result;
}

function findKey(pairs, key) {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === key) return i;
  return -1;
}

/**
 * Makes the converter of a dictionary type. `members`: [{ key, convert, required?, default? }], in the order Web IDL
 * reads them (inherited dictionaries first, each sorted by name). `default` is a value, already converted. The result
 * has a null prototype and no property for a member that is absent and has no default.
 */
function dictionary(name, members) {
  return (value, prefix, context) => {
    const missing = value === undefined || value === null;
    if (!missing && !isObject(value)) throw typeError(prefix, context, `cannot be converted to '${name}'.`);
    const result = { __proto__: null };
    for (let i = 0; i < members.length; i++) {
      const member = members[i];
      const given = missing ? undefined : value[member.key];
      if (given !== undefined) {
        result[member.key] = member.convert(given, prefix, `member '${member.key}' of ${name}`);
      } else if (member.default !== undefined) {
        result[member.key] = member.default;
      } else if (member.required === true) {
        throw new TypeError(`${prefix}: required member '${member.key}' of ${name} is undefined.`);
      }
    }
    return result;
  };
}

/** Makes the converter of an enumeration. */
function enumeration(name, values) {
  return (value, prefix, context) => {
    const string = DOMString(value, prefix, context);
    for (let i = 0; i < values.length; i++) if (values[i] === string) return string;
    throw new TypeError(`${prefix}: The provided value '${string}' is not a valid enum value of type ${name}.`);
  };
}

function callback(value, prefix, context) {
  if (typeof value !== "function") throw typeError(prefix, context, "is not of type 'Function'.");
  return value;
}

/** `convert`, but undefined and null become null. */
const nullable = (convert) => (value, prefix, context) =>
  value === undefined || value === null ? null : convert(value, prefix, context);

// ---- Interfaces ----

/**
 * Gives a class the property attributes of an interface: named members enumerable, @@toStringTag, and on both the class
 * and its prototype the `constants` (name -> number).
 */
function configureInterface(Class, constants = undefined, name = Class.name) {
  const { prototype } = Class;
  SetPrototypeAdd(platformPrototypes, prototype);
  makeEnumerable(prototype, ["constructor"]);
  makeEnumerable(Class, ["prototype", "length", "name"]);
  // By index: a class that is made late must not ask a Worker's iterators.
  const keys = constants === undefined ? [] : ReflectOwnKeys(constants);
  for (let i = 0; i < keys.length; i++) {
    const descriptor = { __proto__: null, value: constants[keys[i]], enumerable: true };
    ObjectDefineProperty(Class, keys[i], descriptor);
    ObjectDefineProperty(prototype, keys[i], descriptor);
  }
  ObjectDefineProperty(prototype, SymbolToStringTag, { __proto__: null, value: name, configurable: true });
}

const platformPrototypes = new Set();

/** Whether an object is an instance of an interface. (Objects that only inherit from one count too.) */
function isPlatformObject(value) {
  for (let object = ObjectGetPrototypeOf(value); object !== null; object = ObjectGetPrototypeOf(object)) {
    if (SetPrototypeHas(platformPrototypes, object)) return true;
  }
  return false;
}

function makeEnumerable(target, except) {
  const keys = ReflectOwnKeys(target);
  for (let i = 0; i < keys.length; i++) {
    if (typeof keys[i] === "symbol" || ArrayPrototypeIncludes(except, keys[i])) continue;
    ObjectDefineProperty(target, keys[i], { __proto__: null, enumerable: true });
  }
}

/**
 * Adds what a pair iterable has: entries, keys, values, forEach and @@iterator, all iterating live. `source(self)`
 * makes the brand check and returns an object with the methods size(), key(i) and value(i).
 */
function pairIterable(Class, name, source) {
  class PairIterator {
    #pairs;
    #pick;
    #index = 0;
    constructor(pairs, pick) {
      this.#pairs = pairs;
      this.#pick = pick;
    }
    next() {
      if (!isObject(this) || !(#pairs in this)) illegalInvocation();
      const i = this.#index;
      if (i >= this.#pairs.size()) return { value: undefined, done: true };
      this.#index = i + 1;
      return { value: this.#pick(this.#pairs, i), done: false };
    }
  }
  const { prototype } = PairIterator;
  delete prototype.constructor;
  ObjectSetPrototypeOf(prototype, IteratorPrototype);
  configureInterface(PairIterator, undefined, `${name} Iterator`);

  const pickEntry = (pairs, i) => [pairs.key(i), pairs.value(i)];
  const pickKey = (pairs, i) => pairs.key(i);
  const pickValue = (pairs, i) => pairs.value(i);
  const prefix = `Failed to execute 'forEach' on '${name}'`;
  const methods = {
    entries() {
      return new PairIterator(source(this), pickEntry);
    },
    keys() {
      return new PairIterator(source(this), pickKey);
    },
    values() {
      return new PairIterator(source(this), pickValue);
    },
    forEach(callbackfn) {
      const pairs = source(this);
      requireArguments(arguments.length, 1, prefix);
      callback(callbackfn, prefix, "parameter 1");
      const thisArgument = arguments[1];
      for (let i = 0; i < pairs.size(); i++) {
        ReflectApply(callbackfn, thisArgument, [pairs.value(i), pairs.key(i), this]);
      }
    },
  };
  for (const key of ReflectOwnKeys(methods)) defineMethod(Class.prototype, key, methods[key], true);
  defineMethod(Class.prototype, SymbolIterator, methods.entries, false);
}

function defineMethod(target, key, value, enumerable) {
  ObjectDefineProperty(target, key, { __proto__: null, value, writable: true, configurable: true, enumerable });
}

internals.webidl = {
  __proto__: null,
  // Errors.
  requireArguments, illegalInvocation, illegalConstructor, privateKey,
  // Converters.
  DOMString, USVString, ByteString,
  byte: integer(8, false), octet: integer(8, true),
  short: integer(16, false), unsignedShort: integer(16, true),
  long: integer(32, false), unsignedLong: integer(32, true),
  longLong: integer(64, false), unsignedLongLong: integer(64, true),
  double, unrestrictedDouble,
  bufferSource, isBufferSource, isArrayBuffer, isSharedArrayBuffer,
  sequence, record, dictionary, enumeration, callback, nullable, isObject,
  // Interfaces.
  configureInterface, isPlatformObject, pairIterable, defineMethod,
};

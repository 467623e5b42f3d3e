"use strict";
// structuredClone and what it is made of (https://html.spec.whatwg.org/#safe-passing-of-structured-data): `serialize`
// turns a value into records that no later change reaches, `deserialize` builds a value of them, once.
//
// Interfaces of the platform take part by registering; others are refused.

const { DOMException, webidl, primordials } = internals;
const {
  Array, ArrayBuffer, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached,
  ArrayBufferPrototypeGetMaxByteLength, ArrayBufferPrototypeGetResizable, ArrayBufferPrototypeResize,
  ArrayBufferPrototypeTransfer,
  ArrayPrototypePush, BigIntPrototypeValueOf, BooleanPrototypeValueOf, DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset, Date, DatePrototypeGetTime, Error, EvalError, Map,
  MapPrototypeForEach, MapPrototypeGet, MapPrototypeHas, MapPrototypeSet, NumberPrototypeValueOf, Object,
  ObjectDefineProperty, ObjectGetPrototypeOf, ObjectHasOwn, ObjectKeys, RangeError, ReferenceError,
  ReflectDeleteProperty, ReflectGetOwnPropertyDescriptor, RegExp, RegExpPrototypeGetDotAll, RegExpPrototypeGetGlobal,
  RegExpPrototypeGetHasIndices, RegExpPrototypeGetIgnoreCase, RegExpPrototypeGetMultiline, RegExpPrototypeGetSource,
  RegExpPrototypeGetSticky, RegExpPrototypeGetUnicode, RegExpPrototypeGetUnicodeSets, Set, SetPrototypeAdd,
  SetPrototypeForEach, StringPrototypeValueOf, SyntaxError, TypeError, TypedArrayPrototypeAt, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetLength, TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet, URIError, Uint8Array, globalThis, uncurryThis,
} = primordials;

// What ops.objectKind answers.
const PLAIN = 0;
const ARRAY = 1;
const DATE = 2;
const REG_EXP = 3;
const MAP = 4;
const SET = 5;
const ARRAY_BUFFER = 6;
const SHARED_ARRAY_BUFFER = 7;
const VIEW = 8;
const ERROR = 9;
const BOOLEAN = 10;
const NUMBER = 11;
const STRING = 12;
const BIG_INT = 13;
// Kinds of records only.
const PLATFORM = 20;
const TRANSFERRED = 21;

const ObjectPrototype = Object.prototype;
const ArrayPrototype = Array.prototype;
const ERRORS = { __proto__: null, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const { viewTypes } = internals.streamCore;

const { QuotaExceededError } = internals;
const getterOf = (key) => uncurryThis(ReflectGetOwnPropertyDescriptor(QuotaExceededError.prototype, key).get);
const getQuota = getterOf("quota");
const getRequested = getterOf("requested");
function isQuotaExceededError(value) {
  if (!internals.isDOMException(value)) return false;
  try {
    getQuota(value);
    return true;
  } catch {
    return false;
  }
}

/**
 * Platform objects that can be serialized: { test(value), serialize(value), deserialize(data) }. What `serialize` returns
 * must not be reachable by a Worker.
 */
const serializable = [
  {
    test: isQuotaExceededError,
    serialize: (error) => ({
      message: error.message, stack: error.stack, quota: getQuota(error), requested: getRequested(error),
    }),
    deserialize({ message, stack, quota, requested }) {
      const options = { __proto__: null, quota: quota ?? undefined, requested: requested ?? undefined };
      return withStack(new QuotaExceededError(message, options), stack);
    },
  },
  {
    test: internals.isDOMException,
    serialize: (error) => ({ name: error.name, message: error.message, stack: error.stack }),
    deserialize: ({ name, message, stack }) => withStack(new DOMException(message, name), stack),
  },
];
/** Platform objects that can be transferred: { test(value), transfer(value), receive(data) }. */
const transferable = [];

// An object that was serialized. `made` is what it was deserialized to.
class CloneRecord {
  kind;
  value;
  extra;
  made = undefined;
  constructor(kind, value, extra) {
    this.kind = kind;
    this.value = value;
    this.extra = extra;
  }
}

const uncloneable = (what) => new DOMException(`${what} could not be cloned.`, "DataCloneError");

// ---- Serializing ----

/** A primitive stays itself, an object becomes a record. Throws a DataCloneError, or what a getter throws. */
function serializeValue(value, memory) {
  if (typeof value === "symbol") throw uncloneable("A symbol");
  if (typeof value === "function") throw uncloneable("A function");
  if (typeof value !== "object" || value === null) return value;
  return MapPrototypeGet(memory, value) ?? serializeObject(value, memory);
}

function serializeObject(value, memory) {
  const kind = ops.objectKind(value);
  switch (kind) {
    case PLAIN:
      return serializePlain(value, memory);
    case ARRAY:
      return serializeProperties(new CloneRecord(ARRAY, value.length), value, memory);
    case DATE:
      return remember(memory, value, new CloneRecord(DATE, DatePrototypeGetTime(value)));
    case REG_EXP:
      return remember(memory, value, new CloneRecord(REG_EXP, RegExpPrototypeGetSource(value), flagsOf(value)));
    case MAP:
      return serializeMap(value, memory);
    case SET:
      return serializeSet(value, memory);
    case ARRAY_BUFFER:
      return serializeBuffer(value, memory);
    case VIEW:
      return serializeView(value, memory);
    case ERROR:
      return internals.isDOMException(value) ? serializePlain(value, memory) : serializeError(value, memory);
    case BOOLEAN:
      return remember(memory, value, new CloneRecord(BOOLEAN, BooleanPrototypeValueOf(value)));
    case NUMBER:
      return remember(memory, value, new CloneRecord(NUMBER, NumberPrototypeValueOf(value)));
    case STRING:
      return remember(memory, value, new CloneRecord(STRING, StringPrototypeValueOf(value)));
    case BIG_INT:
      return remember(memory, value, new CloneRecord(BIG_INT, BigIntPrototypeValueOf(value)));
    case SHARED_ARRAY_BUFFER:
      throw uncloneable("A SharedArrayBuffer");
    default:
      throw uncloneable("An object with internal state (such as a Promise, a Proxy or a WeakMap)");
  }
}

function remember(memory, value, record) {
  MapPrototypeSet(memory, value, record);
  return record;
}

function serializePlain(value, memory) {
  const prototype = ObjectGetPrototypeOf(value);
  if (prototype !== ObjectPrototype && prototype !== null && webidl.isPlatformObject(value)) {
    for (let i = 0; i < serializable.length; i++) {
      if (!serializable[i].test(value)) continue;
      return remember(memory, value, new CloneRecord(PLATFORM, serializable[i].serialize(value), serializable[i]));
    }
    throw uncloneable("An object of the platform that is not serializable");
  }
  if (value === globalThis) throw uncloneable("The global object");
  return serializeProperties(new CloneRecord(PLAIN), value, memory);
}

// Own enumerable properties with string keys, as key, value, key, value ...
function serializeProperties(record, value, memory) {
  remember(memory, value, record);
  const keys = ObjectKeys(value);
  const properties = [];
  for (let i = 0; i < keys.length; i++) {
    // A getter may have removed it.
    if (i > 0 && !ObjectHasOwn(value, keys[i])) continue;
    ArrayPrototypePush(properties, keys[i], serializeValue(value[keys[i]], memory));
  }
  record.extra = properties;
  return record;
}

// Getters may change the collection, so it is read before its members are serialized.
function serializeMap(value, memory) {
  const record = remember(memory, value, new CloneRecord(MAP));
  const members = [];
  MapPrototypeForEach(value, (member, key) => void ArrayPrototypePush(members, key, member));
  for (let i = 0; i < members.length; i++) members[i] = serializeValue(members[i], memory);
  record.extra = members;
  return record;
}

function serializeSet(value, memory) {
  const record = remember(memory, value, new CloneRecord(SET));
  const members = [];
  SetPrototypeForEach(value, (member) => void ArrayPrototypePush(members, member));
  for (let i = 0; i < members.length; i++) members[i] = serializeValue(members[i], memory);
  record.extra = members;
  return record;
}

function serializeBuffer(value, memory) {
  if (ArrayBufferPrototypeGetDetached(value)) throw uncloneable("A detached ArrayBuffer");
  const length = ArrayBufferPrototypeGetByteLength(value);
  const copy = ArrayBufferPrototypeGetResizable(value)
    ? new ArrayBuffer(length, { __proto__: null, maxByteLength: ArrayBufferPrototypeGetMaxByteLength(value) })
    : new ArrayBuffer(length);
  TypedArrayPrototypeSet(new Uint8Array(copy), new Uint8Array(value));
  return remember(memory, value, new CloneRecord(ARRAY_BUFFER, copy));
}

function serializeView(value, memory) {
  const tag = TypedArrayPrototypeGetSymbolToStringTag(value);
  let buffer;
  let place;
  if (tag === undefined) {
    buffer = DataViewPrototypeGetBuffer(value);
    requireUsable(buffer);
    try {
      place = [DataViewPrototypeGetByteOffset(value), DataViewPrototypeGetByteLength(value)];
    } catch {
      throw uncloneable("A DataView that is out of bounds");
    }
  } else {
    buffer = TypedArrayPrototypeGetBuffer(value);
    requireUsable(buffer);
    try {
      TypedArrayPrototypeAt(value, 0);
    } catch {
      throw uncloneable("A typed array that is out of bounds");
    }
    place = [TypedArrayPrototypeGetByteOffset(value), TypedArrayPrototypeGetLength(value)];
  }
  if (!webidl.isSharedArrayBuffer(buffer) && ArrayBufferPrototypeGetResizable(buffer) && tracksLength(value, tag, buffer)) {
    place[1] = undefined;
  }
  const record = new CloneRecord(VIEW, serializeValue(buffer, memory), { type: tag, place });
  return remember(memory, value, record);
}

/**
 * Whether the length of a view follows that of its resizable buffer. Only another length tells: the buffer has one for a
 * moment in which no other code runs, and all of its bytes again after it.
 */
function tracksLength(view, tag, buffer) {
  const length = ArrayBufferPrototypeGetByteLength(buffer);
  const size = tag === undefined ? 1 : viewTypes[tag].elementSize;
  const before = elementsOf(view, tag);
  if (before === 0) return false;
  const last = new Uint8Array(size);
  TypedArrayPrototypeSet(last, new Uint8Array(buffer, length - size, size));
  try {
    ArrayBufferPrototypeResize(buffer, length - size);
    return elementsOf(view, tag) === before - 1 && !isOutOfBounds(view, tag);
  } finally {
    ArrayBufferPrototypeResize(buffer, length);
    TypedArrayPrototypeSet(new Uint8Array(buffer), last, length - size);
  }
}

function elementsOf(view, tag) {
  if (tag !== undefined) return TypedArrayPrototypeGetLength(view);
  try {
    return DataViewPrototypeGetByteLength(view);
  } catch {
    return -1;
  }
}

function isOutOfBounds(view, tag) {
  if (tag === undefined) return elementsOf(view, tag) < 0;
  try {
    TypedArrayPrototypeAt(view, 0);
    return false;
  } catch {
    return true;
  }
}

function requireUsable(buffer) {
  if (webidl.isSharedArrayBuffer(buffer)) throw uncloneable("A view of a SharedArrayBuffer");
  if (ArrayBufferPrototypeGetDetached(buffer)) throw uncloneable("A view of a detached ArrayBuffer");
}

function serializeError(value, memory) {
  const given = value.name;
  const name = given === undefined ? "Error" : webidl.DOMString(given);
  const own = ReflectGetOwnPropertyDescriptor(value, "message");
  const message = own !== undefined && ObjectHasOwn(own, "value") ? webidl.DOMString(own.value) : undefined;
  const record = remember(memory, value, new CloneRecord(ERROR, ERRORS[name] ?? Error));
  const { stack } = value;
  const cause = ObjectHasOwn(value, "cause") ? [serializeValue(value.cause, memory)] : undefined;
  record.extra = { message, stack: typeof stack === "string" ? stack : undefined, cause };
  return record;
}

const FLAGS = [
  ["d", RegExpPrototypeGetHasIndices], ["g", RegExpPrototypeGetGlobal], ["i", RegExpPrototypeGetIgnoreCase],
  ["m", RegExpPrototypeGetMultiline], ["s", RegExpPrototypeGetDotAll], ["u", RegExpPrototypeGetUnicode],
  ["v", RegExpPrototypeGetUnicodeSets], ["y", RegExpPrototypeGetSticky],
];

// The flags accessor would read properties that a Worker may have shadowed.
function flagsOf(value) {
  let flags = "";
  for (let i = 0; i < FLAGS.length; i++) {
    const has = FLAGS[i][1];
    if (has(value)) flags += FLAGS[i][0];
  }
  return flags;
}

/**
 * https://html.spec.whatwg.org/#structuredserializewithtransfer. `transfer` is an Array of objects; they are detached
 * only when everything was serialized.
 */
function serialize(value, transfer) {
  return serializeWithTransfer(value, transfer).record;
}

/** The same as `{ record, transferred }`: the second has a record for each object of the list, also for unused ones. */
function serializeWithTransfer(value, transfer) {
  const memory = new Map();
  if (transfer === undefined || transfer.length === 0) return { record: serializeValue(value, memory), transferred: [] };
  const records = [];
  for (let i = 0; i < transfer.length; i++) {
    const interfaceOf = transferOf(transfer[i]);
    if (interfaceOf === undefined) throw uncloneable("A value in the transfer list that is not transferable");
    if (MapPrototypeHas(memory, transfer[i])) throw uncloneable("An object that is twice in the transfer list");
    ArrayPrototypePush(records, remember(memory, transfer[i], new CloneRecord(TRANSFERRED, undefined, interfaceOf)));
  }
  const record = serializeValue(value, memory);
  for (let i = 0; i < transfer.length; i++) records[i].value = records[i].extra.transfer(transfer[i]);
  return { record, transferred: records };
}

const bufferTransfer = {
  transfer(buffer) {
    if (ArrayBufferPrototypeGetDetached(buffer)) throw uncloneable("A detached ArrayBuffer in the transfer list");
    try {
      return ArrayBufferPrototypeTransfer(buffer);
    } catch {
      throw uncloneable("An ArrayBuffer that cannot be detached");
    }
  },
  receive: (buffer) => buffer,
};

function transferOf(value) {
  if (webidl.isArrayBuffer(value)) return bufferTransfer;
  for (let i = 0; i < transferable.length; i++) if (transferable[i].test(value)) return transferable[i];
  return undefined;
}

// ---- Deserializing ----

/** The value of what `serialize` returned; may be called once. */
function deserialize(record) {
  if (typeof record !== "object" || record === null) return record;
  if (record.made !== undefined) return record.made;
  const { kind, value, extra } = record;
  switch (kind) {
    case PLAIN:
      return fillProperties((record.made = {}), extra, ObjectPrototype);
    case ARRAY:
      return fillProperties((record.made = new Array(value)), extra, ArrayPrototype);
    case DATE:
      return (record.made = new Date(value));
    case REG_EXP:
      return (record.made = new RegExp(value, extra));
    case MAP: {
      const map = (record.made = new Map());
      for (let i = 0; i < extra.length; i += 2) MapPrototypeSet(map, deserialize(extra[i]), deserialize(extra[i + 1]));
      return map;
    }
    case SET: {
      const set = (record.made = new Set());
      for (let i = 0; i < extra.length; i++) SetPrototypeAdd(set, deserialize(extra[i]));
      return set;
    }
    case ARRAY_BUFFER:
      return (record.made = value);
    case VIEW:
      return (record.made = newView(deserialize(value), extra.type, extra.place));
    case ERROR:
      return deserializeError(record);
    case PLATFORM:
      return (record.made = extra.deserialize(value));
    case TRANSFERRED:
      return (record.made = extra.receive(value));
    default:
      return (record.made = Object(value));
  }
}

/** `{ value, transferred }` of what `serializeWithTransfer` returned; may be called once. */
function deserializeWithTransfer({ record, transferred }) {
  const value = deserialize(record);
  const received = [];
  for (let i = 0; i < transferred.length; i++) ArrayPrototypePush(received, deserialize(transferred[i]));
  return { value, transferred: received };
}

// Defines data properties: what a Worker put on a prototype is not run.
function fillProperties(target, properties, prototype) {
  for (let i = 0; i < properties.length; i += 2) {
    const key = properties[i];
    const value = deserialize(properties[i + 1]);
    if (key in prototype) {
      ObjectDefineProperty(target, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    } else {
      target[key] = value;
    }
  }
  return target;
}

const newView = (buffer, type, place) => new viewTypes[type ?? "DataView"].construct(buffer, place[0], place[1]);

function deserializeError(record) {
  const { value: Class, extra } = record;
  const error = (record.made = extra.message === undefined ? new Class() : new Class(extra.message));
  if (extra.cause !== undefined) defineHidden(error, "cause", deserialize(extra.cause[0]));
  return withStack(error, extra.stack);
}

function withStack(error, stack) {
  if (stack === undefined) ReflectDeleteProperty(error, "stack");
  else defineHidden(error, "stack", stack);
  return error;
}

function defineHidden(target, key, value) {
  ObjectDefineProperty(target, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}

// ---- The global function ----

const requireObject = (value, prefix, context) => {
  if (!webidl.isObject(value)) throw new TypeError(`${prefix}: ${context} has a value that is not an object.`);
  return value;
};
const toTransferList = (value, prefix, context) => webidl.sequence(value, requireObject, prefix, context);
const toOptions = webidl.dictionary("StructuredSerializeOptions", [{ key: "transfer", convert: toTransferList }]);

function structuredClone(value, options = undefined) {
  const prefix = "Failed to execute 'structuredClone'";
  webidl.requireArguments(arguments.length, 1, prefix);
  return deserialize(serialize(value, toOptions(options, prefix, "parameter 2").transfer));
}

internals.structuredClone = {
  __proto__: null, serialize, deserialize, serializeWithTransfer, deserializeWithTransfer, toOptions,
  registerSerializable: (entry) => ArrayPrototypePush(serializable, entry),
  registerTransferable: (entry) => ArrayPrototypePush(transferable, entry),
};
internals.expose("structuredClone", structuredClone, true);

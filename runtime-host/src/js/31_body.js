"use strict";
// The Body mixin of Request and Response (https://fetch.spec.whatwg.org/#body-mixin).
//
// A body is null or a BodyRecord. A record knows where its bytes are; a ReadableStream is made of it only when
// JavaScript asks for `.body`, and even then nothing is read from the host before the stream is.

const {
  ArrayBufferPrototypeGetByteLength, JSONParse, ObjectDefineProperty, Promise, PromiseReject,
  PromiseResolve, ReflectGetOwnPropertyDescriptor, ReflectOwnKeys, StringPrototypeSlice, StringPrototypeToWellFormed,
  SymbolAsyncIterator, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeSet, Uint8Array,
} = internals.primordials;
const { bufferSource, DOMString, illegalInvocation, isBufferSource, isObject } = internals.webidl;

const USED =
  "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";
const LOCKED = "This ReadableStream is currently locked to a reader.";

// What a record's `source` is. The first numbers are also those of `internals.body.take()`.
const NONE = 0;
/** A host body handle: it arrived, and JavaScript has not touched it. Becomes STREAM with the first look at `.body`. */
const HOST = 1;
/** A Uint8Array. */
const BYTES = 2;
/** Nothing: the bytes are in `stream` only. */
const STREAM = 3;
/** A string without lone surrogates. */
const TEXT = 4;
/** An Array of Uint8Arrays that nobody changes, which belong one behind the other. */
const PARTS = 5;

class BodyRecord {
  constructor(kind, source, stream) {
    this.kind = kind;
    this.source = source;
    /** The ReadableStream, once there is one. */
    this.stream = stream;
    /** Read, or moved elsewhere, without a stream. */
    this.used = false;
    /** Whether the bytes of `source` are also somebody else's, and must be copied before JavaScript gets them. */
    this.shared = false;
  }
}

// ---- Making records ----

const copyBytes = (bytes) => {
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
};

const bytesRecord = (bytes, shared) => {
  const record = new BodyRecord(BYTES, bytes, null);
  record.shared = shared;
  return record;
};

// The Content-Type of what extract() made last; null if it has none. (Returning a pair would allocate.)
let extractedType = null;

/** https://fetch.spec.whatwg.org/#concept-bodyinit-extract for anything but null and undefined. */
function extract(init, prefix) {
  extractedType = "text/plain;charset=UTF-8";
  if (typeof init === "string") return new BodyRecord(TEXT, StringPrototypeToWellFormed(init), null);
  if (isObject(init)) {
    const record = extractObject(init, prefix);
    if (record !== null) return record;
    extractedType = "text/plain;charset=UTF-8";
  }
  return new BodyRecord(TEXT, StringPrototypeToWellFormed(DOMString(init, prefix, "body")), null);
}

function extractObject(init, prefix) {
  extractedType = null;
  const { streams, blob, formData, url } = internals;
  if (streams.isReadableStream(init)) {
    if (streams.isDisturbed(init)) {
      throw new TypeError("This ReadableStream is disturbed (has already been read from), and cannot be used as a body.");
    }
    if (streams.isLocked(init)) {
      throw new TypeError("This ReadableStream is locked to a reader, and cannot be used as a body.");
    }
    return new BodyRecord(STREAM, undefined, init);
  }
  if (isBufferSource(init)) return bytesRecord(copyBytes(bufferSource(init, prefix, "body")), false);
  if (blob.is(init)) {
    const type = blob.type(init);
    extractedType = type === "" ? null : type;
    return bytesRecord(blob.bytes(init), true);
  }
  if (formData.is(init)) {
    const boundary = formData.newBoundary();
    extractedType = `multipart/form-data; boundary=${boundary}`;
    return new BodyRecord(PARTS, formData.serialize(init, boundary), null);
  }
  if (url.isSearchParams(init)) {
    extractedType = "application/x-www-form-urlencoded;charset=UTF-8";
    return new BodyRecord(TEXT, url.searchParamsToString(init), null);
  }
  // Workers also take what yields chunks asynchronously.
  if (typeof init[SymbolAsyncIterator] === "function") {
    return new BodyRecord(STREAM, undefined, streams.from(init));
  }
  return null;
}

/** Extracts a body and, when `headers` has no Content-Type, sets the one it implies. */
function extractWithType(init, headers, prefix) {
  const record = extract(init, prefix);
  if (extractedType !== null && !internals.headers.has(headers, "content-type")) {
    internals.headers.set(headers, "content-type", extractedType);
  }
  return record;
}

// ---- State ----

const isUsed = (record) => record.used || (record.stream !== null && internals.streams.isDisturbed(record.stream));

const isLocked = (record) => record.stream !== null && internals.streams.isLocked(record.stream);

/** Why a record can't be read, or undefined. */
function unusable(record) {
  if (isUsed(record)) return USED;
  return isLocked(record) ? LOCKED : undefined;
}

/** Whether all of a body is here, in its record's source. */
const isWhole = (record) => record.kind === TEXT || record.kind === BYTES || record.kind === PARTS;

/** The bytes of a whole body, to be handed out: nobody else's afterwards. */
function ownBytes(record) {
  if (record.kind === TEXT) return internals.encoding.encodeUtf8(record.source);
  if (record.kind === PARTS) return joinBytes(record.source);
  return record.shared ? copyBytes(record.source) : record.source;
}

/** Another record of the same whole body. */
function copyOf(record) {
  const copy = new BodyRecord(record.kind, record.source, null);
  copy.shared = record.shared;
  return copy;
}

/** How long a whole body is. */
function byteLength({ kind, source }) {
  if (kind === TEXT) return ops.utf8Length(source);
  return kind === PARTS ? sizeOf(source) : TypedArrayPrototypeGetByteLength(source);
}

function streamOf(record) {
  if (record.stream !== null) return record.stream;
  const { streams } = internals;
  if (record.used) record.stream = streams.createConsumed();
  else if (record.kind === HOST) {
    record.stream = internals.hostBody.stream(record.source);
    record.kind = STREAM;
    record.source = undefined;
  } else {
    // The record keeps the source for leaving; the stream makes bytes of its own, if somebody reads it.
    const whole = copyOf(record);
    record.stream = record.kind === BYTES ? streams.fromShared(record.source, whole) : streams.fromWhole(whole);
  }
  return record.stream;
}

/** The host body behind a record that JavaScript has not read; it is taken out of the record. Undefined if none. */
function takeHost(record) {
  if (record.stream !== null) return internals.streams.takeHost(record.stream);
  return record.kind === HOST ? record.source : undefined;
}

/**
 * Ends a usable record whose contents went elsewhere. A stream made of a source is disturbed and locked from now on;
 * whoever took the contents of a STREAM did that to it.
 */
function finish(record) {
  if (record.stream !== null && record.kind !== STREAM) internals.streams.consume(record.stream);
  record.used = true;
  record.source = undefined;
}

/**
 * The record of a Response's new body. A stream that was made of a whole body, which nobody has touched, stands for that:
 * `new Response(response.body, response)` then leaves as the first response would have, and is never read as a stream.
 */
function settled(record) {
  if (record.kind !== STREAM) return record;
  const made = internals.streams.madeOf(record.stream);
  if (made === undefined) return record;
  const whole = copyOf(made);
  whole.stream = record.stream;
  return whole;
}

// ---- Moving and copying whole bodies ----

/** The body of a Request made from a Request: the old one is used up. */
function move(record) {
  if (record === null) return null;
  if (isUsed(record)) throw new TypeError("Cannot reconstruct a Request with a used body.");
  if (isLocked(record)) throw new TypeError("The ReadableStream has been locked to a reader.");
  const handle = takeHost(record);
  let moved;
  if (handle !== undefined) {
    moved = new BodyRecord(HOST, handle, null);
  } else if (isWhole(record)) {
    moved = new BodyRecord(record.kind, record.source, null);
    moved.shared = record.shared;
  } else {
    moved = new BodyRecord(STREAM, undefined, internals.streams.detach(record.stream));
  }
  finish(record);
  return moved;
}

/** The body of a Request whose `init` was a Request: both have the same one, and either may use it. */
function share(record) {
  if (record === null) return null;
  const problem = unusable(record);
  if (problem !== undefined) throw new TypeError(problem);
  return record;
}

/** `clone()` of the object that has `record`. */
function clone(record) {
  if (record === null) return null;
  const problem = unusable(record);
  if (problem !== undefined) throw new TypeError(problem);
  if (isWhole(record) && record.stream === null) {
    record.shared = true;
    return copyOf(record);
  }
  // Nothing is pulled from the host until one of the branches is read.
  const branches = internals.streams.tee(streamOf(record));
  record.kind = STREAM;
  record.source = undefined;
  record.stream = branches[0];
  return new BodyRecord(STREAM, undefined, branches[1]);
}

/**
 * Takes a body away to send it: `{ kind: 0 }` no body, `{ kind: 1, handle }` a host body untouched by JavaScript,
 * `{ kind: 2, bytes }` all of it, `{ kind: 3, stream }`, `{ kind: 4, text }` all of it, `{ kind: 5, bytes }` all of it, as
 * an Array of parts. The record is used up. Throws a TypeError if it was before.
 */
function takeRecord(record) {
  const taken = { kind: NONE, handle: undefined, bytes: undefined, stream: undefined, text: undefined };
  if (record === null) return taken;
  const problem = unusable(record);
  if (problem !== undefined) throw new TypeError(problem);
  const handle = takeHost(record);
  if (handle !== undefined) {
    taken.kind = HOST;
    taken.handle = handle;
  } else if (record.kind === STREAM) {
    taken.kind = STREAM;
    taken.stream = record.stream;
  } else {
    // The host only reads them: no copy, even if shared.
    taken.kind = record.kind;
    if (record.kind === TEXT) taken.text = record.source;
    else taken.bytes = record.source;
  }
  finish(record);
  return taken;
}

/** What is left of a body is not wanted any more, because of `reason`; its object counts as used from now on. */
function cancel(record, reason) {
  if (record === null || unusable(record) !== undefined) return;
  if (record.kind === STREAM) internals.streams.cancel(record.stream, reason);
  else finish(record);
}

// ---- Reading ----

function sizeOf(parts) {
  let size = 0;
  for (let i = 0; i < parts.length; i++) size += TypedArrayPrototypeGetByteLength(parts[i]);
  return size;
}

function joinBytes(parts) {
  const whole = new Uint8Array(sizeOf(parts));
  let offset = 0;
  for (let i = 0; i < parts.length; i++) {
    TypedArrayPrototypeSet(whole, parts[i], offset);
    offset += TypedArrayPrototypeGetByteLength(parts[i]);
  }
  return whole;
}

const toText = (value) => {
  if (typeof value !== "string") return internals.encoding.decodeUtf8(value);
  return value[0] === "\ufeff" ? StringPrototypeSlice(value, 1) : value;
};
const toBytes = (value) => (typeof value === "string" ? internals.encoding.encodeUtf8(value) : value);
const toJson = (value) => JSONParse(toText(value));

function toArrayBuffer(value) {
  const bytes = toBytes(value);
  const buffer = TypedArrayPrototypeGetBuffer(bytes);
  const start = TypedArrayPrototypeGetByteOffset(bytes);
  const length = TypedArrayPrototypeGetByteLength(bytes);
  if (start === 0 && length === ArrayBufferPrototypeGetByteLength(buffer)) return buffer;
  return TypedArrayPrototypeGetBuffer(copyBytes(bytes));
}

const toBlob = (value, state) => {
  const type = internals.mime.parse(internals.headers.get(state.headers, "content-type") ?? "");
  return internals.blob.create(toBytes(value), type === undefined ? "" : internals.mime.serialize(type));
};

const toFormData = (value, state) =>
  internals.formData.parse(toBytes(value), internals.headers.get(state.headers, "content-type"));

/** Reads the body of `state` wholly; `convert(bytes or string, state)` makes the result. */
function read(state, convert) {
  if (state === undefined) return PromiseReject(new TypeError("Illegal invocation"));
  const record = state.body;
  if (record === null) return convertNow("", convert, state);
  const aborted = record.kind === HOST ? internals.hostBody.aborted(record.source) : undefined;
  if (aborted !== undefined) return PromiseReject(aborted.reason);
  const problem = unusable(record);
  if (problem !== undefined) return PromiseReject(new TypeError(problem));
  const handle = takeHost(record);
  if (handle !== undefined) {
    finish(record);
    // The host decodes a text from where it collected the bytes.
    const { collect, collectText } = internals.hostBody;
    const asText = convert === toText || convert === toJson;
    return collected(asText ? collectText : collect, handle, convert, state);
  }
  if (record.kind === STREAM) {
    record.used = true;
    return collected(internals.streams.collect, record.stream, convert, state);
  }
  const whole = record.kind === TEXT ? record.source : ownBytes(record);
  finish(record);
  return convertNow(whole, convert, state);
}

// `collect(source, done, fail)` gives no promise for bytes: resolving one with an object asks that object for a `then`,
// which a Worker may have put on Object.prototype.
function collected(collect, source, convert, state) {
  return new Promise((resolve, reject) => {
    const done = (bytes) => {
      try {
        resolve(convert(bytes, state));
      } catch (error) {
        reject(error);
      }
    };
    collect(source, done, reject);
  });
}

function convertNow(value, convert, state) {
  try {
    return PromiseResolve(convert(value, state));
  } catch (error) {
    return PromiseReject(error);
  }
}

/** https://fetch.spec.whatwg.org/#dom-body-textstream */
function textStream(state) {
  const record = state.body;
  const { streams } = internals;
  if (record !== null) {
    const problem = unusable(record);
    if (problem !== undefined) throw new TypeError(problem);
  }
  return internals.encoding.decodeStream(record === null ? streams.fromBytes(new Uint8Array(0)) : streamOf(record));
}

// ---- The mixin ----

/**
 * Adds the members of Body to a class. `stateOf(self)` returns an object with `body` (a record or null) and
 * `headers`, or undefined when `self` is no instance.
 */
function install(Class, stateOf) {
  const members = {
    get body() {
      const state = stateOf(this);
      if (state === undefined) illegalInvocation();
      return state.body === null ? null : streamOf(state.body);
    },
    get bodyUsed() {
      const state = stateOf(this);
      if (state === undefined) illegalInvocation();
      return state.body !== null && isUsed(state.body);
    },
    arrayBuffer() {
      return read(stateOf(this), toArrayBuffer);
    },
    blob() {
      return read(stateOf(this), toBlob);
    },
    bytes() {
      return read(stateOf(this), toBytes);
    },
    formData() {
      return read(stateOf(this), toFormData);
    },
    json() {
      return read(stateOf(this), toJson);
    },
    text() {
      return read(stateOf(this), toText);
    },
    textStream() {
      const state = stateOf(this);
      if (state === undefined) illegalInvocation();
      return textStream(state);
    },
  };
  for (const key of ReflectOwnKeys(members)) {
    ObjectDefineProperty(Class.prototype, key, ReflectGetOwnPropertyDescriptor(members, key));
  }
}

internals.body = {
  __proto__: null,
  install,
  extractWithType,
  /** A record for a host body that JavaScript has not touched; null for no body. */
  fromHost: (handle) => (handle === undefined || handle === null ? null : new BodyRecord(HOST, handle, null)),
  stream: (record) => (record === null ? null : streamOf(record)),
  /** A record for a ReadableStream that nobody has touched. */
  fromStream: (stream) => new BodyRecord(STREAM, undefined, stream),
  /** The ReadableStream of what `takeRecord` gave. */
  streamOfTaken(taken) {
    if (taken.kind === STREAM) return taken.stream;
    if (taken.kind === HOST) return internals.hostBody.stream(taken.handle);
    return internals.streams.fromBytes(taken.kind === TEXT ? internals.encoding.encodeUtf8(taken.text) : copyBytes(taken.bytes));
  },
  /** For a null body status: whether the record is one of no bytes. */
  isEmpty: (record) => (record.kind === TEXT || record.kind === BYTES) && record.source.length === 0,
  isStream: (record) => record.kind === STREAM,
  isUsed: (record) => record !== null && isUsed(record),
  byteLength,
  ownBytes,
  settled,
  cancel,
  move,
  share,
  clone,
  takeRecord,
  /** A promise of all bytes of the body of a Request's or Response's state. */
  readBytes: (state) => read(state, toBytes),
  /** A record of bytes that nobody changes. */
  fromShared: (bytes) => bytesRecord(bytes, true),
  /** A record of bytes that are its own. */
  fromBytes: (bytes) => bytesRecord(bytes, false),
  /** `takeRecord` of a Request's or Response's body. */
  take: (object) => takeRecord((internals.request.stateOf(object) ?? internals.response.stateOf(object)).body),
};

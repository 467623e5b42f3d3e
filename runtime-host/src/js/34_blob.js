"use strict";
// Blob and File (https://w3c.github.io/FileAPI/). Contents are one Uint8Array that nobody changes; slices share it.

const {
  ArrayPrototypePush, DateNow, MathMax, MathMin, PromiseReject, PromiseResolve, ReflectApply, RegExpPrototypeExec,
  StringFromCharCode, StringPrototypeCharCodeAt, StringPrototypeSlice, StringPrototypeToLowerCase, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeSet, TypeError, Uint8Array,
} = internals.primordials;
const {
  bufferSource, configureInterface, dictionary, DOMString, enumeration, illegalInvocation, isBufferSource, isObject,
  longLong, privateKey, requireArguments, sequence, USVString,
} = internals.webidl;

const inBlob = "Failed to construct 'Blob'";
const inFile = "Failed to construct 'File'";
const inSlice = "Failed to execute 'slice' on 'Blob'";

// ---- Options ----

const BLOB_MEMBERS = [
  { key: "endings", convert: enumeration("EndingType", ["transparent", "native"]), default: "transparent" },
  { key: "type", convert: DOMString, default: "" },
];
const toBlobOptions = dictionary("BlobPropertyBag", BLOB_MEMBERS);
const toFileOptions = dictionary("FilePropertyBag", [...BLOB_MEMBERS, { key: "lastModified", convert: longLong }]);

const notPrintable = /[^\x20-\x7e]/;

/** A type with characters other than printable ASCII is dropped. */
const normalizeType = (type) => (RegExpPrototypeExec(notPrintable, type) === null ? StringPrototypeToLowerCase(type) : "");

// ---- Bytes ----

const CHARACTERS_AT_ONCE = 4096;

internals.binary = {
  __proto__: null,
  /** Some bytes of a Uint8Array, in the same memory. */
  slice: (bytes, start, end) =>
    new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + start, end - start),
  /** A binary string: a character up to U+00FF for each byte. */
  toString(bytes) {
    let string = "";
    const length = TypedArrayPrototypeGetByteLength(bytes);
    for (let at = 0; at < length; at += CHARACTERS_AT_ONCE) {
      const size = MathMin(CHARACTERS_AT_ONCE, length - at);
      const piece = new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + at, size);
      string += ReflectApply(StringFromCharCode, undefined, piece);
    }
    return string;
  },
  /** The reverse. */
  fromString(string) {
    const bytes = new Uint8Array(string.length);
    for (let i = 0; i < string.length; i++) bytes[i] = StringPrototypeCharCodeAt(string, i);
    return bytes;
  },
};

// ---- Contents ----

function partOf(value, prefix, context) {
  if (isBufferSource(value)) {
    // A copy: converting later parts may run a Worker's code, which may change the bytes.
    return copyBytes(bufferSource(value, prefix, context));
  }
  const blob = stateOf(value);
  return blob === undefined ? USVString(value, prefix, context) : blob.bytes;
}

function copyBytes(bytes) {
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
}

/** Line breaks as the host's system writes them: \n. */
function toNativeEndings(string) {
  let result = "";
  let start = 0;
  for (let i = 0; i < string.length; i++) {
    if (StringPrototypeCharCodeAt(string, i) !== 13) continue;
    result += `${StringPrototypeSlice(string, start, i)}\n`;
    if (string[i + 1] === "\n") i++;
    start = i + 1;
  }
  return result + StringPrototypeSlice(string, start);
}

function join(parts, endings) {
  const chunks = [];
  let size = 0;
  for (let i = 0; i < parts.length; i++) {
    let chunk = parts[i];
    if (typeof chunk === "string") {
      chunk = internals.encoding.encodeUtf8(endings === "native" ? toNativeEndings(chunk) : chunk);
    }
    size += TypedArrayPrototypeGetByteLength(chunk);
    ArrayPrototypePush(chunks, chunk);
  }
  if (chunks.length === 1) return chunks[0];
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (let i = 0; i < chunks.length; i++) {
    TypedArrayPrototypeSet(bytes, chunks[i], offset);
    offset += TypedArrayPrototypeGetByteLength(chunks[i]);
  }
  return bytes;
}

/** `{ bytes, type, options }` of a constructor's arguments. */
function construct(bits, options, toOptions, prefix, required) {
  let parts = [];
  if (bits !== undefined || required) {
    if (!isObject(bits)) throw new TypeError(`${prefix}: parameter 1 is not of type 'sequence'.`);
    parts = sequence(bits, partOf, prefix, "parameter 1");
  }
  const converted = toOptions(options, prefix, "options");
  return { bytes: join(parts, converted.endings), type: normalizeType(converted.type), options: converted };
}

/** An index of slice(): negative ones count from the end. */
function sliceIndex(value, size, fallback, context) {
  if (value === undefined) return fallback;
  const index = longLong(value, inSlice, context, "clamp");
  return index < 0 ? MathMax(size + index, 0) : MathMin(index, size);
}

// ---- Blob ----

let stateOf;

class Blob {
  #state;

  constructor(blobParts = undefined, options = undefined) {
    this.#state = blobParts === privateKey ? options : construct(blobParts, options, toBlobOptions, inBlob, false);
  }

  static {
    stateOf = (value) => (isObject(value) && #state in value ? value.#state : undefined);
  }

  get size() {
    return TypedArrayPrototypeGetByteLength(required(this).bytes);
  }

  get type() {
    return required(this).type;
  }

  slice(start = undefined, end = undefined, contentType = undefined) {
    const { bytes } = required(this);
    const size = TypedArrayPrototypeGetByteLength(bytes);
    const from = sliceIndex(start, size, 0, "parameter 1");
    const to = MathMax(sliceIndex(end, size, size, "parameter 2"), from);
    const type = contentType === undefined ? "" : normalizeType(DOMString(contentType, inSlice, "parameter 3"));
    return create(
      new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + from, to - from),
      type,
    );
  }

  stream() {
    return internals.streams.fromShared(required(this).bytes);
  }

  /** https://w3c.github.io/FileAPI/#dom-blob-textstream */
  textStream() {
    return internals.encoding.decodeStream(internals.streams.fromShared(required(this).bytes));
  }

  text() {
    return promised(this, internals.encoding.decodeUtf8);
  }

  arrayBuffer() {
    return promised(this, (bytes) => TypedArrayPrototypeGetBuffer(copyBytes(bytes)));
  }

  bytes() {
    return promised(this, copyBytes);
  }
}

function required(self) {
  const state = stateOf(self);
  if (state === undefined) illegalInvocation();
  return state;
}

function promised(self, convert) {
  try {
    return PromiseResolve(convert(required(self).bytes));
  } catch (error) {
    return PromiseReject(error);
  }
}

configureInterface(Blob);
internals.expose("Blob", Blob);

/** A Blob of bytes that are its own from now on. */
const create = (bytes, type) => new Blob(privateKey, { bytes, type });

// ---- File ----

let fileOf;

class File extends Blob {
  #file;

  constructor(fileBits, fileName, options = undefined) {
    if (fileBits === privateKey) {
      super(privateKey, fileName);
      this.#file = options;
      return;
    }
    requireArguments(arguments.length, 2, inFile);
    const name = (value) => USVString(value, inFile, "parameter 2");
    // Arguments are converted in order: the bits first, then the name, then the options.
    let converted;
    const state = construct(
      fileBits,
      options,
      (given, prefix, context) => {
        converted = name(fileName);
        return toFileOptions(given, prefix, context);
      },
      inFile,
      true,
    );
    super(privateKey, state);
    this.#file = { name: converted, lastModified: state.options.lastModified ?? DateNow() };
  }

  static {
    fileOf = (value) => (isObject(value) && #file in value ? value.#file : undefined);
  }

  get name() {
    return (fileOf(this) ?? illegalInvocation()).name;
  }

  get lastModified() {
    return (fileOf(this) ?? illegalInvocation()).lastModified;
  }
}
configureInterface(File);
internals.expose("File", File);

internals.blob = {
  __proto__: null,
  is: (value) => stateOf(value) !== undefined,
  isFile: (value) => fileOf(value) !== undefined,
  type: (blob) => stateOf(blob).type,
  /** Its bytes; not to be changed or handed to JavaScript. */
  bytes: (blob) => stateOf(blob).bytes,
  /** A copy of them. */
  copyBytes: (blob) => copyBytes(stateOf(blob).bytes),
  fileName: (file) => fileOf(file).name,
  create,
  /** A File with the contents of a Blob (or of a state with `bytes` and `type`). */
  createFile(blob, name, lastModified = DateNow()) {
    const { bytes, type } = stateOf(blob) ?? blob;
    return new File(privateKey, { bytes, type }, { name, lastModified });
  },
  lastModified: (file) => fileOf(file).lastModified,
};

// A clone shares the bytes: nobody changes them.
internals.structuredClone.registerSerializable({
  test: (value) => stateOf(value) !== undefined,
  serialize: (value) => ({ state: stateOf(value), file: fileOf(value) }),
  deserialize: ({ state, file }) =>
    file === undefined ? new Blob(privateKey, state) : new File(privateKey, state, file),
});

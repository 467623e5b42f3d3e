"use strict";
// FileReader (https://w3c.github.io/FileAPI/#APIASynch) and ProgressEvent (https://xhr.spec.whatwg.org/#progressevent).
// What is read is in memory already, so a read takes one step; each event is a task of its own, as promises that wait
// for one expect.

const { DOMException } = internals;
const { MapPrototypeGet, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength } = internals.primordials;
const {
  configureInterface, dictionary, DOMString, double, illegalConstructor, illegalInvocation, isObject, requireArguments, unsignedLong,
} = internals.webidl;
const { Event, EventTarget, defineHandler, fireEvent } = internals.events;

// ---- ProgressEvent ----

const toProgressInit = dictionary("ProgressEventInit", [
  { key: "lengthComputable", convert: (value) => !!value, default: false },
  { key: "loaded", convert: double, default: 0 },
  { key: "total", convert: double, default: 0 },
]);

class ProgressEvent extends Event {
  #init;

  constructor(type, eventInitDict = undefined) {
    const prefix = "Failed to construct 'ProgressEvent'";
    requireArguments(arguments.length, 1, prefix);
    super(type, eventInitDict);
    this.#init = toProgressInit(eventInitDict, prefix, "parameter 2");
  }

  get lengthComputable() {
    return isObject(this) && #init in this ? this.#init.lengthComputable : illegalInvocation();
  }
  get loaded() {
    return isObject(this) && #init in this ? this.#init.loaded : illegalInvocation();
  }
  get total() {
    return isObject(this) && #init in this ? this.#init.total : illegalInvocation();
  }
}
configureInterface(ProgressEvent);
internals.expose("ProgressEvent", ProgressEvent);

// ---- FileList: there are no forms that make one ----

class FileList {
  #files;

  constructor() {
    illegalConstructor();
  }
  get length() {
    return isObject(this) && #files in this ? this.#files.length : illegalInvocation();
  }
  item(index) {
    if (!isObject(this) || !(#files in this)) illegalInvocation();
    requireArguments(arguments.length, 1, "Failed to execute 'item' on 'FileList'");
    return this.#files[unsignedLong(index, "Failed to execute 'item' on 'FileList'", "parameter 1")] ?? null;
  }
}
configureInterface(FileList);
internals.expose("FileList", FileList);

// ---- What a read gives (https://w3c.github.io/FileAPI/#blob-package-data) ----

function toArrayBuffer(blob) {
  return TypedArrayPrototypeGetBuffer(internals.blob.copyBytes(blob));
}

const toBinaryString = (blob) => internals.binary.toString(internals.blob.bytes(blob));

function toDataUrl(blob) {
  const type = internals.blob.type(blob);
  return `data:${type === "" ? "application/octet-stream" : type};base64,${ops.btoa(toBinaryString(blob))}`;
}

/** https://encoding.spec.whatwg.org/#decode: a byte order mark counts before the label, before the Blob's type. */
function toText(blob, label) {
  const bytes = internals.blob.bytes(blob);
  return internals.encoding.newDecoder(encodingOf(bytes, label, internals.blob.type(blob)), undefined, undefined).finish(bytes);
}

function encodingOf(bytes, label, type) {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (label !== undefined && ops.encodingName(label) !== undefined) return label;
  const parsed = internals.mime.parse(type);
  const charset = parsed === undefined ? undefined : MapPrototypeGet(parsed.parameters, "charset");
  return charset !== undefined && ops.encodingName(charset) !== undefined ? charset : "utf-8";
}

// ---- FileReader ----

const EMPTY = 0;
const LOADING = 1;
const DONE = 2;

/** One read of a reader; it is over when the reader has another one, or none. */
class Read {
  constructor(blob, convert, label) {
    this.blob = blob;
    this.convert = convert;
    this.label = label;
    this.size = TypedArrayPrototypeGetByteLength(internals.blob.bytes(blob));
  }
}

class FileReader extends EventTarget {
  #state = EMPTY;
  #result = null;
  #error = null;
  #read = undefined;

  readAsArrayBuffer(blob) {
    FileReader.#begin(this, arguments, "readAsArrayBuffer", toArrayBuffer);
  }
  readAsBinaryString(blob) {
    FileReader.#begin(this, arguments, "readAsBinaryString", toBinaryString);
  }
  readAsText(blob, encoding = undefined) {
    const label = encoding === undefined ? undefined : DOMString(encoding, "Failed to execute 'readAsText' on 'FileReader'", "parameter 2");
    FileReader.#begin(this, arguments, "readAsText", toText, label);
  }
  readAsDataURL(blob) {
    FileReader.#begin(this, arguments, "readAsDataURL", toDataUrl);
  }

  abort() {
    const reader = FileReader.#check(this);
    if (reader.#state !== LOADING) {
      reader.#result = null;
      return;
    }
    reader.#state = DONE;
    reader.#result = null;
    reader.#read = undefined;
    reader.#error = new DOMException("The read was aborted.", "AbortError");
    FileReader.#fire(reader, "abort", 0, 0);
    if (reader.#state !== LOADING) FileReader.#fire(reader, "loadend", 0, 0);
  }

  get readyState() {
    return FileReader.#check(this).#state;
  }
  get result() {
    return FileReader.#check(this).#result;
  }
  get error() {
    return FileReader.#check(this).#error;
  }

  static #check(value) {
    return isObject(value) && #state in value ? value : illegalInvocation();
  }

  // https://w3c.github.io/FileAPI/#readOperation
  static #begin(self, args, name, convert, label) {
    const reader = FileReader.#check(self);
    const prefix = `Failed to execute '${name}' on 'FileReader'`;
    requireArguments(args.length, 1, prefix);
    if (!internals.blob.is(args[0])) throw new TypeError(`${prefix}: parameter 1 is not of type 'Blob'.`);
    if (reader.#state === LOADING) {
      throw new DOMException(`${prefix}: the FileReader is already reading.`, "InvalidStateError");
    }
    const read = new Read(args[0], convert, label);
    FileReader.#later(reader, read, FileReader.#start);
    reader.#state = LOADING;
    reader.#result = null;
    reader.#error = null;
    reader.#read = read;
  }

  /** Runs a step in a task of its own, unless the read is over by then. */
  static #later(reader, read, step) {
    internals.timers.set(0, () => {
      if (reader.#read === read) step(reader, read);
    });
  }

  static #start(reader, read) {
    FileReader.#later(reader, read, read.size > 0 ? FileReader.#progress : FileReader.#finish);
    FileReader.#fire(reader, "loadstart", 0, read.size);
  }

  static #progress(reader, read) {
    FileReader.#later(reader, read, FileReader.#finish);
    FileReader.#fire(reader, "progress", read.size, read.size);
  }

  static #finish(reader, read) {
    reader.#state = DONE;
    let type = "load";
    try {
      reader.#result = read.convert(read.blob, read.label);
    } catch (error) {
      reader.#error = new DOMException(`The Blob can't be read: ${error.message}`, "NotReadableError");
      type = "error";
    }
    // A listener of `load` may begin another read, which then tells of its own end.
    FileReader.#later(reader, read, FileReader.#end);
    FileReader.#fire(reader, type, read.size, read.size);
  }

  static #end(reader, read) {
    reader.#read = undefined;
    FileReader.#fire(reader, "loadend", read.size, read.size);
  }

  static #fire(reader, type, loaded, total) {
    fireEvent(reader, new ProgressEvent(type, { __proto__: null, lengthComputable: total > 0, loaded, total }));
  }
}
for (const type of ["loadstart", "progress", "load", "abort", "error", "loadend"]) defineHandler(FileReader.prototype, type);
configureInterface(FileReader, { EMPTY, LOADING, DONE });
internals.expose("FileReader", FileReader);

"use strict";
// FormData (https://xhr.spec.whatwg.org/#interface-formdata) and its serialisation
// (https://html.spec.whatwg.org/#multipart-form-data).

const { ArrayPrototypePush, StringPrototypeCharCodeAt, StringPrototypeSlice, TypeError } = internals.primordials;
const { configureInterface, illegalInvocation, isObject, pairIterable, requireArguments, USVString } = internals.webidl;

const inAppend = "Failed to execute 'append' on 'FormData'";
const inConstructor = "Failed to construct 'FormData'";
const inDelete = "Failed to execute 'delete' on 'FormData'";
const inGet = "Failed to execute 'get' on 'FormData'";
const inGetAll = "Failed to execute 'getAll' on 'FormData'";
const inHas = "Failed to execute 'has' on 'FormData'";
const inSet = "Failed to execute 'set' on 'FormData'";

// ---- Entries: { name, value }, a value being a string or a File ----

/** https://html.spec.whatwg.org/#create-an-entry, of a method's arguments. */
function createEntry(args, prefix) {
  const { blob } = internals;
  const name = USVString(args[0], prefix, "parameter 1");
  let value = args[1];
  if (!blob.is(value)) {
    if (args.length > 2 && args[2] !== undefined) throw new TypeError(`${prefix}: parameter 2 is not of type 'Blob'.`);
    return { name, value: USVString(value, prefix, "parameter 2") };
  }
  const filename = args[2] === undefined ? undefined : USVString(args[2], prefix, "parameter 3");
  if (!blob.isFile(value)) value = blob.createFile(value, filename ?? "blob");
  else if (filename !== undefined) value = blob.createFile(value, filename, blob.lastModified(value));
  return { name, value };
}

// ---- The class ----

let entriesOf;

class FormData {
  #entries = [];

  constructor(form = undefined) {
    if (form !== undefined) throw new TypeError(`${inConstructor}: there are no forms here; parameter 1 must be undefined.`);
  }

  static {
    entriesOf = (value) => (isObject(value) && #entries in value ? value.#entries : undefined);
  }

  append(name, value) {
    const entries = required(this);
    requireArguments(arguments.length, 2, inAppend);
    ArrayPrototypePush(entries, createEntry(arguments, inAppend));
  }

  delete(name) {
    const entries = required(this);
    requireArguments(arguments.length, 1, inDelete);
    removeFrom(entries, USVString(name, inDelete, "parameter 1"), 0);
  }

  get(name) {
    const entries = required(this);
    requireArguments(arguments.length, 1, inGet);
    const index = indexOf(entries, USVString(name, inGet, "parameter 1"));
    return index < 0 ? null : entries[index].value;
  }

  getAll(name) {
    const entries = required(this);
    requireArguments(arguments.length, 1, inGetAll);
    const key = USVString(name, inGetAll, "parameter 1");
    const values = [];
    for (let i = 0; i < entries.length; i++) {
      if (entries[i].name === key) ArrayPrototypePush(values, entries[i].value);
    }
    return values;
  }

  has(name) {
    const entries = required(this);
    requireArguments(arguments.length, 1, inHas);
    return indexOf(entries, USVString(name, inHas, "parameter 1")) >= 0;
  }

  set(name, value) {
    const entries = required(this);
    requireArguments(arguments.length, 2, inSet);
    const entry = createEntry(arguments, inSet);
    const index = indexOf(entries, entry.name);
    if (index < 0) {
      ArrayPrototypePush(entries, entry);
      return;
    }
    entries[index] = entry;
    removeFrom(entries, entry.name, index + 1);
  }
}

function required(self) {
  const entries = entriesOf(self);
  if (entries === undefined) illegalInvocation();
  return entries;
}

function indexOf(entries, name) {
  for (let i = 0; i < entries.length; i++) if (entries[i].name === name) return i;
  return -1;
}

/** Removes the entries of a name from index `from` on. */
function removeFrom(entries, name, from) {
  let kept = from;
  for (let i = from; i < entries.length; i++) {
    if (entries[i].name !== name) entries[kept++] = entries[i];
  }
  entries.length = kept;
}

class Pairs {
  constructor(entries) {
    this.entries = entries;
  }
  size() {
    return this.entries.length;
  }
  key(i) {
    return this.entries[i].name;
  }
  value(i) {
    return this.entries[i].value;
  }
}
pairIterable(FormData, "FormData", (self) => new Pairs(required(self)));
configureInterface(FormData);
internals.expose("FormData", FormData);

// ---- Serialisation ----

/** Every line break as CRLF. */
function normalizeLines(string) {
  let result = "";
  let start = 0;
  for (let i = 0; i < string.length; i++) {
    const unit = StringPrototypeCharCodeAt(string, i);
    if (unit !== 13 && unit !== 10) continue;
    result += `${StringPrototypeSlice(string, start, i)}\r\n`;
    if (unit === 13 && string[i + 1] === "\n") i++;
    start = i + 1;
  }
  return start === 0 ? string : result + StringPrototypeSlice(string, start);
}

/** A name or file name within quotes. */
function escapeName(string) {
  let result = "";
  let start = 0;
  for (let i = 0; i < string.length; i++) {
    const c = string[i];
    if (c !== "\n" && c !== "\r" && c !== '"') continue;
    result += StringPrototypeSlice(string, start, i) + (c === '"' ? "%22" : c === "\n" ? "%0A" : "%0D");
    start = i + 1;
  }
  return start === 0 ? string : result + StringPrototypeSlice(string, start);
}

/** The multipart/form-data bytes as an Array of Uint8Arrays; files are not copied. */
function serialize(formData, boundary) {
  const { blob, encoding } = internals;
  const entries = entriesOf(formData);
  const parts = [];
  // Text since the last file.
  let text = "";
  for (let i = 0; i < entries.length; i++) {
    const { name, value } = entries[i];
    text += `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(normalizeLines(name))}"`;
    if (typeof value === "string") {
      text += `\r\n\r\n${normalizeLines(value)}\r\n`;
      continue;
    }
    const type = blob.type(value);
    text += `; filename="${escapeName(blob.fileName(value))}"\r\n`;
    text += `Content-Type: ${type === "" ? "application/octet-stream" : type}\r\n\r\n`;
    ArrayPrototypePush(parts, encoding.encodeUtf8(text));
    ArrayPrototypePush(parts, blob.bytes(value));
    text = "\r\n";
  }
  ArrayPrototypePush(parts, encoding.encodeUtf8(`${text}--${boundary}--\r\n`));
  return parts;
}

internals.formData = {
  __proto__: null,
  is: (value) => entriesOf(value) !== undefined,
  serialize,
  newBoundary: () => `----formdata-${ops.cryptoRandomUuid()}`,
  /** A FormData of entries { name, value } that are its own from now on. */
  fromEntries(entries) {
    const formData = new FormData();
    const own = entriesOf(formData);
    for (let i = 0; i < entries.length; i++) ArrayPrototypePush(own, entries[i]);
    return formData;
  },
};

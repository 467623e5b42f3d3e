"use strict";
// Headers (https://fetch.spec.whatwg.org/#headers-class). Names are kept in lower case, values as byte strings (every
// character up to U+00FF), in one flat array: name, value, name, value ...
//
// Headers that arrived stay packed, as the host gave them: "name\nvalue\nname\nvalue..." (a value has no \n). A copy that
// nobody changes stays so, and adding fields or asking for one that is not there only takes a look at the string.

const {
  ArrayPrototypePush, ArrayPrototypeSort, RegExpPrototypeExec,
  StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeToLowerCase, SymbolIterator, TypeError,
} = internals.primordials;
const {
  ByteString, configureInterface, DOMString, illegalInvocation, isObject, pairIterable, privateKey, record,
  requireArguments, sequence,
} = internals.webidl;

// ---- Names and values ----

// Searching for what is forbidden leaves no match object behind on the good path.
const notToken = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
const notValue = /[\0\r\n\u0100-\uffff]/;
const aboveLatin1 = /[\u0100-\uffff]/;

// Lower-case forms of names seen so far, by the name as given. Bounded: names may come from outside.
const KNOWN_NAMES_LIMIT = 512;
const KNOWN_NAME_LENGTH_LIMIT = 64;
const knownNames = { __proto__: null };
let knownNamesCount = 0;

/** A field name in lower case. */
function headerName(value, prefix) {
  const string = typeof value === "string" ? value : DOMString(value, prefix, "parameter 1");
  const known = knownNames[string];
  if (known !== undefined) return known;
  if (string === "" || RegExpPrototypeExec(notToken, string) !== null) throw new TypeError("Invalid header name.");
  const lower = StringPrototypeToLowerCase(string);
  if (knownNamesCount < KNOWN_NAMES_LIMIT && string.length <= KNOWN_NAME_LENGTH_LIMIT) {
    knownNamesCount++;
    knownNames[string] = lower;
  }
  return lower;
}

const isWhitespace = (c) => c === " " || c === "\t" || c === "\r" || c === "\n";

/** A field value without the whitespace around it. */
function headerValue(value, prefix) {
  let string = typeof value === "string" ? value : DOMString(value, prefix, "parameter 2");
  let end = string.length;
  if (end > 0 && (isWhitespace(string[0]) || isWhitespace(string[end - 1]))) {
    let start = 0;
    while (start < end && isWhitespace(string[start])) start++;
    while (end > start && isWhitespace(string[end - 1])) end--;
    string = StringPrototypeSlice(string, start, end);
  }
  if (RegExpPrototypeExec(notValue, string) !== null) {
    throw new TypeError(
      RegExpPrototypeExec(aboveLatin1, string) === null
        ? "Invalid header value."
        : "Invalid header value. It has characters above U+00FF; encode it, for example with encodeURIComponent().",
    );
  }
  return string;
}

// ---- Lists ----

function unpack(packed) {
  const list = [];
  if (packed === "") return list;
  let length = 0;
  let start = 0;
  for (let end; (end = StringPrototypeIndexOf(packed, "\n", start)) >= 0; start = end + 1) {
    list[length++] = StringPrototypeSlice(packed, start, end);
  }
  list[length] = StringPrototypeSlice(packed, start);
  return list;
}

// Quicker than join().
function packList(list) {
  if (list.length === 0) return "";
  let packed = list[0];
  for (let i = 1; i < list.length; i++) packed += `\n${list[i]}`;
  return packed;
}

function copyList(list) {
  const copy = [];
  for (let i = 0; i < list.length; i++) copy[i] = list[i];
  return copy;
}

/** The value of a name, several joined as the standard says; null when there is none. */
function getValue(list, name) {
  let found = null;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) found = found === null ? list[i + 1] : `${found}, ${list[i + 1]}`;
  }
  return found;
}

function hasName(list, name) {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return true;
  return false;
}

/** Replaces the values of a name that is in the list. */
function setValue(list, name, value) {
  let i = 0;
  while (list[i] !== name) i += 2;
  list[i + 1] = value;
  removeFrom(list, name, i + 2);
}

// Looking through the list is quickest while it is short; beyond so many elements it has an index: the place of each
// name, or SEVERAL. Else the time for setting fields one after the other would grow with their square.
const INDEXED_LENGTH = 128;
const PACKED_LENGTH = 4096;
const SEVERAL = -1;

function indexOf(list) {
  const index = { __proto__: null };
  for (let i = 0; i < list.length; i += 2) index[list[i]] = index[list[i]] === undefined ? i : SEVERAL;
  return index;
}

/** Removes a name from index `from` on. */
function removeFrom(list, name, from) {
  let kept = from;
  for (let i = from; i < list.length; i += 2) {
    if (list[i] === name) continue;
    list[kept] = list[i];
    list[kept + 1] = list[i + 1];
    kept += 2;
  }
  list.length = kept;
}

function valuesOf(list, name) {
  const values = [];
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) ArrayPrototypePush(values, list[i + 1]);
  return values;
}

// https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine, flat.
function sortAndCombine(list) {
  const names = [];
  const combined = { __proto__: null };
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i];
    const before = combined[name];
    if (before === undefined) ArrayPrototypePush(names, name);
    combined[name] = before === undefined ? list[i + 1] : `${before}, ${list[i + 1]}`;
  }
  ArrayPrototypeSort(names);
  const sorted = [];
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const values = name === "set-cookie" ? valuesOf(list, name) : undefined;
    for (let v = 0; v < (values === undefined ? 1 : values.length); v++) {
      ArrayPrototypePush(sorted, name);
      ArrayPrototypePush(sorted, values === undefined ? combined[name] : values[v]);
    }
  }
  return sorted;
}

function appendTo(list, name, value, prefix) {
  const normalName = headerName(name, prefix);
  ArrayPrototypePush(list, normalName);
  ArrayPrototypePush(list, headerValue(value, prefix));
}

function fill(list, init, prefix) {
  const method = isObject(init) ? init[SymbolIterator] : null;
  if (!isObject(init)) {
    throw new TypeError(`${prefix}: constructor parameter 1 is not of type 'Headers or Sequence or object'.`);
  }
  if (method === undefined || method === null) {
    const pairs = record(init, ByteString, ByteString, prefix, "parameter 1");
    for (let i = 0; i < pairs.length; i += 2) appendTo(list, pairs[i], pairs[i + 1], prefix);
    return;
  }
  const toPair = (value) => sequence(value, DOMString, prefix, "parameter 1");
  const pairs = sequence(init, toPair, prefix, "parameter 1", method);
  for (let i = 0; i < pairs.length; i++) {
    if (pairs[i].length !== 2) {
      throw new TypeError(
        "To initialize a Headers object from a sequence, each inner sequence must have exactly two elements.",
      );
    }
    appendTo(list, pairs[i][0], pairs[i][1], prefix);
  }
}

// ---- The class ----

const inConstructor = "Failed to construct 'Headers'";
const inAppend = "Failed to execute 'append' on 'Headers'";
const inDelete = "Failed to execute 'delete' on 'Headers'";
const inGet = "Failed to execute 'get' on 'Headers'";
const inHas = "Failed to execute 'has' on 'Headers'";
const inSet = "Failed to execute 'set' on 'Headers'";
const inGetAll = "Failed to execute 'getAll' on 'Headers'";

let isHeaders, listOf, mutableListOf, lacks, appendField, setField, pack, sortedOf, isDirty, originOf, copy, fromPacked, fromList;

class Headers {
  // Undefined while packed.
  #list = undefined;
  // The packed form, or `#thunk(#origin)` that makes it. Beside a list both stay, for copies, until that is changed.
  #packed = undefined;
  #thunk = undefined;
  #origin = undefined;
  #immutable = false;
  #dirty = false;
  // What iteration shows, until the next change.
  #sorted = undefined;
  // Of a long list, until fields change their places.
  #index = undefined;

  constructor(init = undefined) {
    if (init === privateKey) return;
    if (init === undefined) this.#list = [];
    else if (isHeaders(init) && init[SymbolIterator] === entries) this.#list = copyList(listOf(init));
    else fill((this.#list = []), init, inConstructor);
  }

  append(name, value) {
    if (!isHeaders(this)) illegalInvocation();
    requireArguments(arguments.length, 2, inAppend);
    name = headerName(name, inAppend);
    value = headerValue(value, inAppend);
    this.#requireMutable();
    appendField(this, name, value);
  }

  delete(name) {
    if (!isHeaders(this)) illegalInvocation();
    requireArguments(arguments.length, 1, inDelete);
    name = headerName(name, inDelete);
    this.#requireMutable();
    if (lacks(this, name)) return;
    this.#index = undefined;
    removeFrom(mutableListOf(this), name, 0);
  }

  get(name) {
    if (!isHeaders(this)) illegalInvocation();
    requireArguments(arguments.length, 1, inGet);
    name = headerName(name, inGet);
    return lacks(this, name) ? null : getValue(listOf(this), name);
  }

  /** Of Workers, older than getSetCookie(). */
  getAll(name) {
    if (!isHeaders(this)) illegalInvocation();
    requireArguments(arguments.length, 1, inGetAll);
    if (headerName(name, inGetAll) !== "set-cookie") {
      throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
    }
    return valuesOf(listOf(this), "set-cookie");
  }

  getSetCookie() {
    if (!isHeaders(this)) illegalInvocation();
    return valuesOf(listOf(this), "set-cookie");
  }

  has(name) {
    if (!isHeaders(this)) illegalInvocation();
    requireArguments(arguments.length, 1, inHas);
    return !lacks(this, headerName(name, inHas));
  }

  set(name, value) {
    if (!isHeaders(this)) illegalInvocation();
    requireArguments(arguments.length, 2, inSet);
    name = headerName(name, inSet);
    value = headerValue(value, inSet);
    this.#requireMutable();
    setField(this, name, value);
  }

  #requireMutable() {
    if (this.#immutable) throw new TypeError("Can't modify immutable headers.");
  }

  static {
    isHeaders = (value) => isObject(value) && #list in value;

    const packedOf = (headers) => {
      if (headers.#packed === undefined) headers.#packed = headers.#thunk(headers.#origin);
      return headers.#packed;
    };

    listOf = (headers) => {
      if (headers.#list === undefined) headers.#list = unpack(packedOf(headers));
      return headers.#list;
    };

    // Whatever the guard says: the host's own changes pass it.
    mutableListOf = (headers) => {
      const list = listOf(headers);
      headers.#packed = headers.#thunk = headers.#origin = headers.#sorted = undefined;
      headers.#dirty = true;
      return list;
    };

    lacks = (headers, name) => {
      if (headers.#list === undefined && StringPrototypeIndexOf(packedOf(headers), name) < 0) return true;
      const list = listOf(headers);
      if (list.length <= INDEXED_LENGTH) return !hasName(list, name);
      headers.#index ??= indexOf(list);
      return headers.#index[name] === undefined;
    };

    appendField = (headers, name, value) => {
      if (headers.#list === undefined && packedOf(headers).length <= PACKED_LENGTH) {
        const packed = packedOf(headers);
        headers.#packed = packed === "" ? `${name}\n${value}` : `${packed}\n${name}\n${value}`;
        headers.#thunk = headers.#origin = undefined;
        headers.#dirty = true;
        return;
      }
      const list = mutableListOf(headers);
      const index = headers.#index;
      if (index !== undefined) index[name] = index[name] === undefined ? list.length : SEVERAL;
      ArrayPrototypePush(list, name);
      ArrayPrototypePush(list, value);
    };

    setField = (headers, name, value) => {
      if (lacks(headers, name)) return appendField(headers, name, value);
      const list = mutableListOf(headers);
      const place = headers.#index === undefined ? SEVERAL : headers.#index[name];
      if (place !== SEVERAL) {
        list[place + 1] = value;
        return;
      }
      headers.#index = undefined;
      setValue(list, name, value);
    };

    pack = (headers) =>
      headers.#packed !== undefined || headers.#thunk !== undefined ? packedOf(headers) : packList(headers.#list);

    sortedOf = (headers) => {
      if (headers.#sorted === undefined) headers.#sorted = sortAndCombine(listOf(headers));
      return headers.#sorted;
    };

    isDirty = (headers) => headers.#dirty;
    originOf = (headers) => headers.#origin;

    copy = (headers, keepGuard = false) => {
      const result = new Headers(privateKey);
      result.#packed = headers.#packed;
      result.#thunk = headers.#thunk;
      result.#origin = headers.#origin;
      result.#dirty = headers.#dirty;
      result.#immutable = keepGuard && headers.#immutable;
      if (result.#packed === undefined && result.#thunk === undefined) result.#list = copyList(headers.#list);
      return result;
    };

    fromPacked = (thunk, guard = "none", origin = undefined) => {
      const headers = new Headers(privateKey);
      headers.#thunk = thunk;
      headers.#origin = origin;
      headers.#immutable = guard === "immutable";
      return headers;
    };

    fromList = (list, guard = "none") => {
      const headers = new Headers(privateKey);
      headers.#list = list;
      headers.#immutable = guard === "immutable";
      return headers;
    };
  }
}

class SortedPairs {
  constructor(headers) {
    this.headers = headers;
  }
  size() {
    return sortedOf(this.headers).length / 2;
  }
  key(i) {
    return sortedOf(this.headers)[2 * i];
  }
  value(i) {
    return sortedOf(this.headers)[2 * i + 1];
  }
}

pairIterable(Headers, "Headers", (self) => {
  if (!isHeaders(self)) illegalInvocation();
  return new SortedPairs(self);
});
configureInterface(Headers);
// A Headers that iterates as the standard says is copied without iterating: its fields stay apart.
const { entries } = Headers.prototype;
internals.expose("Headers", Headers);

internals.headers = {
  __proto__: null,
  is: isHeaders,
  /**
   * Headers that arrived. `thunk(origin)` returns them packed, when they are first needed. `guard`: "none" or
   * "immutable". `origin` also names what they came from, see `origin()`.
   */
  fromPacked,
  /** Headers from a flat list of lower-case names and valid values, which is theirs from now on. */
  fromList,
  /** `new Headers(init)`: what `init.headers` of a Request or Response means. */
  from: (init) => (isHeaders(init) && init[SymbolIterator] === entries ? copy(init) : new Headers(init)),
  /** A mutable copy, still packed when `headers` is unchanged. */
  copy: (headers) => copy(headers),
  /** The same with the same guard. */
  clone: (headers) => copy(headers, true),
  /** Everything in one string, as `fromPacked` takes it. */
  pack,
  /** The flat list; not to be changed. */
  list: listOf,
  /** Whether anything was changed since the headers (or the ones they are a copy of) arrived or were constructed. */
  isDirty,
  /** The `origin` of fromPacked() while the headers, or these copies of them, are unchanged; else undefined. */
  origin: originOf,
  /** Value of a lower-case name or null. */
  get: (headers, name) => (lacks(headers, name) ? null : getValue(listOf(headers), name)),
  has: (headers, name) => !lacks(headers, name),
  /** Sets a lower-case name to a valid value; no guard applies. */
  set: setField,
  /** Removes a lower-case name; no guard applies. */
  remove(headers, name) {
    if (!lacks(headers, name)) removeFrom(mutableListOf(headers), name, 0);
  },
};

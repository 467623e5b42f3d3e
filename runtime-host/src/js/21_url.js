"use strict";
// URL and URLSearchParams (https://url.spec.whatwg.org/#api). A URL is its serialization and the offsets of its parts;
// getters cut them out, setters ask the host for a new serialization.

const { webidl, primordials } = internals;
const {
  ArrayPrototypePush, ArrayPrototypeSort, StringPrototypeCharCodeAt, StringPrototypeIndexOf,
  StringPrototypeSlice, StringPrototypeStartsWith, SymbolIterator, TypeError, Uint32Array,
} = primordials;
const { USVString, illegalInvocation, isObject, requireArguments } = webidl;

// Where ops.urlParse and ops.urlSet leave the offsets of their result.
const offsets = new Uint32Array(8);

// Numbers of the setters in ops.urlSet.
const PROTOCOL = 0;
const USERNAME = 1;
const PASSWORD = 2;
const HOST = 3;
const HOSTNAME = 4;
const PORT = 5;
const PATHNAME = 6;
const SEARCH = 7;
const HASH = 8;

function invalidUrl(input) {
  const shown = input.length > 200 ? `${StringPrototypeSlice(input, 0, 200)}\u2026` : input;
  return new TypeError(`Invalid URL: '${shown}'`);
}

const isTuple = (protocol) =>
  protocol === "https:" || protocol === "http:" || protocol === "ws:" || protocol === "wss:" || protocol === "ftp:";

// What a URL object is made of; `searchParams` is made when asked for.
class UrlRecord {
  href;
  schemeEnd; // Before ":".
  usernameEnd;
  hostStart;
  hostEnd;
  portEnd;
  pathStart;
  pathEnd; // Before "?", or "#", or the end.
  queryEnd; // Before "#", or the end.
  searchParams = null;

  constructor(href) {
    this.update(href);
  }

  /** Takes over `href` and what ops left in `offsets`. */
  update(href) {
    this.href = href;
    this.schemeEnd = offsets[0];
    this.usernameEnd = offsets[1];
    this.hostStart = offsets[2];
    this.hostEnd = offsets[3];
    this.portEnd = offsets[4];
    this.pathStart = offsets[5];
    this.pathEnd = offsets[6];
    this.queryEnd = offsets[7];
  }

  set(part, value) {
    const href = ops.urlSet(this.href, part, value, offsets);
    if (href !== undefined) this.update(href);
  }

  cut(start, end) {
    return StringPrototypeSlice(this.href, start, end);
  }

  // "?" or "#" alone counts as empty.
  cutUnlessBare(start, end = this.href.length) {
    return end - start > 1 ? StringPrototypeSlice(this.href, start, end) : "";
  }

  origin() {
    const protocol = this.cut(0, this.schemeEnd + 1);
    if (isTuple(protocol)) return `${protocol}//${this.cut(this.hostStart, this.portEnd)}`;
    if (protocol !== "blob:") return "null";
    const inner = parse(this.cut(this.pathStart, this.pathEnd));
    const scheme = inner === null ? "" : inner.cut(0, inner.schemeEnd);
    return scheme === "http" || scheme === "https" ? inner.origin() : "null";
  }

  /** The query became `query` (without "?"), serialized by URLSearchParams. */
  setQuery(query) {
    const opaquePath = this.hostStart === this.schemeEnd + 1 && StringPrototypeCharCodeAt(this.href, this.pathStart) !== 47;
    if (opaquePath) return this.set(SEARCH, query);
    const before = this.cut(0, this.pathEnd);
    const after = this.cut(this.queryEnd);
    this.href = query === "" ? `${before}${after}` : `${before}?${query}${after}`;
    this.queryEnd = query === "" ? this.pathEnd : this.pathEnd + 1 + query.length;
  }
}

/** A UrlRecord, or null for an invalid URL. */
function parse(input, base = undefined) {
  const href = ops.urlParse(input, base, offsets);
  return href === undefined ? null : new UrlRecord(href);
}

let recordOf;
let isURL;
let fromRecord;

class URL {
  #record;

  constructor(url, base = undefined) {
    if (url === fromRecord) {
      this.#record = base;
      return;
    }
    const prefix = "Failed to construct 'URL'";
    requireArguments(arguments.length, 1, prefix);
    url = USVString(url, prefix, "parameter 1");
    if (base !== undefined) base = USVString(base, prefix, "parameter 2");
    const record = parse(url, base);
    if (record === null) throw invalidUrl(url);
    this.#record = record;
  }
  static {
    fromRecord = { __proto__: null };
    recordOf = (url) => (#record in url ? url.#record : illegalInvocation());
    isURL = (value) => isObject(value) && #record in value;
  }

  static parse(url, base = undefined) {
    const prefix = "Failed to execute 'parse' on 'URL'";
    requireArguments(arguments.length, 1, prefix);
    url = USVString(url, prefix, "parameter 1");
    if (base !== undefined) base = USVString(base, prefix, "parameter 2");
    const record = parse(url, base);
    return record === null ? null : new URL(fromRecord, record);
  }

  static canParse(url, base = undefined) {
    const prefix = "Failed to execute 'canParse' on 'URL'";
    requireArguments(arguments.length, 1, prefix);
    url = USVString(url, prefix, "parameter 1");
    if (base !== undefined) base = USVString(base, prefix, "parameter 2");
    return ops.urlCanParse(url, base);
  }

  get href() {
    return recordOf(this).href;
  }
  set href(value) {
    const record = recordOf(this);
    value = USVString(value, "Failed to set 'href' on 'URL'");
    const href = ops.urlParse(value, undefined, offsets);
    if (href === undefined) throw invalidUrl(value);
    record.update(href);
    refreshParams(record);
  }
  get origin() {
    return recordOf(this).origin();
  }
  get protocol() {
    const record = recordOf(this);
    return record.cut(0, record.schemeEnd + 1);
  }
  set protocol(value) {
    recordOf(this).set(PROTOCOL, USVString(value, "Failed to set 'protocol' on 'URL'"));
  }
  get username() {
    const record = recordOf(this);
    return record.usernameEnd > record.schemeEnd + 3 ? record.cut(record.schemeEnd + 3, record.usernameEnd) : "";
  }
  set username(value) {
    recordOf(this).set(USERNAME, USVString(value, "Failed to set 'username' on 'URL'"));
  }
  get password() {
    const record = recordOf(this);
    // Between ":" and "@".
    return record.hostStart - record.usernameEnd > 2 ? record.cut(record.usernameEnd + 1, record.hostStart - 1) : "";
  }
  set password(value) {
    recordOf(this).set(PASSWORD, USVString(value, "Failed to set 'password' on 'URL'"));
  }
  get host() {
    const record = recordOf(this);
    return record.cut(record.hostStart, record.portEnd);
  }
  set host(value) {
    recordOf(this).set(HOST, USVString(value, "Failed to set 'host' on 'URL'"));
  }
  get hostname() {
    const record = recordOf(this);
    return record.cut(record.hostStart, record.hostEnd);
  }
  set hostname(value) {
    recordOf(this).set(HOSTNAME, USVString(value, "Failed to set 'hostname' on 'URL'"));
  }
  get port() {
    const record = recordOf(this);
    return record.portEnd > record.hostEnd ? record.cut(record.hostEnd + 1, record.portEnd) : "";
  }
  set port(value) {
    recordOf(this).set(PORT, USVString(value, "Failed to set 'port' on 'URL'"));
  }
  get pathname() {
    const record = recordOf(this);
    return record.cut(record.pathStart, record.pathEnd);
  }
  set pathname(value) {
    recordOf(this).set(PATHNAME, USVString(value, "Failed to set 'pathname' on 'URL'"));
  }
  get search() {
    const record = recordOf(this);
    return record.cutUnlessBare(record.pathEnd, record.queryEnd);
  }
  set search(value) {
    const record = recordOf(this);
    record.set(SEARCH, USVString(value, "Failed to set 'search' on 'URL'"));
    refreshParams(record);
  }
  get searchParams() {
    const record = recordOf(this);
    return (record.searchParams ??= paramsOf(record));
  }
  get hash() {
    const record = recordOf(this);
    return record.cutUnlessBare(record.queryEnd);
  }
  set hash(value) {
    recordOf(this).set(HASH, USVString(value, "Failed to set 'hash' on 'URL'"));
  }
  toString() {
    return recordOf(this).href;
  }
  toJSON() {
    return recordOf(this).href;
  }
}
webidl.configureInterface(URL);

// ---- application/x-www-form-urlencoded: https://url.spec.whatwg.org/#application/x-www-form-urlencoded ----

/** The pairs of a query as a flat Array: name, value, name, value ... */
function parseForm(input) {
  const list = [];
  const { length } = input;
  let start = 0;
  while (start < length) {
    let end = StringPrototypeIndexOf(input, "&", start);
    if (end < 0) end = length;
    if (end > start) {
      const equals = StringPrototypeIndexOf(input, "=", start);
      const split = equals >= 0 && equals < end ? equals : end;
      ArrayPrototypePush(list, decodeForm(input, start, split), decodeForm(input, split + 1, end));
    }
    start = end + 1;
  }
  return list;
}

function decodeForm(input, start, end) {
  if (start >= end) return "";
  const part = StringPrototypeSlice(input, start, end);
  for (let i = 0; i < part.length; i++) {
    const unit = StringPrototypeCharCodeAt(part, i);
    if (unit === 37 || unit === 43) return ops.formDecode(part);
  }
  return part;
}

function serializeForm(list) {
  let result = "";
  for (let i = 0; i < list.length; i += 2) {
    result += `${i === 0 ? "" : "&"}${encodeForm(list[i])}=${encodeForm(list[i + 1])}`;
  }
  return result;
}

// Letters, digits and "*-._" stand for themselves.
function encodeForm(text) {
  for (let i = 0; i < text.length; i++) {
    const unit = StringPrototypeCharCodeAt(text, i);
    const plain =
      (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || (unit >= 48 && unit <= 57) ||
      unit === 42 || unit === 45 || unit === 46 || unit === 95;
    if (!plain) return ops.formEncode(text);
  }
  return text;
}

// ---- URLSearchParams ----

class ParamsState {
  #list = null;
  #query; // What `list` is parsed from when first needed.
  url; // The UrlRecord that follows the changes, or null.

  constructor(query, url) {
    this.#query = query;
    this.url = url;
  }
  get list() {
    return (this.#list ??= parseForm(this.#query));
  }
  set list(list) {
    this.#list = list;
  }
  reset(query) {
    this.#query = query;
    this.#list = null;
  }
  changed() {
    if (this.url !== null) this.url.setQuery(serializeForm(this.list));
  }
  // For webidl.pairIterable.
  size() {
    return this.list.length / 2;
  }
  key(i) {
    return this.list[2 * i];
  }
  value(i) {
    return this.list[2 * i + 1];
  }
}

const queryOf = (record) => record.cut(record.pathEnd + 1, record.queryEnd);

const paramsOf = (record) => new URLSearchParams(fromRecord, new ParamsState(queryOf(record), record));

function refreshParams(record) {
  if (record.searchParams !== null) paramsState(record.searchParams).reset(queryOf(record));
}

let paramsState;
let isSearchParams;

class URLSearchParams {
  #state;

  constructor(init = "") {
    if (init === fromRecord) {
      this.#state = arguments[1];
      return;
    }
    this.#state = new ParamsState("", null);
    const prefix = "Failed to construct 'URLSearchParams'";
    if (isObject(init)) {
      this.#state.list = listFromObject(init, prefix);
    } else {
      const query = USVString(init, prefix, "parameter 1");
      this.#state.reset(StringPrototypeStartsWith(query, "?") ? StringPrototypeSlice(query, 1) : query);
    }
  }
  static {
    paramsState = (params) => (#state in params ? params.#state : illegalInvocation());
    isSearchParams = (value) => isObject(value) && #state in value;
  }

  get size() {
    return paramsState(this).size();
  }

  append(name, value) {
    const state = paramsState(this);
    const prefix = "Failed to execute 'append' on 'URLSearchParams'";
    requireArguments(arguments.length, 2, prefix);
    name = USVString(name, prefix, "parameter 1");
    value = USVString(value, prefix, "parameter 2");
    ArrayPrototypePush(state.list, name, value);
    state.changed();
  }

  delete(name, value = undefined) {
    const state = paramsState(this);
    const prefix = "Failed to execute 'delete' on 'URLSearchParams'";
    requireArguments(arguments.length, 1, prefix);
    name = USVString(name, prefix, "parameter 1");
    if (value !== undefined) value = USVString(value, prefix, "parameter 2");
    const { list } = state;
    let kept = 0;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) continue;
      list[kept] = list[i];
      list[kept + 1] = list[i + 1];
      kept += 2;
    }
    list.length = kept;
    state.changed();
  }

  get(name) {
    const state = paramsState(this);
    const prefix = "Failed to execute 'get' on 'URLSearchParams'";
    requireArguments(arguments.length, 1, prefix);
    const at = indexOfName(state.list, USVString(name, prefix, "parameter 1"));
    return at < 0 ? null : state.list[at + 1];
  }

  getAll(name) {
    const state = paramsState(this);
    const prefix = "Failed to execute 'getAll' on 'URLSearchParams'";
    requireArguments(arguments.length, 1, prefix);
    name = USVString(name, prefix, "parameter 1");
    const { list } = state;
    const values = [];
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) ArrayPrototypePush(values, list[i + 1]);
    return values;
  }

  has(name, value = undefined) {
    const state = paramsState(this);
    const prefix = "Failed to execute 'has' on 'URLSearchParams'";
    requireArguments(arguments.length, 1, prefix);
    name = USVString(name, prefix, "parameter 1");
    if (value === undefined) return indexOfName(state.list, name) >= 0;
    value = USVString(value, prefix, "parameter 2");
    const { list } = state;
    for (let i = 0; i < list.length; i += 2) if (list[i] === name && list[i + 1] === value) return true;
    return false;
  }

  set(name, value) {
    const state = paramsState(this);
    const prefix = "Failed to execute 'set' on 'URLSearchParams'";
    requireArguments(arguments.length, 2, prefix);
    name = USVString(name, prefix, "parameter 1");
    value = USVString(value, prefix, "parameter 2");
    setPair(state.list, name, value);
    state.changed();
  }

  sort() {
    const state = paramsState(this);
    const { list } = state;
    const pairs = [];
    for (let i = 0; i < list.length; i += 2) ArrayPrototypePush(pairs, { name: list[i], value: list[i + 1] });
    // By code units, and stable.
    ArrayPrototypeSort(pairs, (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    for (let i = 0; i < pairs.length; i++) {
      list[2 * i] = pairs[i].name;
      list[2 * i + 1] = pairs[i].value;
    }
    state.changed();
  }

  toString() {
    return serializeForm(paramsState(this).list);
  }
}
webidl.pairIterable(URLSearchParams, "URLSearchParams", (params) => paramsState(params));
webidl.configureInterface(URLSearchParams);

function indexOfName(list, name) {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return i;
  return -1;
}

// The first pair of that name gets the value and the others go; without one a pair is added.
function setPair(list, name, value) {
  const first = indexOfName(list, name);
  if (first < 0) return ArrayPrototypePush(list, name, value);
  list[first + 1] = value;
  let kept = first + 2;
  for (let i = kept; i < list.length; i += 2) {
    if (list[i] === name) continue;
    list[kept] = list[i];
    list[kept + 1] = list[i + 1];
    kept += 2;
  }
  list.length = kept;
}

const toStrings = (value, prefix, context) => webidl.sequence(value, USVString, prefix, context);

function listFromObject(init, prefix) {
  const method = init[SymbolIterator];
  if (method === undefined || method === null) {
    return webidl.record(init, USVString, USVString, prefix, "parameter 1");
  }
  const pairs = webidl.sequence(init, toStrings, prefix, "parameter 1", method);
  const list = [];
  for (let i = 0; i < pairs.length; i++) {
    if (pairs[i].length !== 2) throw new TypeError(`${prefix}: parameter 1 has an entry that is not a name and a value.`);
    ArrayPrototypePush(list, pairs[i][0], pairs[i][1]);
  }
  return list;
}

internals.url = {
  __proto__: null,
  /** The serialization of a URL string, or undefined if it is not valid. */
  parseHref: (input, base = undefined) => ops.urlParse(input, base, offsets),
  /** A UrlRecord of a string, or null. */
  parse,
  isURL, isSearchParams,
  hrefOf: (url) => recordOf(url).href,
  searchParamsToString: (params) => serializeForm(paramsState(params).list),
  parseForm, serializeForm,
};
internals.expose("URL", URL);
internals.expose("URLSearchParams", URLSearchParams);

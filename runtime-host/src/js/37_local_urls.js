"use strict";
// URLs whose contents are here: data: (https://fetch.spec.whatwg.org/#data-urls) and the blob: URLs of this isolate
// (https://w3c.github.io/FileAPI/#url), and what fetch() makes of them.

const {
  Map, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, MathMax, MathMin, Number, PromiseReject, PromiseResolve, RegExpPrototypeExec, String,
  StringPrototypeCharCodeAt, StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeStartsWith,
  TypedArrayPrototypeGetByteLength, TypeError, Uint8Array, globalThis,
} = internals.primordials;
const { DOMString, defineMethod, requireArguments } = internals.webidl;

// ---- Object URLs ----

/** URL -> Blob. What a Worker forgets to revoke stays as long as its isolate, and counts as its memory. */
const blobs = new Map();

/** A URL without its fragment. */
function withoutFragment(url) {
  const hash = StringPrototypeIndexOf(url, "#");
  return hash < 0 ? url : StringPrototypeSlice(url, 0, hash);
}

const inCreate = "Failed to execute 'createObjectURL' on 'URL'";
const inRevoke = "Failed to execute 'revokeObjectURL' on 'URL'";

const statics = {
  createObjectURL(obj) {
    requireArguments(arguments.length, 1, inCreate);
    if (!internals.blob.is(obj)) throw new TypeError(`${inCreate}: parameter 1 is not of type 'Blob'.`);
    // A Worker has no origin of its own: it is opaque, and serialised as "null".
    const url = `blob:null/${ops.cryptoRandomUuid()}`;
    MapPrototypeSet(blobs, url, obj);
    return url;
  },
  revokeObjectURL(url) {
    requireArguments(arguments.length, 1, inRevoke);
    const href = internals.url.parseHref(DOMString(url, inRevoke, "parameter 1"));
    if (href !== undefined) MapPrototypeDelete(blobs, href);
  },
};
for (const name of ["createObjectURL", "revokeObjectURL"]) defineMethod(globalThis.URL, name, statics[name], true);

/** The Blob that a URL stands for now; undefined for every other URL. */
internals.objectFor = (url) =>
  StringPrototypeStartsWith(url, "blob:") ? MapPrototypeGet(blobs, withoutFragment(url)) : undefined;

// ---- data: URLs ----

const hexDigit = (unit) => {
  if (unit >= 48 && unit <= 57) return unit - 48;
  const lower = unit | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
};

/** Percent-decodes a string of ASCII. */
function percentDecode(string) {
  const bytes = new Uint8Array(string.length);
  let length = 0;
  for (let i = 0; i < string.length; i++) {
    let unit = StringPrototypeCharCodeAt(string, i);
    if (unit === 37 && i + 2 < string.length) {
      const high = hexDigit(StringPrototypeCharCodeAt(string, i + 1));
      const low = hexDigit(StringPrototypeCharCodeAt(string, i + 2));
      if (high >= 0 && low >= 0) {
        unit = high * 16 + low;
        i += 2;
      }
    }
    bytes[length++] = unit;
  }
  return internals.binary.slice(bytes, 0, length);
}

const base64Mark = /; *base64$/i;
const isWhitespace = (c) => c === " " || c === "\t" || c === "\n" || c === "\f" || c === "\r";

function trim(string) {
  let start = 0;
  let end = string.length;
  while (start < end && isWhitespace(string[start])) start++;
  while (end > start && isWhitespace(string[end - 1])) end--;
  return StringPrototypeSlice(string, start, end);
}

/** https://fetch.spec.whatwg.org/#data-url-processor: `{ type, bytes }`, or undefined. */
function processDataUrl(url) {
  const input = StringPrototypeSlice(withoutFragment(url), 5);
  const comma = StringPrototypeIndexOf(input, ",");
  if (comma < 0) return undefined;
  let type = trim(StringPrototypeSlice(input, 0, comma));
  let bytes = percentDecode(StringPrototypeSlice(input, comma + 1));
  const mark = RegExpPrototypeExec(base64Mark, type);
  if (mark !== null) {
    const decoded = ops.atob(internals.binary.toString(bytes));
    if (decoded === undefined) return undefined;
    bytes = internals.binary.fromString(decoded);
    type = StringPrototypeSlice(type, 0, mark.index);
  }
  if (type[0] === ";") type = `text/plain${type}`;
  const parsed = internals.mime.parse(type);
  return { type: parsed === undefined ? "text/plain;charset=US-ASCII" : internals.mime.serialize(parsed), bytes };
}

// ---- fetch() ----

/** https://fetch.spec.whatwg.org/#scheme-fetch for what does not lead to a network: a promise of the Response. */
internals.fetchLocal = (state) => {
  const url = withoutFragment(state.url);
  try {
    // The body is given away, as in any fetch, and nobody reads it.
    internals.body.takeRecord(state.body);
    return PromiseResolve(StringPrototypeStartsWith(url, "data:") ? fetchData(state, url) : fetchBlob(state, url));
  } catch (error) {
    return PromiseReject(error);
  }
};

function fetchData(state, url) {
  const data = processDataUrl(url);
  if (data === undefined) throw cannotLoad(url, "it is not a valid data: URL");
  const body = state.method === "HEAD" ? null : internals.body.fromBytes(data.bytes);
  return internals.response.createLocal(url, ["content-type", data.type], body);
}

function fetchBlob(state, url) {
  if (!StringPrototypeStartsWith(url, "blob:")) throw cannotLoad(url, "its scheme is not http:, https:, data: or blob:");
  // A Request holds on to the Blob that its URL stood for when it was made.
  const object = state.options?.object ?? internals.objectFor(url);
  if (object === undefined) throw cannotLoad(url, "no Blob has this URL; URL.createObjectURL() makes one, in this isolate only");
  if (state.method !== "GET") throw cannotLoad(url, "a blob: URL can only be fetched with GET");
  const bytes = internals.blob.bytes(object);
  const size = TypedArrayPrototypeGetByteLength(bytes);
  const type = internals.blob.type(object);
  const range = internals.headers.get(state.headers, "range");
  if (range === null) {
    const headers = ["content-length", String(size), "content-type", type];
    return internals.response.createLocal(url, headers, internals.body.fromShared(bytes));
  }
  const part = parseRange(range, size);
  if (part === undefined) throw cannotLoad(url, "the range is not one of bytes that the Blob has");
  const piece = internals.binary.slice(bytes, part.start, part.end + 1);
  const headers = [
    "content-length", String(part.end + 1 - part.start), "content-range", `bytes ${part.start}-${part.end}/${size}`, "content-type", type,
  ];
  return internals.response.createLocal(url, headers, internals.body.fromShared(piece), true);
}

const singleRange = /^bytes[\t ]*=[\t ]*(\d*)[\t ]*-[\t ]*(\d*)$/;

/** https://fetch.spec.whatwg.org/#simple-range-header-value of a Blob of `size` bytes: first and last byte, or undefined. */
function parseRange(value, size) {
  const match = RegExpPrototypeExec(singleRange, value);
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") return size === 0 ? undefined : { start: MathMax(size - Number(match[2]), 0), end: size - 1 };
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Number(match[2]);
  if (start > end || start >= size) return undefined;
  return { start, end: MathMin(end, size - 1) };
}

const SHOWN_URL_LENGTH = 100;

const cannotLoad = (url, why) =>
  new TypeError(
    `Fetch API cannot load ${url.length > SHOWN_URL_LENGTH ? `${StringPrototypeSlice(url, 0, SHOWN_URL_LENGTH)}\u2026` : url}: ${why}.`,
  );

"use strict";
// What Body.formData() reads: application/x-www-form-urlencoded and multipart/form-data (RFC 7578).

const {
  ArrayPrototypePush, MapPrototypeGet, RegExpPrototypeExec, StringFromCharCode, StringPrototypeCharCodeAt,
  StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeToLowerCase, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeIndexOf, TypeError, Uint8Array,
} = internals.primordials;

const CR = 13;
const LF = 10;
const DASH = 45;

// Bounds what a small body can make of itself: the entries are far larger than their bytes on the wire.
const PARTS_LIMIT = 10_000;
const PART_HEAD_LIMIT_BYTES = 16 * 1024;

/**
 * The FormData of a body with this Content-Type, or null for none. `bytes` are its own from now on. Throws a TypeError
 * when it is no form.
 */
function parse(bytes, contentType) {
  if (contentType === null) throw new TypeError("Parsing a Body as FormData requires a Content-Type header.");
  const type = internals.mime.parse(contentType);
  if (type !== undefined && type.essence === "multipart/form-data") {
    const boundary = MapPrototypeGet(type.parameters, "boundary");
    if (boundary === undefined) {
      throw new TypeError(
        "No boundary string in Content-Type header. The multipart/form-data MIME type requires a boundary " +
          "parameter, e.g. 'Content-Type: multipart/form-data; boundary=\"abcd\"'. See RFC 7578, section 4.",
      );
    }
    return internals.formData.fromEntries(parseMultipart(bytes, boundary));
  }
  if (type !== undefined && type.essence === "application/x-www-form-urlencoded") {
    return internals.formData.fromEntries(parseUrlEncoded(bytes));
  }
  throw new TypeError(
    "Unrecognized Content-Type header value. FormData can only parse the following MIME types: " +
      "multipart/form-data, application/x-www-form-urlencoded",
  );
}

function parseUrlEncoded(bytes) {
  const pairs = internals.url.parseForm(ops.utf8Decode(bytes, false, true));
  const entries = [];
  for (let i = 0; i < pairs.length; i += 2) ArrayPrototypePush(entries, { name: pairs[i], value: pairs[i + 1] });
  return entries;
}

// ---- multipart/form-data ----

function parseMultipart(bytes, boundary) {
  const delimiter = latin1Bytes(`\n--${boundary}`);
  const length = TypedArrayPrototypeGetByteLength(bytes);
  const entries = [];
  // Parts begin at line starts; the first line has no \n before it.
  let at = 0;
  while (bytes[at] === CR || bytes[at] === LF) at++;
  if (!matches(bytes, at, delimiter, 1)) {
    throw new TypeError("No initial boundary string (or you have a truncated message).");
  }
  at += delimiter.length - 1;
  for (;;) {
    if (bytes[at] === DASH && bytes[at + 1] === DASH) return entries;
    at = afterLineBreak(bytes, at);
    if (at < 0) throw new TypeError("Boundary string was not succeeded by CRLF, LF, or '--'.");
    if (entries.length === PARTS_LIMIT) throw new TypeError(`The form has more than ${PARTS_LIMIT} parts.`);
    const head = parseHead(bytes, at, length);
    const next = find(bytes, delimiter, head.end - 1);
    if (next < 0) throw new TypeError("No subsequent boundary string after multipart message.");
    const end = next > head.end && bytes[next - 1] === CR ? next - 1 : next;
    ArrayPrototypePush(entries, makeEntry(head, bytes, head.end, end < head.end ? head.end : end));
    at = next + delimiter.length;
  }
}

function makeEntry(head, bytes, start, end) {
  const body = new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + start, end - start);
  // A byte order mark is part of a value ("UTF-8 decode without BOM").
  if (head.filename === undefined) return { name: head.name, value: ops.utf8Decode(body, false, true) };
  // Files share the memory of the whole body, which is nobody else's.
  return { name: head.name, value: internals.blob.createFile({ bytes: body, type: head.type }, head.filename) };
}

/** Where the line after a line break at `at` begins; -1 when there is no line break. Spaces may come before it. */
function afterLineBreak(bytes, at) {
  while (bytes[at] === 32 || bytes[at] === 9) at++;
  if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
  return bytes[at] === LF ? at + 1 : -1;
}

/** The fields before a part's body: `{ name, filename, type, end }`. */
function parseHead(bytes, at, length) {
  const head = { name: undefined, filename: undefined, type: "text/plain", end: 0 };
  const limit = at + PART_HEAD_LIMIT_BYTES;
  let disposed = false;
  for (;;) {
    const lineEnd = TypedArrayPrototypeIndexOf(bytes, LF, at);
    if (lineEnd < 0 || lineEnd >= length) throw new TypeError("No multipart message header termination found.");
    if (lineEnd > limit) throw new TypeError(`The head of a FormData part is longer than ${PART_HEAD_LIMIT_BYTES} bytes.`);
    const line = latin1String(bytes, at, bytes[lineEnd - 1] === CR && lineEnd > at ? lineEnd - 1 : lineEnd);
    at = lineEnd + 1;
    if (line === "") break;
    const colon = StringPrototypeIndexOf(line, ":");
    if (colon <= 0) throw new TypeError("FormData part had invalid headers.");
    const name = StringPrototypeToLowerCase(StringPrototypeSlice(line, 0, colon));
    const value = StringPrototypeSlice(line, colon + 1);
    if (name === "content-disposition") {
      parseDisposition(value, head);
      disposed = true;
    } else if (name === "content-type") {
      head.type = StringPrototypeToLowerCase(trim(value));
    }
  }
  if (!disposed) throw new TypeError("No valid Content-Disposition header found in FormData part.");
  if (head.name === undefined) throw new TypeError("Content-Disposition header in FormData part is missing a name.");
  head.end = at;
  return head;
}

const dispositionType = /^[ \t]*form-data[ \t]*(?=;|$)/i;
// `;name=token` or `;name="text"`, where text has no quote but one behind a backslash.
const dispositionParameter = /[ \t]*;[ \t]*([^=; \t]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^; \t]*))[ \t]*/y;

function parseDisposition(value, head) {
  const type = RegExpPrototypeExec(dispositionType, value);
  if (type === null) {
    throw new TypeError('Content-Disposition header for FormData part must have the value "form-data".');
  }
  let at = type[0].length;
  while (at < value.length) {
    dispositionParameter.lastIndex = at;
    const match = RegExpPrototypeExec(dispositionParameter, value);
    if (match === null) throw new TypeError("Invalid Content-Disposition header found in FormData part.");
    at += match[0].length;
    const name = StringPrototypeToLowerCase(match[1]);
    if (name === "name") head.name = decodeName(match[2] ?? match[3]);
    else if (name === "filename") head.filename = decodeName(match[2] ?? match[3]);
  }
}

/** Undoes the escapes of a quoted name, which browsers write as %22, %0D and %0A, others as \". */
function decodeName(string) {
  let result = "";
  for (let i = 0; i < string.length; i++) {
    const c = string[i];
    if (c === "\\" && string[i + 1] === '"') continue;
    const escaped = c === "%" ? unescaped(string[i + 1], string[i + 2]) : undefined;
    result += escaped ?? c;
    if (escaped !== undefined) i += 2;
  }
  // A byte order mark is part of a name ("UTF-8 decode without BOM").
  return ops.utf8Decode(latin1Bytes(result), false, true);
}

function unescaped(high, low) {
  if (high === "2" && low === "2") return '"';
  if (high !== "0") return undefined;
  if (low === "A" || low === "a") return "\n";
  return low === "D" || low === "d" ? "\r" : undefined;
}

function trim(string) {
  let start = 0;
  let end = string.length;
  while (start < end && (string[start] === " " || string[start] === "\t")) start++;
  while (end > start && (string[end - 1] === " " || string[end - 1] === "\t")) end--;
  return StringPrototypeSlice(string, start, end);
}

// ---- Bytes ----

function latin1Bytes(string) {
  const bytes = new Uint8Array(string.length);
  for (let i = 0; i < string.length; i++) bytes[i] = StringPrototypeCharCodeAt(string, i);
  return bytes;
}

function latin1String(bytes, start, end) {
  let string = "";
  for (let i = start; i < end; i++) string += StringFromCharCode(bytes[i]);
  return string;
}

/** Whether `pattern` from index `from` on is at `at`. */
function matches(bytes, at, pattern, from) {
  for (let i = from; i < pattern.length; i++) if (bytes[at + i - from] !== pattern[i]) return false;
  return true;
}

function find(bytes, pattern, from) {
  for (let at = from; ; at++) {
    at = TypedArrayPrototypeIndexOf(bytes, pattern[0], at);
    if (at < 0 || matches(bytes, at, pattern, 0)) return at;
  }
}

internals.formData.parse = parse;

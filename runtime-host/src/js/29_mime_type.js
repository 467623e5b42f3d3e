"use strict";
// MIME types as Content-Type and Blob.type carry them (https://mimesniff.spec.whatwg.org/#parsing-a-mime-type).

const {
  MapPrototypeForEach, MapPrototypeHas, MapPrototypeSet, RegExpPrototypeExec, StringPrototypeIndexOf, StringPrototypeSlice,
  StringPrototypeToLowerCase, Map,
} = internals.primordials;

const notToken = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
const notQuotable = /[^\t\x20-\x7e\x80-\xff]/;
const isWhitespace = (c) => c === " " || c === "\t" || c === "\r" || c === "\n";
const isToken = (string) => string !== "" && RegExpPrototypeExec(notToken, string) === null;

function trim(string) {
  let start = 0;
  let end = string.length;
  while (start < end && isWhitespace(string[start])) start++;
  while (end > start && isWhitespace(string[end - 1])) end--;
  return start === 0 && end === string.length ? string : StringPrototypeSlice(string, start, end);
}

function trimEnd(string) {
  let end = string.length;
  while (end > 0 && isWhitespace(string[end - 1])) end--;
  return end === string.length ? string : StringPrototypeSlice(string, 0, end);
}

/** The index of the first `a` or `b` at or after `from`; the length if there is none. */
function indexOfEither(string, a, b, from) {
  let i = from;
  while (i < string.length && string[i] !== a && string[i] !== b) i++;
  return i;
}

// The value of a quoted string whose opening quote is at `at`, and where it ends.
function quoted(string, at) {
  let value = "";
  let i = at + 1;
  for (; i < string.length && string[i] !== '"'; i++) {
    if (string[i] === "\\" && i + 1 < string.length) i++;
    value += string[i];
  }
  return { value, end: i + 1 };
}

/** `{ essence, parameters: Map }`, both in lower case but for parameter values; undefined when it is no MIME type. */
function parse(input) {
  const string = trim(input);
  const slash = StringPrototypeIndexOf(string, "/");
  if (slash < 0) return undefined;
  let at = indexOfEither(string, ";", ";", slash);
  const type = StringPrototypeSlice(string, 0, slash);
  const subtype = trim(StringPrototypeSlice(string, slash + 1, at));
  if (!isToken(type) || !isToken(subtype)) return undefined;
  const parameters = new Map();
  while (at < string.length) {
    at++;
    while (isWhitespace(string[at])) at++;
    const nameEnd = indexOfEither(string, ";", "=", at);
    const name = StringPrototypeToLowerCase(StringPrototypeSlice(string, at, nameEnd));
    at = nameEnd;
    if (at >= string.length || string[at] === ";") continue;
    let value;
    if (string[at + 1] === '"') {
      const parsed = quoted(string, at + 1);
      value = parsed.value;
      at = indexOfEither(string, ";", ";", parsed.end);
    } else {
      const end = indexOfEither(string, ";", ";", at);
      value = trimEnd(StringPrototypeSlice(string, at + 1, end));
      at = end;
      if (value === "") continue;
    }
    if (isToken(name) && RegExpPrototypeExec(notQuotable, value) === null && !MapPrototypeHas(parameters, name)) {
      MapPrototypeSet(parameters, name, value);
    }
  }
  return { essence: StringPrototypeToLowerCase(`${type}/${subtype}`), parameters };
}

function serialize(type) {
  let result = type.essence;
  MapPrototypeForEach(type.parameters, (value, name) => {
    result += `;${name}=`;
    if (isToken(value)) {
      result += value;
      return;
    }
    result += '"';
    for (let i = 0; i < value.length; i++) {
      if (value[i] === '"' || value[i] === "\\") result += "\\";
      result += value[i];
    }
    result += '"';
  });
  return result;
}

internals.mime = { __proto__: null, parse, serialize };

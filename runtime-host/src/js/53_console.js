"use strict";
// console (https://console.spec.whatwg.org/): lines go to the host's log, marked with Worker and request.

const {
  ArrayIsArray, ArrayPrototypeJoin, ArrayPrototypePush, BigIntPrototypeToString, DatePrototypeToISOString, Error, JSONStringify, Map,
  MapPrototypeDelete, MapPrototypeForEach, MapPrototypeGet, MapPrototypeGetSize, MapPrototypeSet, NumberParseFloat, NumberParseInt, ObjectIs, ReflectGetOwnPropertyDescriptor,
  ReflectGetPrototypeOf, ReflectOwnKeys, RegExpPrototypeToString, SetPrototypeForEach,
  String, StringPrototypeCharCodeAt, StringPrototypeRepeat, StringPrototypeSlice, SymbolPrototypeToString, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetSymbolToStringTag,
} = internals.primordials;

const DEPTH_MAX = 3;
const ITEMS_MAX = 100;
const STRING_MAX = 10_000;

/** A value as text for a person. Runs no code of the value: getters show as such, proxies are not entered. */
function inspect(value, depth = 0, seen = []) {
  switch (typeof value) {
    case "string": return depth === 0 ? value : JSONStringify(cut(value));
    case "number": return ObjectIs(value, -0) ? "-0" : String(value);
    case "bigint": return `${BigIntPrototypeToString(value)}n`;
    case "symbol": return SymbolPrototypeToString(value);
    case "function": return `[${inspectFunctionName(value)}]`;
    case "object": return value === null ? "null" : inspectObject(value, depth, seen);
    default: return String(value);
  }
}

const cut = (text) => (text.length > STRING_MAX ? `${StringPrototypeSlice(text, 0, STRING_MAX)}\u2026` : text);

function dataProperty(object, key) {
  const descriptor = ReflectGetOwnPropertyDescriptor(object, key);
  return descriptor === undefined ? undefined : descriptor.value;
}

function inspectFunctionName(value) {
  if (ops.isProxy(value)) return "Proxy";
  const name = dataProperty(value, "name");
  return typeof name === "string" && name !== "" ? `Function: ${name}` : "Function (anonymous)";
}

function inspectObject(value, depth, seen) {
  if (ops.isProxy(value)) return "[Proxy]";
  for (let i = 0; i < seen.length; i++) if (seen[i] === value) return "[Circular]";
  const special = inspectSpecial(value);
  if (special !== undefined) return special;
  if (depth >= DEPTH_MAX) return ArrayIsArray(value) ? "[Array]" : `[${className(value)}]`;
  ArrayPrototypePush(seen, value);
  const text = inspectMembers(value, depth, seen);
  seen.length--;
  return text;
}

/** Values that show as one word; each probe throws for the wrong kind of object. */
function inspectSpecial(value) {
  if (ops.isError(value)) return inspectError(value);
  const tag = TypedArrayPrototypeGetSymbolToStringTag(value);
  if (tag !== undefined) return `${tag}(${TypedArrayPrototypeGetByteLength(value)} bytes)`;
  try {
    return DatePrototypeToISOString(value);
  } catch {
    // Not a Date, or an invalid one.
  }
  try {
    return ops.isRegExp(value) ? RegExpPrototypeToString(value) : undefined;
  } catch {
    return "[RegExp]";
  }
}

function inspectError(error) {
  let stack;
  try {
    stack = error.stack;
  } catch {
    // A getter of the Worker's that throws.
  }
  return typeof stack === "string" ? stack : "[Error]";
}

function className(value) {
  for (let at = value, i = 0; at !== null && i < 20 && !ops.isProxy(at); at = ReflectGetPrototypeOf(at), i++) {
    const constructor = dataProperty(at, "constructor");
    if (typeof constructor !== "function" || ops.isProxy(constructor)) continue;
    const name = dataProperty(constructor, "name");
    if (typeof name === "string" && name !== "") return name;
  }
  return "Object: null prototype";
}

function inspectMembers(value, depth, seen) {
  const parts = [];
  const name = className(value);
  const add = (text) => {
    if (parts.length < ITEMS_MAX) ArrayPrototypePush(parts, text);
    else if (parts.length === ITEMS_MAX) ArrayPrototypePush(parts, "\u2026");
  };
  const isArray = ArrayIsArray(value);
  if (ops.isMap(value)) {
    MapPrototypeForEach(value, (v, k) => add(`${inspect(k, depth + 1, seen)} => ${inspect(v, depth + 1, seen)}`));
  } else if (ops.isSet(value)) {
    SetPrototypeForEach(value, (v) => add(inspect(v, depth + 1, seen)));
  }
  const keys = ReflectOwnKeys(value);
  for (let i = 0; i < keys.length && parts.length <= ITEMS_MAX; i++) {
    const descriptor = ReflectGetOwnPropertyDescriptor(value, keys[i]);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    const shown = "value" in descriptor ? inspect(descriptor.value, depth + 1, seen) : "[Getter]";
    if (isArray && typeof keys[i] === "string" && isIndex(keys[i])) add(shown);
    else add(`${typeof keys[i] === "symbol" ? `[${SymbolPrototypeToString(keys[i])}]` : keys[i]}: ${shown}`);
  }
  const body = ArrayPrototypeJoin(parts, ", ");
  if (isArray) return body === "" ? "[]" : `[ ${body} ]`;
  const prefix = name === "Object" ? "" : name === "Object: null prototype" ? "[Object: null prototype] " : `${name} `;
  return body === "" ? `${prefix}{}` : `${prefix}{ ${body} }`;
}

function isIndex(key) {
  const code = StringPrototypeCharCodeAt(key, 0);
  return code >= 48 && code <= 57;
}

/** https://console.spec.whatwg.org/#formatter */
function format(args) {
  let text = "";
  let next = 0;
  if (args.length > 0 && typeof args[0] === "string") {
    const pattern = args[0];
    next = 1;
    for (let i = 0; i < pattern.length; i++) {
      if (pattern[i] !== "%" || next >= args.length || i + 1 === pattern.length) {
        if (pattern[i] === "%" && pattern[i + 1] === "%") i++;
        text += pattern[i];
        continue;
      }
      const shown = directive(pattern[i + 1], args[next]);
      if (shown === undefined) {
        if (pattern[i + 1] === "%") i++;
        text += "%";
        continue;
      }
      text += shown;
      next++;
      i++;
    }
  }
  for (; next < args.length; next++) text += (text === "" && next === 0 ? "" : " ") + inspect(args[next]);
  return text;
}

function directive(letter, value) {
  switch (letter) {
    case "s": return typeof value === "string" ? value : inspect(value, 1);
    case "d":
    case "i": return typeof value === "symbol" || typeof value === "object" ? "NaN" : String(NumberParseInt(value, 10));
    case "f": return typeof value === "symbol" || typeof value === "object" ? "NaN" : String(NumberParseFloat(value));
    case "o":
    case "O": return inspect(value, 1);
    case "c": return "";
    default: return undefined;
  }
}

let indent = 0;
const counts = new Map();
const times = new Map();

function log(level, args) {
  ops.console(level, StringPrototypeRepeat("  ", indent) + cut(format(args)));
}

const console = {
  debug(...data) { log("debug", data); },
  log(...data) { log("info", data); },
  info(...data) { log("info", data); },
  warn(...data) { log("warn", data); },
  error(...data) { log("error", data); },
  trace(...data) { log("debug", [new Error(format(data)).stack]); },
  assert(condition = false, ...data) {
    if (condition) return;
    if (typeof data[0] === "string") data[0] = `Assertion failed: ${data[0]}`;
    else log("error", ["Assertion failed", ...data]);
    if (typeof data[0] === "string") log("error", data);
  },
  dir(item) { log("info", [inspect(item, 1)]); },
  dirxml(...data) { log("info", data); },
  table(data) { log("info", [inspect(data, 1)]); },
  count(label = "default") {
    const key = `${label}`;
    const count = (MapPrototypeGet(counts, key) ?? 0) + 1;
    if (MapPrototypeGetSize(counts) < 1000) MapPrototypeSet(counts, key, count);
    log("info", [`${key}: ${count}`]);
  },
  countReset(label = "default") { MapPrototypeDelete(counts, `${label}`); },
  group(...data) {
    if (data.length > 0) log("info", data);
    if (indent < 16) indent++;
  },
  groupCollapsed(...data) { console.group(...data); },
  groupEnd() { if (indent > 0) indent--; },
  time(label = "default") { if (MapPrototypeGetSize(times) < 1000) MapPrototypeSet(times, `${label}`, ops.now()); },
  timeLog(label = "default", ...data) {
    const since = MapPrototypeGet(times, `${label}`);
    if (since !== undefined) log("info", [`${label}: ${ops.now() - since}ms`, ...data]);
  },
  timeEnd(label = "default") {
    console.timeLog(label);
    MapPrototypeDelete(times, `${label}`);
  },
  clear() {},
};

internals.inspect = inspect;
internals.expose("console", console);

"use strict";
// console (https://console.spec.whatwg.org/): lines go to the host's log, marked with Worker and request. How values
// look is in 62_inspect.js, which lines of strings alone do not need.

const {
  ArrayPrototypeJoin, ArrayPrototypeUnshift, Error, Map, MapPrototypeDelete, MapPrototypeGet, MapPrototypeGetSize,
  MapPrototypeHas, MapPrototypeSet, Object, ObjectCreate, ObjectDefineProperty, ObjectKeys, StringPrototypeIncludes,
  StringPrototypeIndexOf, StringPrototypeSlice, SymbolToStringTag,
} = internals.primordials;
const { DOMString } = internals.webidl;

// Code units of a line: the host cuts off what is longer.
const LINE_MAX = 16 * 1024;
// Groups in groups that still indent; labels that are counted and timed at the same time.
const GROUPS_MAX = 16;
const LABELS_MAX = 1000;

let indentation = "";
const counts = new Map();
const timers = new Map();

/** The text of a call's arguments. */
function format(args) {
  if (args.length === 1 && typeof args[0] === "string") return args[0];
  for (let i = 0; i < args.length; i++) {
    if (typeof args[i] !== "string" || (i === 0 && StringPrototypeIncludes(args[0], "%"))) {
      return internals.inspect.format(args);
    }
  }
  return ArrayPrototypeJoin(args, " ");
}

/** `text` with `prefix` after each line break. */
function indent(text, prefix) {
  let result = "";
  let start = 0;
  for (let at; (at = StringPrototypeIndexOf(text, "\n", start)) >= 0; start = at + 1) {
    result += StringPrototypeSlice(text, start, at + 1) + prefix;
  }
  return result + StringPrototypeSlice(text, start);
}
internals.indent = indent;

function write(level, text) {
  if (text.length > LINE_MAX) text = StringPrototypeSlice(text, 0, LINE_MAX + 1);
  if (indentation !== "") text = indentation + indent(text, indentation);
  ops.console(level, text);
}

const log = (level, args) => write(level, format(args));

function elapsed(label) {
  const since = MapPrototypeGet(timers, label);
  if (since === undefined) {
    write("warn", `No such label '${label}' for console.timeEnd() or console.timeLog()`);
    return undefined;
  }
  return internals.inspect.duration(ops.now() - since);
}

const methods = {
  assert(condition = false, ...data) {
    if (condition) return;
    if (typeof data[0] === "string") data[0] = `Assertion failed: ${data[0]}`;
    else ArrayPrototypeUnshift(data, "Assertion failed");
    log("error", data);
  },
  clear() {},
  debug(...data) {
    log("debug", data);
  },
  error(...data) {
    log("error", data);
  },
  info(...data) {
    log("info", data);
  },
  log(...data) {
    log("info", data);
  },
  table(tabularData = undefined, properties = undefined) {
    write("info", internals.inspect.table(tabularData, properties));
  },
  trace(...data) {
    const { stack } = new Error();
    const at = typeof stack === "string" ? StringPrototypeIndexOf(stack, "\n") : -1;
    const text = format(data);
    write("info", `Trace${text === "" ? "" : `: ${text}`}${at < 0 ? "" : StringPrototypeSlice(stack, at)}`);
  },
  warn(...data) {
    log("warn", data);
  },
  dir(item = undefined, options = undefined) {
    write("info", internals.inspect.inspect(item, options));
  },
  dirxml(...data) {
    log("info", data);
  },
  count(label = "default") {
    label = DOMString(label);
    const count = (MapPrototypeGet(counts, label) ?? 0) + 1;
    if (count > 1 || MapPrototypeGetSize(counts) < LABELS_MAX) MapPrototypeSet(counts, label, count);
    write("info", `${label}: ${count}`);
  },
  countReset(label = "default") {
    label = DOMString(label);
    if (!MapPrototypeDelete(counts, label)) write("warn", `Count for '${label}' does not exist`);
  },
  group(...data) {
    if (data.length > 0) log("info", data);
    if (indentation.length < 2 * GROUPS_MAX) indentation += "  ";
  },
  groupCollapsed(...data) {
    if (data.length > 0) log("info", data);
    if (indentation.length < 2 * GROUPS_MAX) indentation += "  ";
  },
  groupEnd() {
    indentation = StringPrototypeSlice(indentation, 2);
  },
  time(label = "default") {
    label = DOMString(label);
    if (MapPrototypeHas(timers, label)) return write("warn", `Label '${label}' already exists for console.time()`);
    if (MapPrototypeGetSize(timers) < LABELS_MAX) MapPrototypeSet(timers, label, ops.now());
    return undefined;
  },
  timeLog(label = "default", ...data) {
    label = DOMString(label);
    const time = elapsed(label);
    if (time === undefined) return;
    // An empty first string, so that no other one is taken for a format.
    ArrayPrototypeUnshift(data, "");
    write("info", `${label}: ${time}${data.length === 1 ? "" : internals.inspect.format(data)}`);
  },
  timeEnd(label = "default") {
    label = DOMString(label);
    const time = elapsed(label);
    if (time !== undefined) write("info", `${label}: ${time}`);
    MapPrototypeDelete(timers, label);
  },
};

// A namespace object: its prototype is an empty object.
const console = ObjectCreate(ObjectCreate(Object.prototype));
const names = ObjectKeys(methods);
for (let i = 0; i < names.length; i++) console[names[i]] = methods[names[i]];
ObjectDefineProperty(console, SymbolToStringTag, { __proto__: null, value: "console", configurable: true });
internals.expose("console", console);

"use strict";
// Values as text for a person, in the form that Node.js' util.inspect made known. No code of the value runs: getters show
// as such, proxies show their target; only an error's `stack` is read. Width, depth and the length of the whole are bounded.

// The engine's own functions that are not primordials, from before any Worker ran.
const nextOfMap = new Map()[Symbol.iterator]().next;
const nextOfSet = new Set()[Symbol.iterator]().next;
const getterOf = (key) => Reflect.getOwnPropertyDescriptor(internals.DOMException.prototype, key).get;
const getExceptionName = getterOf("name");
const getExceptionMessage = getterOf("message");

/** Everything below, made when the first value is shown. */
function makeInspector() {
  const {
    ArrayBufferPrototypeGetByteLength, ArrayPrototypeIndexOf, ArrayPrototypePop, ArrayPrototypePush,
    BigIntPrototypeToString, BigIntPrototypeValueOf, BooleanPrototypeValueOf, DataViewPrototypeGetBuffer,
    DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset, DatePrototypeGetTime, DatePrototypeToISOString,
    FunctionPrototypeToString, Map, MapPrototypeEntries, MapPrototypeGet, MapPrototypeGetSize, MapPrototypeSet, MathMin,
    NumberPrototypeToString, NumberPrototypeValueOf, ObjectGetPrototypeOf, ObjectHasOwn, ObjectIs,
    ReflectGetOwnPropertyDescriptor, RegExpPrototypeExec, RegExpPrototypeGetFlags, RegExpPrototypeGetSource,
    SetPrototypeGetSize, SetPrototypeValues, String, StringPrototypeCharCodeAt, StringPrototypeIncludes,
    StringPrototypeIndexOf, StringPrototypePadStart, StringPrototypeSlice, StringPrototypeStartsWith,
    StringPrototypeToUpperCase, StringPrototypeValueOf, SymbolPrototypeToString, SymbolPrototypeValueOf,
    SymbolToStringTag, TypedArrayPrototypeGetLength, TypedArrayPrototypeGetSymbolToStringTag, Uint8Array, uncurryThis,
  } = internals.primordials;
  const mapIteratorNext = uncurryThis(nextOfMap);
  const setIteratorNext = uncurryThis(nextOfSet);
  const exceptionName = uncurryThis(getExceptionName);
  const exceptionMessage = uncurryThis(getExceptionMessage);

  // What ops.inspectKind answers.
  const ARRAY = 1;
  const DATE = 2;
  const REG_EXP = 3;
  const MAP = 4;
  const SET = 5;
  const ARRAY_BUFFER = 6;
  const SHARED_ARRAY_BUFFER = 7;
  const VIEW = 8;
  const ERROR = 9;
  const BOOLEAN = 10;
  const NUMBER = 11;
  const STRING = 12;
  const BIG_INT = 13;
  const SYMBOL = 14;
  const PROXY = 16;
  const FUNCTION = 17;
  const ASYNC_FUNCTION = 18;
  const GENERATOR_FUNCTION = 19;
  const PROMISE = 20;
  const WEAK_MAP = 21;
  const WEAK_SET = 22;
  const MAP_ITERATOR = 23;
  const SET_ITERATOR = 24;
  const MODULE_NAMESPACE = 25;
  const ARGUMENTS = 26;
  const ASYNC_GENERATOR_FUNCTION = 27;

  const DEPTH = 2;
  const DEPTH_MAX = 100;
  const ITEMS_MAX = 100;
  const STRING_MAX = 10_000;
  const BYTES_MAX = 50;
  // Holes of an array that are walked over.
  const HOLES_MAX = 10_000;
  // Code units of all leaves together; what comes after is left out.
  const TEXT_MAX = 16 * 1024;
  const LINE_WIDTH = 80;

  class Context {
    depth;
    room = TEXT_MAX;
    seen = [];
    circular = null;
    indentation = 0;
    level = 0;
    constructor(depth) {
      this.depth = depth;
    }
  }

  // ---- Leaves ----

  const IDENTIFIER = /^[a-zA-Z_$][a-zA-Z_$0-9]*$/;
  const NEEDS_ESCAPE = /[\x00-\x1f\x27\x5c\x7f-\x9f\ud800-\udfff]/;
  const isIdentifier = (key) => RegExpPrototypeExec(IDENTIFIER, key) !== null;

  const hex = (code, digits) => StringPrototypePadStart(NumberPrototypeToString(code, 16), digits, "0");

  function escapeUnit(text, i, quote) {
    const code = StringPrototypeCharCodeAt(text, i);
    switch (code) {
      case 8: return "\\b";
      case 9: return "\\t";
      case 10: return "\\n";
      case 12: return "\\f";
      case 13: return "\\r";
      case 92: return "\\\\";
      default:
    }
    if (code < 32 || (code >= 127 && code < 160)) return `\\x${StringPrototypeToUpperCase(hex(code, 2))}`;
    if (code >= 0xd800 && code <= 0xdfff) {
      const other = code < 0xdc00 ? StringPrototypeCharCodeAt(text, i + 1) : StringPrototypeCharCodeAt(text, i - 1);
      const paired = code < 0xdc00 ? other >= 0xdc00 && other <= 0xdfff : other >= 0xd800 && other <= 0xdbff;
      return paired ? text[i] : `\\u${hex(code, 4)}`;
    }
    return text[i] === quote ? `\\${quote}` : text[i];
  }

  /** A string in quotes, those that need no escapes if there are such. */
  function quote(text) {
    if (RegExpPrototypeExec(NEEDS_ESCAPE, text) === null) return `'${text}'`;
    let mark = "'";
    if (StringPrototypeIncludes(text, "'")) {
      if (!StringPrototypeIncludes(text, '"')) mark = '"';
      else if (!StringPrototypeIncludes(text, "`") && !StringPrototypeIncludes(text, "${")) mark = "`";
    }
    let result = mark;
    for (let i = 0; i < text.length; i++) result += escapeUnit(text, i, mark);
    return result + mark;
  }

  function formatString(ctx, value) {
    const rest = value.length - STRING_MAX;
    if (rest > 0) value = StringPrototypeSlice(value, 0, STRING_MAX);
    const more = rest > 0 ? `... ${rest} more character${rest > 1 ? "s" : ""}` : "";
    if (value.length <= 16 || value.length <= LINE_WIDTH - ctx.indentation - 4) return leaf(ctx, quote(value) + more);
    // A long text of several lines shows as several strings.
    let text = "";
    let start = 0;
    for (let at; (at = StringPrototypeIndexOf(value, "\n", start)) >= 0 && at + 1 < value.length; start = at + 1) {
      text += `${quote(StringPrototypeSlice(value, start, at + 1))} +\n${spaces(ctx.indentation + 2)}`;
    }
    return leaf(ctx, text + quote(StringPrototypeSlice(value, start)) + more);
  }

  const formatNumber = (value) => (ObjectIs(value, -0) ? "-0" : String(value));

  function formatPrimitive(ctx, value) {
    switch (typeof value) {
      case "string": return formatString(ctx, value);
      case "number": return leaf(ctx, formatNumber(value));
      case "bigint": return leaf(ctx, `${BigIntPrototypeToString(value)}n`);
      case "symbol": return leaf(ctx, SymbolPrototypeToString(value));
      default: return leaf(ctx, String(value));
    }
  }

  function leaf(ctx, text) {
    ctx.room -= text.length;
    return text;
  }

  function spaces(count) {
    let text = "";
    for (let i = 0; i < count; i++) text += " ";
    return text;
  }

  // ---- What objects are called ----

  /** The value of an own data property, without running a getter. */
  function dataProperty(object, key) {
    const descriptor = ReflectGetOwnPropertyDescriptor(object, key);
    return descriptor !== undefined && ObjectHasOwn(descriptor, "value") ? descriptor.value : undefined;
  }

  /** Calls `look(object)` for an object and its prototypes until it gives something. */
  function alongPrototypes(object, look) {
    for (let i = 0; object !== null && i < DEPTH_MAX && !ops.isProxy(object); i++) {
      const found = look(object);
      if (found !== undefined) return found;
      object = ObjectGetPrototypeOf(object);
    }
    return undefined;
  }

  const nameOfConstructor = (object) => {
    const constructor = dataProperty(object, "constructor");
    if (typeof constructor !== "function" || ops.isProxy(constructor)) return undefined;
    const name = dataProperty(constructor, "name");
    return typeof name === "string" && name !== "" ? name : undefined;
  };
  const ownTag = (object) => {
    const tag = dataProperty(object, SymbolToStringTag);
    return typeof tag === "string" ? tag : undefined;
  };

  const constructorName = (value) => alongPrototypes(value, nameOfConstructor) ?? null;

  function tagOf(value, name) {
    // As an enumerable property of its own it shows anyway.
    const own = ReflectGetOwnPropertyDescriptor(value, SymbolToStringTag);
    const tag = own !== undefined && own.enumerable ? "" : alongPrototypes(value, ownTag);
    return tag === undefined || tag === "" || tag === name ? "" : tag;
  }

  function prefix(name, tag, fallback, size = "") {
    const shown = name === null ? `[${fallback}${size}: null prototype]` : `${name}${size}`;
    return tag === "" ? `${shown} ` : `${shown} [${tag}] `;
  }

  const FUNCTIONS = {
    __proto__: null,
    [FUNCTION]: "Function", [ASYNC_FUNCTION]: "AsyncFunction", [GENERATOR_FUNCTION]: "GeneratorFunction",
    [ASYNC_GENERATOR_FUNCTION]: "AsyncGeneratorFunction",
  };

  function functionText(value, kind) {
    const own = dataProperty(value, "name");
    const name = typeof own === "string" ? own : "";
    if (kind === FUNCTION && StringPrototypeStartsWith(FunctionPrototypeToString(value), "class")) {
      const parent = ObjectGetPrototypeOf(value);
      let text = `[class ${name === "" ? "(anonymous)" : name}`;
      if (parent === null) text += " extends null";
      else if (!ops.isProxy(parent)) {
        const parentName = dataProperty(parent, "name");
        if (typeof parentName === "string" && parentName !== "") text += ` extends ${parentName}`;
      }
      return `${text}]`;
    }
    return name === "" ? `[${FUNCTIONS[kind]} (anonymous)]` : `[${FUNCTIONS[kind]}: ${name}]`;
  }

  // ---- Objects ----

  function formatValue(ctx, value, level) {
    if ((typeof value !== "object" || value === null) && typeof value !== "function") return formatPrimitive(ctx, value);
    if (ctx.room <= 0) return "...";
    let kind = ops.inspectKind(value);
    for (let i = 0; kind === PROXY; i++) {
      value = ops.proxyTarget(value);
      if (value === null || i === DEPTH_MAX) return leaf(ctx, "<Revoked Proxy>");
      kind = ops.inspectKind(value);
    }
    if (ArrayPrototypeIndexOf(ctx.seen, value) >= 0) return leaf(ctx, `[Circular *${circularNumber(ctx, value)}]`);
    return formatObject(ctx, value, kind, level);
  }

  function circularNumber(ctx, value) {
    ctx.circular ??= new Map();
    let number = MapPrototypeGet(ctx.circular, value);
    if (number === undefined) {
      number = MapPrototypeGetSize(ctx.circular) + 1;
      MapPrototypeSet(ctx.circular, value, number);
    }
    return number;
  }

  // How an object is shown: `base` alone when nothing else is there, else open, items and properties, close.
  class Shape {
    base = "";
    open = "{";
    close = "}";
    isList = false;
    items = null; // (ctx, output) adds what is inside besides properties.
    keys;
    empty = undefined; // The text when there are neither items nor properties.
  }

  function formatObject(ctx, value, kind, level) {
    const shape = shapeOf(ctx, value, kind);
    if (shape.items === null && shape.keys.length === 0) {
      return leaf(ctx, shape.base === "" ? `${shape.open}${shape.close}` : shape.base);
    }
    if (level > ctx.depth) return leaf(ctx, `[${kind === ARRAY ? "Array" : shortName(value)}]`);
    ArrayPrototypePush(ctx.seen, value);
    ctx.level = level;
    const output = [];
    if (shape.items !== null) shape.items(ctx, output, level);
    for (let i = 0; i < shape.keys.length; i++) {
      if (i === ITEMS_MAX * 10 || ctx.room <= 0) {
        ArrayPrototypePush(output, `... ${shape.keys.length - i} more properties`);
        break;
      }
      ArrayPrototypePush(output, formatProperty(ctx, value, shape.keys[i], level));
    }
    ArrayPrototypePop(ctx.seen);
    const number = ctx.circular === null ? undefined : MapPrototypeGet(ctx.circular, value);
    if (number !== undefined) shape.base = shape.base === "" ? `<ref *${number}>` : `<ref *${number}> ${shape.base}`;
    return internals.inspect.layout(ctx, output, shape, value);
  }

  function shortName(value) {
    const name = constructorName(value);
    const tag = tagOf(value, name ?? "Object");
    const text = prefix(name, tag, "Object");
    return StringPrototypeSlice(text, 0, text.length - 1);
  }

  function shapeOf(ctx, value, kind) {
    const shape = new Shape();
    const name = constructorName(value);
    const tag = tagOf(value, name);
    shape.keys = ops.ownKeys(value, kind === ARRAY || kind === VIEW || kind === STRING || kind === ARGUMENTS);
    switch (kind) {
      case ARRAY:
        listShape(shape, name === "Array" && tag === "" ? "" : prefix(name, tag, "Array", `(${value.length})`), value);
        break;
      case ARGUMENTS:
        listShape(shape, "[Arguments] ", value);
        break;
      case VIEW:
        viewShape(shape, value, name);
        break;
      case MAP: {
        const size = MapPrototypeGetSize(value);
        shape.open = `${prefix(name, tag, "Map", `(${size})`)}{`;
        if (size > 0) shape.items = (at, output, level) => mapItems(at, output, level, value, size);
        break;
      }
      case SET: {
        const size = SetPrototypeGetSize(value);
        shape.open = `${prefix(name, tag, "Set", `(${size})`)}{`;
        if (size > 0) shape.items = (at, output, level) => setItems(at, output, level, value, size);
        break;
      }
      case MAP_ITERATOR:
      case SET_ITERATOR:
        iteratorShape(shape, value, kind === MAP_ITERATOR ? "Map" : "Set");
        break;
      case FUNCTION:
      case ASYNC_FUNCTION:
      case GENERATOR_FUNCTION:
      case ASYNC_GENERATOR_FUNCTION:
        shape.base = functionText(value, kind);
        break;
      case REG_EXP:
        shape.base = regExpText(value);
        break;
      case DATE:
        shape.base = dateText(value);
        break;
      case ERROR:
        errorShape(ctx, shape, value);
        break;
      case ARRAY_BUFFER:
      case SHARED_ARRAY_BUFFER:
        shape.open = `${prefix(name, "", kind === ARRAY_BUFFER ? "ArrayBuffer" : "SharedArrayBuffer")}{`;
        shape.items = (at, output) => bufferItems(at, output, value);
        break;
      case PROMISE:
        shape.open = `${prefix(name, tag === "Promise" ? "" : tag, "Promise")}{`;
        shape.items = (at, output, level) => promiseItems(at, output, level, value);
        break;
      case WEAK_MAP:
      case WEAK_SET:
        shape.open = `${prefix(name, "", kind === WEAK_MAP ? "WeakMap" : "WeakSet")}{`;
        shape.items = (at, output) => void ArrayPrototypePush(output, leaf(at, "<items unknown>"));
        break;
      case MODULE_NAMESPACE:
        shape.open = "[Module: null prototype] {";
        break;
      case BOOLEAN:
      case NUMBER:
      case STRING:
      case BIG_INT:
      case SYMBOL:
        shape.base = boxedText(ctx, value, kind, name);
        break;
      default:
        objectShape(shape, value, name, tag);
    }
    return shape;
  }

  function objectShape(shape, value, name, tag) {
    shape.open = name === "Object" && tag === "" ? "{" : `${prefix(name, tag, "Object")}{`;
    const shown = internals.inspectable.membersOf(value);
    if (shown === undefined) return;
    // Accessors of its own, such as isTrusted, are part of the interface too.
    const keys = [];
    for (let i = 0; i < shape.keys.length; i++) {
      const descriptor = ReflectGetOwnPropertyDescriptor(value, shape.keys[i]);
      if (descriptor !== undefined && ObjectHasOwn(descriptor, "value")) ArrayPrototypePush(keys, shape.keys[i]);
    }
    shape.keys = keys;
    if (shown.length === 0) return;
    shape.items = (ctx, output, level) => {
      for (let i = 0; i < shown.length; i += 2) {
        ArrayPrototypePush(output, `${keyText(shown[i])}: ${nested(ctx, shown[i + 1], level)}`);
      }
    };
  }

  /** A member's value, two columns further in. */
  function nested(ctx, value, level) {
    ctx.indentation += 2;
    const text = formatValue(ctx, value, level + 1);
    ctx.indentation -= 2;
    return text;
  }

  const keyText = (key) => (key === "__proto__" ? "['__proto__']" : isIdentifier(key) ? key : quote(key));
  const accessorText = ({ get, set }) => (set === undefined ? "[Getter]" : get === undefined ? "[Setter]" : "[Getter/Setter]");

  function formatProperty(ctx, value, key, level) {
    const name = typeof key === "symbol" ? `[${SymbolPrototypeToString(key)}]` : keyText(key);
    const descriptor = ReflectGetOwnPropertyDescriptor(value, key);
    leaf(ctx, name);
    if (descriptor === undefined) return `${name}: undefined`;
    if (ObjectHasOwn(descriptor, "value")) {
      const shown = descriptor.enumerable ? name : `[${name}]`;
      return `${shown}: ${nested(ctx, descriptor.value, level)}`;
    }
    return `${name}: ${accessorText(descriptor)}`;
  }

  // ---- Kinds ----

  function more(output, count, noun = "item") {
    if (count > 0) ArrayPrototypePush(output, `... ${count} more ${noun}${count > 1 ? "s" : ""}`);
  }

  function listShape(shape, opening, value) {
    const length = dataProperty(value, "length");
    shape.open = `${opening}[`;
    shape.close = "]";
    shape.isList = true;
    if (typeof length === "number" && length > 0) {
      shape.items = (ctx, output, level) => listItems(ctx, output, level, value, length);
    }
  }

  function listItems(ctx, output, level, value, length) {
    let shown = 0;
    let holes = 0;
    let i = 0;
    for (; i < length && shown < ITEMS_MAX && ctx.room > 0; i++, shown++) {
      const first = i;
      while (i < length && holes < HOLES_MAX && !ObjectHasOwn(value, i)) {
        i++;
        holes++;
      }
      if (i > first) {
        ArrayPrototypePush(output, leaf(ctx, `<${i - first} empty item${i - first > 1 ? "s" : ""}>`));
        // What ended the holes is the next to show, or there is nothing, or nobody looks any further.
        if (holes === HOLES_MAX) break;
        i--;
        continue;
      }
      const descriptor = ReflectGetOwnPropertyDescriptor(value, i);
      if (descriptor === undefined || ObjectHasOwn(descriptor, "value")) {
        ArrayPrototypePush(output, nested(ctx, descriptor?.value, level));
      } else {
        ArrayPrototypePush(output, accessorText(descriptor));
      }
    }
    more(output, length - i);
  }

  function viewShape(shape, value, name) {
    const type = TypedArrayPrototypeGetSymbolToStringTag(value);
    if (type === undefined) {
      shape.open = `${prefix(name, "", "DataView")}{`;
      shape.items = (ctx, output, level) => {
        let length;
        let offset;
        try {
          length = DataViewPrototypeGetByteLength(value);
          offset = DataViewPrototypeGetByteOffset(value);
        } catch {
          // Of a buffer that was detached or became too small.
        }
        ArrayPrototypePush(output, `byteLength: ${nested(ctx, length, level)}`, `byteOffset: ${nested(ctx, offset, level)}`);
        ArrayPrototypePush(output, `buffer: ${nested(ctx, DataViewPrototypeGetBuffer(value), level)}`);
      };
      return;
    }
    const length = TypedArrayPrototypeGetLength(value);
    shape.open = `${prefix(name, "", type, `(${length})`)}[`;
    shape.close = "]";
    shape.isList = true;
    if (length === 0) return;
    shape.items = (ctx, output) => {
      const shown = MathMin(length, ITEMS_MAX);
      for (let i = 0; i < shown; i++) ArrayPrototypePush(output, formatPrimitive(ctx, value[i]));
      more(output, length - shown);
    };
  }

  function mapItems(ctx, output, level, value, size) {
    const iterator = MapPrototypeEntries(value);
    let shown = 0;
    for (; shown < ITEMS_MAX && ctx.room > 0; shown++) {
      const next = mapIteratorNext(iterator);
      if (next.done) break;
      ArrayPrototypePush(output, `${nested(ctx, next.value[0], level)} => ${nested(ctx, next.value[1], level)}`);
    }
    more(output, size - shown);
  }

  function setItems(ctx, output, level, value, size) {
    const iterator = SetPrototypeValues(value);
    let shown = 0;
    for (; shown < ITEMS_MAX && ctx.room > 0; shown++) {
      const next = setIteratorNext(iterator);
      if (next.done) break;
      ArrayPrototypePush(output, nested(ctx, next.value, level));
    }
    more(output, size - shown);
  }

  function iteratorShape(shape, value, name) {
    // How many values there are, whether they are pairs, and the first of them.
    const entries = ops.previewEntries(value, ITEMS_MAX);
    const size = entries[0];
    const pairs = entries[1];
    shape.open = `[${name} ${pairs ? "Entries" : "Iterator"}] {`;
    shape.items = (ctx, output, level) => {
      const step = pairs ? 2 : 1;
      const end = MathMin(entries.length, 2 + step * ITEMS_MAX);
      for (let i = 2; i < end; i += step) {
        const shown = nested(ctx, entries[i], level);
        ArrayPrototypePush(output, pairs ? `[ ${shown}, ${nested(ctx, entries[i + 1], level)} ]` : shown);
      }
      more(output, (size - end + 2) / step);
    };
  }

  function bufferItems(ctx, output, value) {
    // By an op: a SharedArrayBuffer's length is no primordial.
    const length = ops.objectKind(value) === ARRAY_BUFFER ? ArrayBufferPrototypeGetByteLength(value) : undefined;
    const bytes = new Uint8Array(value);
    const size = length ?? TypedArrayPrototypeGetLength(bytes);
    let text = "";
    for (let i = 0; i < size && i < BYTES_MAX; i++) text += (i === 0 ? "" : " ") + hex(bytes[i], 2);
    if (size > BYTES_MAX) text += ` ... ${size - BYTES_MAX} more byte${size - BYTES_MAX > 1 ? "s" : ""}`;
    ArrayPrototypePush(output, leaf(ctx, `[Uint8Contents]: <${text}>`), leaf(ctx, `byteLength: ${size}`));
  }

  function promiseItems(ctx, output, level, value) {
    const state = ops.promiseState(value);
    if (state === 0) return void ArrayPrototypePush(output, leaf(ctx, "<pending>"));
    const result = nested(ctx, ops.promiseResult(value), level);
    ArrayPrototypePush(output, state === 2 ? `<rejected> ${result}` : result);
  }

  function dateText(value) {
    const time = DatePrototypeGetTime(value);
    return time === time ? DatePrototypeToISOString(value) : "Invalid Date";
  }

  function regExpText(value) {
    try {
      return `/${RegExpPrototypeGetSource(value)}/${RegExpPrototypeGetFlags(value)}`;
    } catch {
      // The flags accessor reads properties that a Worker may have shadowed.
      return `/${RegExpPrototypeGetSource(value)}/`;
    }
  }

  const BOXES = {
    __proto__: null,
    [BOOLEAN]: { type: "Boolean", valueOf: BooleanPrototypeValueOf },
    [NUMBER]: { type: "Number", valueOf: NumberPrototypeValueOf },
    [STRING]: { type: "String", valueOf: StringPrototypeValueOf },
    [BIG_INT]: { type: "BigInt", valueOf: BigIntPrototypeValueOf },
    [SYMBOL]: { type: "Symbol", valueOf: SymbolPrototypeValueOf },
  };

  function boxedText(ctx, value, kind, name) {
    const { type, valueOf } = BOXES[kind];
    const shown = valueOf(value);
    return `[${type}${name === type || name === null ? "" : ` (${name})`}: ${formatPrimitive(ctx, shown)}]`;
  }

  function errorShape(ctx, shape, error) {
    let stack;
    try {
      stack = error.stack;
    } catch {
      // A getter of the Worker's that throws.
    }
    const isException = internals.isDOMException(error);
    if (typeof stack !== "string" || stack === "") stack = headOf(error, isException);
    else if (isException) {
      const at = StringPrototypeIndexOf(stack, "\n    at ");
      stack = headOf(error, true) + (at < 0 ? "" : StringPrototypeSlice(stack, at));
    }
    stack = withoutFramesOfTheHost(stack);
    if (stack.length > STRING_MAX) stack = `${StringPrototypeSlice(stack, 0, STRING_MAX)}...`;
    if (!StringPrototypeIncludes(stack, "\n    at ")) stack = `[${stack}]`;
    shape.base = ctx.indentation === 0 ? stack : internals.indent(stack, spaces(ctx.indentation));
    const keys = [];
    for (let i = 0; i < shape.keys.length; i++) {
      const key = shape.keys[i];
      if (key !== "stack" && key !== "message" && key !== "name") ArrayPrototypePush(keys, key);
    }
    addHidden(keys, error, "cause");
    addHidden(keys, error, "errors");
    shape.keys = keys;
  }

  const isFrameOfTheHost = (line) =>
    StringPrototypeStartsWith(line, "    at ") &&
    (StringPrototypeIncludes(line, "(nano:") || StringPrototypeStartsWith(line, "    at nano:"));

  function withoutFramesOfTheHost(stack) {
    if (!StringPrototypeIncludes(stack, "nano:")) return stack;
    let text = "";
    for (let start = 0, end; start < stack.length; start = end) {
      const at = StringPrototypeIndexOf(stack, "\n", start + 1);
      end = at < 0 ? stack.length : at;
      const line = StringPrototypeSlice(stack, start, end);
      if (!isFrameOfTheHost(start === 0 ? line : StringPrototypeSlice(line, 1))) text += line;
    }
    return text;
  }

  function addHidden(keys, error, key) {
    const descriptor = ReflectGetOwnPropertyDescriptor(error, key);
    if (descriptor !== undefined && !descriptor.enumerable) ArrayPrototypePush(keys, key);
  }

  function headOf(error, isException) {
    if (isException) return `DOMException [${exceptionName(error)}]: ${exceptionMessage(error)}`;
    const look = (key) => alongPrototypes(error, (object) => dataProperty(object, key));
    const name = look("name");
    const message = look("message");
    const shown = typeof name === "string" ? name : "Error";
    return typeof message === "string" && message !== "" ? `${shown}: ${message}` : shown;
  }

  return {
    __proto__: null,
    Context, DEPTH, DEPTH_MAX, ITEMS_MAX,
    formatValue, formatNumber, quote, spaces, alongPrototypes, dataProperty, constructorName,
  };
}

let made;
internals.inspector = () => (made ??= makeInspector());

"use strict";
// How the parts of an inspected value stand on lines, and what console makes of its arguments: format strings, tables,
// durations.

const nextOfMap = new Map()[Symbol.iterator]().next;
const nextOfSet = new Set()[Symbol.iterator]().next;

/** Everything below, made when the first value is shown. */
function makeInspect() {
  const {
    ArrayIsArray, ArrayPrototypeIndexOf, ArrayPrototypeJoin, ArrayPrototypePush, BigIntPrototypeToString,
    FunctionPrototypeToString, JSONStringify, Map, MapPrototypeEntries, MapPrototypeGet, MapPrototypeGetSize,
    MapPrototypeSet, MathFloor, MathMax, MathMin, MathRound, MathSqrt, Number, NumberParseFloat, NumberParseInt,
    NumberPrototypeToFixed, ObjectHasOwn, ReflectGetOwnPropertyDescriptor, SetPrototypeValues, String,
    StringPrototypeIncludes, StringPrototypePadEnd, StringPrototypePadStart, StringPrototypeRepeat,
    StringPrototypeSlice, uncurryThis,
  } = internals.primordials;
  const { webidl } = internals;
  const {
    Context, DEPTH, DEPTH_MAX, ITEMS_MAX, formatValue, formatNumber, spaces, alongPrototypes, dataProperty,
  } = internals.inspector();
  const mapIteratorNext = uncurryThis(nextOfMap);
  const setIteratorNext = uncurryThis(nextOfSet);

  const LINE_WIDTH = 80;
  // Objects with at most so many levels of others inside stand on one line when they fit.
  const LEVELS_ON_A_LINE = 3;
  // Lists of more items than this stand in columns.
  const COLUMNS_FROM = 7;
  const COLUMNS_MAX = 15;

  // ---- Lines ----

  function layout(ctx, output, shape, value) {
    const { base, open, close } = shape;
    const start = base === "" ? open : `${base} ${open}`;
    if (output.length === 0) return `${start}${close}`;
    let rows = output;
    if (shape.isList && output.length >= COLUMNS_FROM) rows = inColumns(ctx, output, value);
    if (ctx.level - ctx.seen.length < LEVELS_ON_A_LINE && rows === output) {
      const text = onOneLine(ctx, output, base, open);
      if (text !== undefined) return `${start} ${text} ${close}`;
    }
    const line = `\n${spaces(ctx.indentation)}`;
    return `${start}${line}  ${ArrayPrototypeJoin(rows, `,${line}  `)}${line}${close}`;
  }

  function onOneLine(ctx, output, base, open) {
    let length = output.length * 2 + ctx.indentation + open.length + base.length + 10;
    for (let i = 0; i < output.length; i++) {
      length += output[i].length;
      if (length > LINE_WIDTH || StringPrototypeIncludes(output[i], "\n")) return undefined;
    }
    return StringPrototypeIncludes(base, "\n") ? undefined : ArrayPrototypeJoin(output, ", ");
  }

  /** The rows of a list whose items stand in columns; the same array when they are too long for that. */
  function inColumns(ctx, output, value) {
    // The last entry of a list that was cut off tells how much is missing: it stays apart.
    const last = output[output.length - 1];
    const count = output.length - (StringPrototypeSlice(last, 0, 4) === "... " ? 1 : 0);
    let total = 0;
    let widest = 0;
    for (let i = 0; i < count; i++) {
      if (StringPrototypeIncludes(output[i], "\n")) return output;
      total += output[i].length + 2;
      widest = MathMax(widest, output[i].length);
    }
    const width = widest + 2;
    if (width * 3 + ctx.indentation >= LINE_WIDTH || (total / width <= 5 && widest > 6)) return output;
    // About two and a half times as wide as high, as far as the differences in length allow.
    const usual = MathMax(width - 3 - MathSqrt(width - total / output.length), 1);
    const columns = MathMin(
      MathRound(MathSqrt(2.5 * usual * count) / usual),
      MathFloor((LINE_WIDTH - ctx.indentation) / width),
      4 * LEVELS_ON_A_LINE,
      COLUMNS_MAX,
    );
    if (columns <= 1) return output;
    const toTheRight = isNumeric(value, count);
    const widths = [];
    for (let column = 0; column < columns; column++) {
      let most = 0;
      for (let i = column; i < count; i += columns) most = MathMax(most, output[i].length + 2);
      ArrayPrototypePush(widths, most);
    }
    const rows = [];
    for (let first = 0; first < count; first += columns) {
      const end = MathMin(first + columns, count);
      let row = "";
      for (let i = first; i < end - 1; i++) {
        const cell = `${output[i]}, `;
        row += toTheRight ? StringPrototypePadStart(cell, widths[i - first]) : StringPrototypePadEnd(cell, widths[i - first]);
      }
      row += toTheRight ? StringPrototypePadStart(output[end - 1], widths[end - 1 - first] - 2) : output[end - 1];
      ArrayPrototypePush(rows, row);
    }
    if (count < output.length) ArrayPrototypePush(rows, last);
    return rows;
  }

  function isNumeric(value, count) {
    for (let i = 0; i < count; i++) {
      const item = dataProperty(value, i);
      if (typeof item !== "number" && typeof item !== "bigint") return false;
    }
    return true;
  }

  // ---- Format strings: https://console.spec.whatwg.org/#formatter ----

  const shown = (value, depth) => formatValue(new Context(depth), value, 0);
  const plain = (value) => (typeof value === "string" ? value : shown(value, DEPTH));

  function format(args) {
    let text = "";
    let next = 0;
    if (typeof args[0] === "string") {
      next = 1;
      const pattern = args[0];
      let start = 0;
      for (let i = 0; args.length > 1 && i < pattern.length - 1; i++) {
        if (pattern[i] !== "%") continue;
        const letter = pattern[i + 1];
        let replacement;
        if (letter === "%") replacement = "%";
        else if (next < args.length) replacement = directive(letter, args[next]);
        if (replacement === undefined) continue;
        if (letter !== "%") next++;
        text += StringPrototypeSlice(pattern, start, i) + replacement;
        start = i + 2;
        i++;
      }
      text += StringPrototypeSlice(pattern, start);
    }
    for (; next < args.length; next++) text += (next === 0 ? "" : " ") + plain(args[next]);
    return text;
  }

  function directive(letter, value) {
    switch (letter) {
      case "s": return asString(value);
      case "d": return asNumber(value, Number);
      case "i": return asNumber(value, NumberParseInt);
      case "f": return typeof value === "symbol" ? "NaN" : formatNumber(NumberParseFloat(value));
      case "j": return asJson(value);
      case "o": return shown(value, 4);
      case "O": return shown(value, DEPTH);
      case "c": return "";
      default: return undefined;
    }
  }

  function asNumber(value, convert) {
    if (typeof value === "bigint") return `${BigIntPrototypeToString(value)}n`;
    return typeof value === "symbol" ? "NaN" : formatNumber(convert(value));
  }

  function asJson(value) {
    try {
      return String(JSONStringify(value));
    } catch {
      return "[Circular]";
    }
  }

  function asString(value) {
    if (typeof value === "string") return value;
    const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
    if (!isObject) return shown(value, 0);
    if (typeof value === "function" && !ops.isProxy(value)) return FunctionPrototypeToString(value);
    // Objects of classes with a toString of their own choose their text.
    const method = ops.isProxy(value) ? undefined : alongPrototypes(value, (object) => dataProperty(object, "toString"));
    if (typeof method !== "function" || ops.isProxy(method)) return shown(value, 0);
    return StringPrototypeIncludes(FunctionPrototypeToString(method), "[native code]") ? shown(value, 0) : String(value);
  }

  /** console.dir: `options` as its callers know them. */
  function inspect(value, options) {
    let depth = DEPTH;
    if (webidl.isObject(options) && options.depth !== undefined) {
      depth = options.depth === null ? DEPTH_MAX : MathMin(+options.depth || 0, DEPTH_MAX);
    }
    return shown(value, depth);
  }

  /** Milliseconds for a person: "1.234ms", "1.234s", "1:02.345 (m:ss.mmm)". */
  function duration(ms) {
    if (ms < 1000) return `${Number(NumberPrototypeToFixed(ms, 3))}ms`;
    if (ms < 60_000) return `${NumberPrototypeToFixed(ms / 1000, 3)}s`;
    const two = (number) => StringPrototypePadStart(String(number), 2, "0");
    const seconds = StringPrototypePadStart(NumberPrototypeToFixed((ms % 60_000) / 1000, 3), 6, "0");
    if (ms < 3_600_000) return `${MathFloor(ms / 60_000)}:${seconds} (m:ss.mmm)`;
    const minutes = two(MathFloor(ms / 60_000) % 60);
    return `${MathFloor(ms / 3_600_000)}:${minutes}:${StringPrototypeSlice(seconds, 0, 2)} (h:mm:ss)`;
  }

  // ---- Tables: https://console.spec.whatwg.org/#table ----

  const INDEX = "(index)";
  const VALUES = "Values";
  const cell = (value) => shown(value, typeof value === "object" ? 0 : DEPTH);

  /** Own enumerable properties as key, value, key, value ...; undefined for what has none to show. */
  function rowsOf(data) {
    const rows = [];
    if (ops.isMap(data)) {
      const iterator = MapPrototypeEntries(data);
      for (let i = 0, next; i < ITEMS_MAX && !(next = mapIteratorNext(iterator)).done; i++) {
        ArrayPrototypePush(rows, String(i), { __proto__: null, Key: next.value[0], [VALUES]: next.value[1] });
      }
      return rows;
    }
    if (ops.isSet(data)) {
      const iterator = SetPrototypeValues(data);
      for (let i = 0, next; i < ITEMS_MAX && !(next = setIteratorNext(iterator)).done; i++) {
        ArrayPrototypePush(rows, String(i), next.value);
      }
      return rows;
    }
    return membersOf(data);
  }

  function membersOf(value) {
    const members = [];
    const isArray = ArrayIsArray(value);
    const keys = isArray ? undefined : ops.ownKeys(value, false);
    const length = MathMin(isArray ? value.length : keys.length, ITEMS_MAX);
    for (let i = 0; i < length; i++) {
      const key = isArray ? String(i) : keys[i];
      if (typeof key !== "string") continue;
      const descriptor = ReflectGetOwnPropertyDescriptor(value, key);
      if (descriptor === undefined) continue;
      ArrayPrototypePush(members, key, ObjectHasOwn(descriptor, "value") ? descriptor.value : undefined);
    }
    return members;
  }

  const isTabular = (value) => typeof value === "object" && value !== null && !ops.isProxy(value);

  function table(data, properties) {
    const inTable = "Failed to execute 'table' on 'console'";
    const wanted = properties === undefined ? undefined : webidl.sequence(properties, webidl.DOMString, inTable, "parameter 2");
    if (!isTabular(data)) return plain(data);
    const rows = rowsOf(data);
    // Column name -> cells by row number.
    const columns = new Map();
    const values = [];
    let hasValues = false;
    for (let row = 0; row < rows.length / 2; row++) {
      const value = rows[2 * row + 1];
      if (!isTabular(value)) {
        values[row] = cell(value);
        hasValues = true;
        continue;
      }
      const members = membersOf(value);
      for (let i = 0; i < members.length; i += 2) {
        if (wanted !== undefined && ArrayPrototypeIndexOf(wanted, members[i]) < 0) continue;
        addCell(columns, members[i], row, cell(members[i + 1]));
      }
    }
    const names = wanted ?? namesOf(columns);
    const lists = [[]];
    for (let row = 0; row < rows.length / 2; row++) lists[0][row] = rows[2 * row];
    const heads = [INDEX];
    for (let i = 0; i < names.length; i++) {
      ArrayPrototypePush(heads, names[i]);
      ArrayPrototypePush(lists, MapPrototypeGet(columns, names[i]) ?? []);
    }
    if (hasValues) {
      ArrayPrototypePush(heads, VALUES);
      ArrayPrototypePush(lists, values);
    }
    return draw(heads, lists, rows.length / 2);
  }

  function addCell(columns, name, row, text) {
    let list = MapPrototypeGet(columns, name);
    if (list === undefined) {
      if (MapPrototypeGetSize(columns) >= ITEMS_MAX) return;
      MapPrototypeSet(columns, name, (list = []));
    }
    list[row] = text;
  }

  function namesOf(columns) {
    const names = [];
    const iterator = MapPrototypeEntries(columns);
    for (let next; !(next = mapIteratorNext(iterator)).done; ) ArrayPrototypePush(names, next.value[0]);
    return names;
  }

  function draw(heads, lists, count) {
    const widths = [];
    for (let column = 0; column < heads.length; column++) {
      let widest = heads[column].length;
      for (let row = 0; row < count; row++) widest = MathMax(widest, lists[column][row]?.length ?? 0);
      ArrayPrototypePush(widths, MathMin(widest, ITEMS_MAX) + 2);
    }
    const rule = (left, middle, right) => {
      let text = left;
      for (let i = 0; i < widths.length; i++) text += (i === 0 ? "" : middle) + StringPrototypeRepeat("\u2500", widths[i]);
      return text + right;
    };
    const line = (textOf) => {
      let text = "";
      for (let i = 0; i < widths.length; i++) {
        text += `\u2502 ${StringPrototypePadEnd(StringPrototypeSlice(textOf(i) ?? "", 0, ITEMS_MAX), widths[i] - 1)}`;
      }
      return `${text}\u2502\n`;
    };
    let text = `${rule("\u250c", "\u252c", "\u2510")}\n${line((i) => heads[i])}${rule("\u251c", "\u253c", "\u2524")}\n`;
    for (let row = 0; row < count; row++) text += line((i) => lists[i][row]);
    return text + rule("\u2514", "\u2534", "\u2518");
  }

  return { __proto__: null, layout, format, inspect, table, duration };
}

let made;
Reflect.defineProperty(internals, "inspect", { get: () => (made ??= makeInspect()) });

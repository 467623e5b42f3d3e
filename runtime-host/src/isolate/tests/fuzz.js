"use strict";
// The body of `function (internals, ops)`; returns `check(kind, a, b)`, which gives nothing, or a promise of nothing, when
// all is as it should be, and else throws or rejects. `a` and `b` are arbitrary strings; those that stand for bytes have
// none above U+00FF.

class Wrong extends Error {}
const show = (value) => {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 200 ? `${text.slice(0, 200)} ...` : text;
};
const must = (value, what) => {
  if (!value) throw new Wrong(what);
};
const same = (actual, expected, what) => must(Object.is(actual, expected), `${what}: ${show(actual)} is not ${show(expected)}`);
/** The value, or undefined when it throws one of these. */
const attempt = (make, what, ...types) => {
  try {
    return make();
  } catch (error) {
    if (types.some((type) => error instanceof type)) return undefined;
    throw new Wrong(`${what}: ${error?.stack ?? error}`);
  }
};
const bytesOf = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const usv = (text) => text.toWellFormed();
const breaks = /[\0\r\n]/;

/** What leaves can't break out of its line. */
const packed = (headers, what) => {
  const text = internals.headers.pack(headers);
  if (text === "") return;
  const parts = text.split("\n");
  same(parts.length % 2, 0, `${what}: parts`);
  for (let i = 0; i < parts.length; i++) {
    must(!/[\0\r\n\u0100-\uffff]/.test(parts[i]), `${what}: ${show(parts[i])}`);
    must(i % 2 === 1 || /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(parts[i]), `${what}: the name ${show(parts[i])}`);
  }
  const rounded = internals.headers.fromPacked(() => text);
  same(JSON.stringify([...rounded]), JSON.stringify([...headers]), what);
};

const urlParts = ["href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];

const isUrl = (url, what) => {
  for (const part of [...urlParts, "origin"]) {
    must(typeof url[part] === "string" && !/[\0\r\n\t]/.test(url[part]), `${what}: ${part}`);
  }
  const again = attempt(() => new URL(url.href), `${what}: ${show(url.href)} again`);
  for (const part of urlParts) same(again[part], url[part], `${what}: ${part} again`);
  same(JSON.stringify([...new URLSearchParams(url.search)]), JSON.stringify([...url.searchParams]), `${what}: parameters`);
};

const kinds = {
  url(input, base) {
    const rest = base === "" ? [] : [base];
    const url = attempt(() => new URL(input, ...rest), "new URL", TypeError);
    same(URL.canParse(input, ...rest), url !== undefined, "canParse");
    if (url === undefined) return;
    isUrl(url, "a URL");
    for (const part of urlParts) {
      // The url crate writes hosts before a drive letter that it does not read there.
      if (url.protocol === "file:" && (part === "host" || part === "hostname")) continue;
      const before = url.href;
      const changed = new URL(before);
      attempt(() => (changed[part] = input), `setting ${part}`, ...(part === "href" ? [TypeError] : []));
      isUrl(changed, `${part} of ${show(before)} set to ${show(input)}`);
    }
    url.searchParams.append(input, base);
    isUrl(url, "with a parameter");
    const last = [...new URL(url.href).searchParams].at(-1);
    same(JSON.stringify(last), JSON.stringify([usv(input), usv(base)]), "the parameter");
  },

  parameters(input, other) {
    const first = new URLSearchParams(input);
    first.append(other, input);
    const again = new URLSearchParams(first.toString());
    same(JSON.stringify([...again]), JSON.stringify([...first]), "again");
    same(again.getAll(usv(other)).at(-1), usv(input), "the last");
    for (const [name] of [...first]) first.delete(name);
    same(first.toString(), "", "all deleted");
  },

  headers(name, value) {
    const made = [
      () => { const h = new Headers(); h.set(name, value); return h; },
      () => { const h = new Headers(); h.append(name, value); return h; },
      () => new Headers([[name, value]]),
      () => new Headers({ [name]: value }),
      () => new Response(null, { headers: [[name, value]] }).headers,
      () => new Request("http://a/", { headers: { [name]: value } }).headers,
    ].map((make, i) => attempt(make, `way ${i}`, TypeError));
    for (const headers of made) {
      same(headers === undefined, made[0] === undefined, "all ways alike");
      if (headers === undefined) continue;
      packed(headers, "headers");
      same(headers.get(name), value.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, ""), "the value");
      must(headers.has(name.toUpperCase()) && [...headers.keys()][0] === name.toLowerCase(), "the name");
      headers.delete(name);
      same(internals.headers.pack(headers), "", "deleted");
    }
  },

  request(method, text) {
    const url = `http://example.com/${method}`;
    const request = attempt(() => new Request(url, { method, body: text === "" ? undefined : text }), "new Request", TypeError);
    if (request === undefined) return;
    must(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(request.method), `the method ${show(request.method)}`);
    must(URL.canParse(request.url) && !breaks.test(request.url), `the URL ${show(request.url)}`);
    packed(request.headers, "a request");
    same(request.clone().url, request.url, "a clone's URL");
    const other = attempt(() => new Request(text), "new Request(text)", TypeError);
    const valid = URL.canParse(text);
    // Fetch refuses credentials in a URL; Workers take them.
    const mayRefuse = !valid || new URL(text).username + new URL(text).password !== "";
    must(other === undefined ? mayRefuse : valid, `a URL ${show(text)}`);
  },

  async response(statusText, text) {
    const status = 150 + (text.length * 37) % 500;
    const options = { status, statusText, headers: { "x-length": String(text.length) } };
    const response = attempt(() => new Response(text, options), "new Response", TypeError, RangeError);
    if (response !== undefined) {
      must(!breaks.test(response.statusText) && !/[^\0-\xff]/.test(response.statusText), "the status text");
      packed(response.headers, "a response");
      same(await response.clone().text(), usv(text).replace(/^\ufeff/, ""), "the text");
      same((await response.bytes()).length, new TextEncoder().encode(text).length, "the bytes");
    }
    const to = attempt(() => Response.redirect(statusText, 302), "redirect", TypeError);
    if (to !== undefined) packed(to.headers, "a redirect");
    const parsed = await new Response(text).json().catch((error) => must(error instanceof SyntaxError, `json: ${error}`));
    if (parsed !== undefined) JSON.stringify(parsed);
  },

  async form(type, text) {
    const response = attempt(() => new Response(bytesOf(text), { headers: { "content-type": type } }), "new Response", TypeError);
    if (response === undefined) return;
    const form = await response.formData().catch((error) => must(error instanceof TypeError, `formData: ${error?.stack}`));
    if (form === undefined) return;
    must(form instanceof FormData, "a form");
    for (const [name, value] of form) {
      must(name.isWellFormed(), "a name");
      must(typeof value === "string" ? value.isWellFormed() : value instanceof File && value.name.isWellFormed(), "a value");
    }
    await kinds.sent(form);
  },

  async formFields(name, value) {
    const form = new FormData();
    form.append(name, value);
    form.append(value, name);
    form.append(name, new File([value], "a\"b\n.txt", { type: "text/plain" }));
    form.append("last", new Blob([name]));
    await kinds.sent(form);
  },

  /** A form that is sent arrives as it was, but for line ends. */
  async sent(form) {
    // A backslash before a quote is taken for its escape, as some clients write it; browsers write no such thing.
    if ([...form].some(([name, value]) => name.includes("\\") || value.name?.includes("\\"))) return;
    const arrived = await new Response(form).formData();
    const lines = (text) => text.replace(/\r\n|\r|\n/g, "\r\n");
    const all = [...arrived];
    same(all.length, [...form].length, "as many");
    let at = 0;
    for (const [name, value] of form) {
      const [newName, newValue] = all[at++];
      // These are what a line end and a quote become.
      if (!/%0a|%0d|%22/i.test(name)) same(newName, lines(name), "a name");
      if (typeof value === "string") same(newValue, lines(value), "a value");
      else same(await newValue.text(), await value.text(), "a file");
    }
  },

  mime(text, other) {
    for (const one of [text, `text/${other};${text}=${other}`, `a/b;charset="${text}";${other}`]) {
      const type = internals.mime.parse(one);
      if (type === undefined) continue;
      const again = internals.mime.serialize(type);
      must(!breaks.test(again), "on one line");
      same(internals.mime.serialize(internals.mime.parse(again)), again, "again");
    }
  },

  text(bytes, label) {
    const labels = ["utf-8", "utf-16le", "utf-16be", "shift_jis", "gb18030", "iso-2022-jp", "x-user-defined", label];
    for (const one of labels) {
      const decoder = attempt(() => new TextDecoder(one), `a decoder of ${show(one)}`, RangeError);
      if (decoder === undefined) continue;
      const data = bytesOf(bytes);
      const whole = decoder.decode(data);
      must(whole.isWellFormed(), `${one}: well-formed`);
      let pieces = "";
      for (let i = 0; i < data.length; i += 3) pieces += decoder.decode(data.subarray(i, i + 3), { stream: true });
      same(pieces + decoder.decode(), whole, `${one} in pieces`);
      const fatal = attempt(() => new TextDecoder(one, { fatal: true }).decode(data), `${one}: fatal`, TypeError);
      must(fatal === undefined || fatal === whole, `${one}: fatal`);
    }
    const encoded = new TextEncoder().encode(label);
    same(new TextDecoder("utf-8", { ignoreBOM: true }).decode(encoded), usv(label), "encoded and decoded");
    const into = new Uint8Array(5);
    const { read, written } = new TextEncoder().encodeInto(label, into);
    must(read <= label.length && written <= 5, "encodeInto");
    same(new TextDecoder("utf-8", { ignoreBOM: true }).decode(into.subarray(0, written)), usv(label.slice(0, read)), "encodeInto");
  },

  base64(text, bytes) {
    same(atob(btoa(bytes)), bytes, "there and back");
    const decoded = attempt(() => atob(text), "atob", DOMException);
    if (decoded !== undefined) same(atob(btoa(decoded)), decoded, "back and there");
    const encoded = attempt(() => btoa(text), "btoa", DOMException);
    same(encoded === undefined, /[^\0-\xff]/.test(text), "btoa");
  },

  clone(program, text) {
    const graph = build(bytesOf(program), text);
    const copy = attempt(() => structuredClone(graph), "structuredClone", DOMException, RangeError, TypeError);
    if (copy !== undefined) alike(graph, copy, new Map(), "");
  },
};

/** A graph of objects with cycles, made as the bytes say. */
function build(program, text) {
  const made = [];
  let at = 0;
  const next = () => program[at++ % program.length] ?? 0;
  const any = () => (made.length === 0 ? text : made[next() % made.length]);
  const makers = [
    () => [any(), , any()],
    () => ({ [text]: any(), a: any(), get b() { return any(); } }),
    () => new Map([[any(), any()], [text, 1]]),
    () => new Set([any(), text, NaN]),
    () => new Date((next() - 128) * 1e12),
    () => attempt(() => new RegExp(text, "gi"), "a pattern", SyntaxError) ?? /x/y,
    () => new Uint8Array(next()).fill(next()),
    () => new DataView(new ArrayBuffer(16), 3, next() % 8),
    () => new Float64Array(new ArrayBuffer(64, { maxByteLength: 128 }), 8),
    () => Object.assign(new RangeError(text), { cause: any() }),
    () => [Object(1n), Object(true), Object(text), Object(-0), 2n ** 70n, undefined, null, -0, NaN],
    () => new DOMException(text, "DataCloneError"),
    () => new Blob([text]),
    () => Object.create({ inherited: any() }),
    () => Object.defineProperty({}, "hidden", { value: any(), enumerable: false }),
    () => (next() % 16 === 0 ? Symbol(text) : text),
    () => (next() % 16 === 0 ? () => {} : [text]),
    () => (next() % 16 === 0 ? new Proxy({}, { ownKeys() { throw new TypeError("trap"); } }) : {}),
  ];
  for (let i = 0; i < program.length; i++) {
    const value = makers[next() % makers.length]();
    const other = any();
    // Cycles.
    if (typeof other === "object" && other !== null && Array.isArray(other)) other.push(value);
    else if (other instanceof Map) other.set(value, other);
    made.push(value);
  }
  return made;
}

/** Whether a clone has the shape of the original; what is one object there is one here. */
function alike(a, b, seen, path) {
  if (typeof a !== "object" || a === null) return same(b, a, path);
  if (seen.has(a)) return must(seen.get(a) === b, `${path}: another object`);
  seen.set(a, b);
  must(a !== b, `${path}: not a copy`);
  const tag = Object.prototype.toString;
  if (!(a instanceof DOMException)) same(tag.call(b), tag.call(a), path);
  if (ArrayBuffer.isView(a)) {
    same(b.byteLength, a.byteLength, `${path}: length`);
    return;
  }
  if (a instanceof Date) return same(b.getTime(), a.getTime(), path);
  if (a instanceof RegExp) return same(String(b), String(a), path);
  if (a instanceof Map || a instanceof Set) {
    same(b.size, a.size, `${path}: size`);
    const [left, right] = [[...a], [...b]];
    for (let i = 0; i < left.length; i++) alike(left[i], right[i], seen, `${path}[${i}]`);
    return;
  }
  if (a instanceof Error) return same(b.message, a.message, path);
  if (a instanceof Blob) return same(b.size, a.size, path);
  for (const key of Object.keys(a)) {
    must(Object.hasOwn(b, key), `${path}.${key} is missing`);
    // A getter gives another value each time.
    if (Object.getOwnPropertyDescriptor(a, key).get === undefined) alike(a[key], b[key], seen, `${path}.${key}`);
  }
}

return (kind, a, b) => kinds[kind](a, b);

"use strict";
// TextEncoder and TextDecoder (https://encoding.spec.whatwg.org/#api).

const { webidl, primordials } = internals;
const {
  RangeError, StringPrototypeCharCodeAt, StringPrototypeSlice, StringPrototypeToLowerCase, TypeError,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, Uint8Array,
} = primordials;
const { DOMString, bufferSource, illegalInvocation, isObject, requireArguments } = webidl;

// Below this length a loop here is quicker than a call of the host.
const SHORT = 48;

/** The UTF-8 bytes of a string; lone surrogates become U+FFFD. */
function encodeUtf8(string) {
  const { length } = string;
  if (length <= SHORT) {
    const bytes = new Uint8Array(length);
    if (writeAscii(string, bytes)) return bytes;
  }
  const bytes = new Uint8Array(ops.utf8Length(string));
  ops.utf8Write(string, bytes);
  return bytes;
}

// False at the first character that is not ASCII.
function writeAscii(string, bytes) {
  const { length } = string;
  for (let i = 0; i < length; i++) {
    const unit = StringPrototypeCharCodeAt(string, i);
    if (unit > 127) return false;
    bytes[i] = unit;
  }
  return true;
}

/** "UTF-8 decode": without a byte order mark, errors replaced by U+FFFD. */
const decodeUtf8 = (bytes) => ops.utf8Decode(bytes, false, false);

// ---- TextEncoder ----

class TextEncoder {
  #brand;

  get encoding() {
    return #brand in this ? "utf-8" : illegalInvocation();
  }

  encode(input = "") {
    if (!(#brand in this)) illegalInvocation();
    return encodeUtf8(DOMString(input, "Failed to execute 'encode' on 'TextEncoder'", "parameter 1"));
  }

  encodeInto(source, destination) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'encodeInto' on 'TextEncoder'";
    requireArguments(arguments.length, 2, prefix);
    source = DOMString(source, prefix, "parameter 1");
    if (TypedArrayPrototypeGetSymbolToStringTag(destination) !== "Uint8Array") {
      throw new TypeError(`${prefix}: parameter 2 is not of type 'Uint8Array'.`);
    }
    const { length } = source;
    if (length <= SHORT && length <= TypedArrayPrototypeGetByteLength(destination) && writeAscii(source, destination)) {
      return { read: length, written: length };
    }
    const counts = ops.utf8Write(source, destination);
    return { read: counts[0], written: counts[1] };
  }
}
webidl.configureInterface(TextEncoder);

// ---- Decoders ----

const NOTHING = new Uint8Array(0);

// The name of the encoding with this label, in lower case; throws a RangeError if there is none.
function encodingFor(label, prefix) {
  if (label === "utf-8" || label === "utf8") return "utf-8";
  const name = ops.encodingName(label);
  if (name === undefined) throw new RangeError(`${prefix}: The encoding label provided ('${label}') is invalid.`);
  return StringPrototypeToLowerCase(name);
}

/** What TextDecoder and TextDecoderStream share. Between chunks it holds the bytes that must be decoded again. */
class Decoder {
  encoding;
  fatal;
  ignoreBom;
  carry = NOTHING;
  skip = 0; // Code units of `carry` that were handed out already.
  started = false; // Whether this stream has given text, so that a byte order mark can't come any more.
  constructor(encoding, fatal, ignoreBom) {
    this.encoding = encoding;
    this.fatal = fatal;
    this.ignoreBom = ignoreBom;
  }

  /** Decodes what ends here. `bytes` are only read. */
  finish(bytes) {
    const { encoding, fatal, carry, skip, started } = this;
    this.carry = NOTHING;
    this.skip = 0;
    this.started = false;
    if (encoding === "utf-8") return ops.utf8Decode(join(carry, bytes), fatal, this.ignoreBom || started);
    const text = ops.decodeAll(encoding, join(carry, bytes), fatal, skip);
    return started ? text : this.#withoutBom(text);
  }

  /** Decodes a chunk that more may follow. */
  chunk(bytes) {
    const input = join(this.carry, bytes);
    const { skip } = this;
    this.carry = NOTHING;
    this.skip = 0;
    const length = TypedArrayPrototypeGetByteLength(input);
    let text;
    let keep;
    if (this.encoding === "utf-8") {
      keep = incompleteTail(input, length);
      text = ops.utf8Decode(keep === 0 ? input : subview(input, 0, length - keep), this.fatal, true);
    } else {
      const result = ops.decodeChunk(this.encoding, input, this.fatal, skip);
      text = result[0];
      keep = result[1];
      this.skip = result[2];
    }
    // The caller owns `bytes`, so what is kept is a copy.
    if (keep > 0) this.carry = join(subview(input, length - keep, length), NOTHING, true);
    if (this.started || text === "") return text;
    this.started = true;
    return this.#withoutBom(text);
  }

  #withoutBom(text) {
    const { encoding } = this;
    if (this.ignoreBom || text === "" || StringPrototypeCharCodeAt(text, 0) !== 0xfeff) return text;
    const hasMark = encoding === "utf-8" || encoding === "utf-16le" || encoding === "utf-16be";
    return hasMark ? StringPrototypeSlice(text, 1) : text;
  }
}

// A view of the same memory. (%TypedArray%.prototype.subarray would ask the array's constructor for its species.)
const subview = (bytes, start, end) =>
  new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + start, end - start);

function join(first, second, copy = false) {
  const firstLength = TypedArrayPrototypeGetByteLength(first);
  if (firstLength === 0 && !copy) return second;
  const result = new Uint8Array(firstLength + TypedArrayPrototypeGetByteLength(second));
  TypedArrayPrototypeSet(result, first);
  TypedArrayPrototypeSet(result, second, firstLength);
  return result;
}

// The length of an unfinished UTF-8 character at the end: bytes that a further byte could make valid.
function incompleteTail(bytes, length) {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const lead = bytes[length - back];
    if (lead < 0x80) return 0;
    if (lead < 0xc0) continue;
    const needed = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || back >= needed) return 0;
    return back === 1 || isSecondByte(lead, bytes[length - back + 1]) ? back : 0;
  }
  return 0;
}

// https://encoding.spec.whatwg.org/#utf-8-decoder: the bounds of the byte after the lead byte.
function isSecondByte(lead, byte) {
  if (lead === 0xe0) return byte >= 0xa0;
  if (lead === 0xed) return byte <= 0x9f;
  if (lead === 0xf0) return byte >= 0x90;
  if (lead === 0xf4) return byte <= 0x8f;
  return true;
}

// ---- TextDecoder ----

function readOptions(options, prefix) {
  if (options === undefined || options === null) return 0;
  if (!isObject(options)) throw new TypeError(`${prefix}: parameter 2 is not of type 'TextDecoderOptions'.`);
  const fatal = options.fatal ? 1 : 0;
  return fatal | (options.ignoreBOM ? 2 : 0);
}

function newDecoder(label, options, prefix) {
  label = DOMString(label, prefix, "parameter 1");
  const flags = readOptions(options, prefix);
  return new Decoder(encodingFor(label, prefix), (flags & 1) !== 0, (flags & 2) !== 0);
}

class TextDecoder {
  #decoder;

  constructor(label = "utf-8", options = undefined) {
    this.#decoder = newDecoder(label, options, "Failed to construct 'TextDecoder'");
  }

  get encoding() {
    return #decoder in this ? this.#decoder.encoding : illegalInvocation();
  }
  get fatal() {
    return #decoder in this ? this.#decoder.fatal : illegalInvocation();
  }
  get ignoreBOM() {
    return #decoder in this ? this.#decoder.ignoreBom : illegalInvocation();
  }

  decode(input = undefined, options = undefined) {
    if (!(#decoder in this)) illegalInvocation();
    const prefix = "Failed to execute 'decode' on 'TextDecoder'";
    const bytes = input === undefined ? NOTHING : bufferSource(input, prefix, "parameter 1", true);
    let stream = false;
    if (options !== undefined && options !== null) {
      if (!isObject(options)) throw new TypeError(`${prefix}: parameter 2 is not of type 'TextDecodeOptions'.`);
      stream = !!options.stream;
    }
    return stream ? this.#decoder.chunk(bytes) : this.#decoder.finish(bytes);
  }
}
webidl.configureInterface(TextDecoder);

internals.encoding = { __proto__: null, encodeUtf8, decodeUtf8, newDecoder, NOTHING };
internals.expose("TextEncoder", TextEncoder);
internals.expose("TextDecoder", TextDecoder);

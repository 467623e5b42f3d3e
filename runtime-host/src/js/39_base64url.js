"use strict";
// base64url without padding (RFC 4648 section 5), as JSON Web Keys use it. Of the engine's own Uint8Array.prototype.toBase64
// the snapshot can't keep an untampered copy: V8 adds it to a context after the snapshot was loaded.

const { MathFloor, StringPrototypeIndexOf, Uint8Array } = internals.primordials;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function encode(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = (bytes[i] << 16) | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
    text += ALPHABET[group >> 18] + ALPHABET[(group >> 12) & 63];
    if (left > 1) text += ALPHABET[(group >> 6) & 63];
    if (left > 2) text += ALPHABET[group & 63];
  }
  return text;
}

/** The bytes, or undefined when `text` is not base64url. */
function decode(text) {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(MathFloor((text.length * 3) / 4));
  let at = 0;
  let bits = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const value = StringPrototypeIndexOf(ALPHABET, text[i]);
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[at++] = bits >> count;
    }
  }
  return bytes;
}

internals.base64url = { __proto__: null, encode, decode };

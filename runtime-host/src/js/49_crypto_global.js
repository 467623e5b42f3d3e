"use strict";
// Crypto (https://w3c.github.io/webcrypto/#crypto-interface) and the global `crypto`.

const {
  ArrayBufferIsView, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetSymbolToStringTag, TypeError,
} = internals.primordials;
const {
  bufferSource, configureInterface, illegalConstructor, illegalInvocation, isObject, privateKey, requireArguments,
} = internals.webidl;
const { domError, subtle } = internals.crypto;

const inGetRandomValues = "Failed to execute 'getRandomValues' on 'Crypto'";
// The quota of https://w3c.github.io/webcrypto/#Crypto-method-getRandomValues, in bytes.
const RANDOM_VALUES_QUOTA = 65536;

const isFloat = (tag) => tag === "Float16Array" || tag === "Float32Array" || tag === "Float64Array";

class Crypto {
  #brand;
  constructor(key = undefined) {
    if (key !== privateKey) illegalConstructor();
  }
  static #check(self) {
    if (!isObject(self) || !(#brand in self)) illegalInvocation();
  }

  get subtle() {
    Crypto.#check(this);
    return subtle;
  }

  getRandomValues(array) {
    Crypto.#check(this);
    requireArguments(arguments.length, 1, inGetRandomValues);
    if (!ArrayBufferIsView(array)) {
      throw new TypeError(`${inGetRandomValues}: parameter 1 is not of type 'ArrayBufferView'.`);
    }
    const tag = TypedArrayPrototypeGetSymbolToStringTag(array);
    if (tag === undefined || isFloat(tag)) {
      throw domError(
        "TypeMismatchError",
        "ArrayBufferView argument to getRandomValues() must be an integer-typed view.",
      );
    }
    const bytes = bufferSource(array, inGetRandomValues, "parameter 1");
    const length = TypedArrayPrototypeGetByteLength(bytes);
    if (length > RANDOM_VALUES_QUOTA) {
      // As the standard says it, without the error's `quota` and `requested`.
      throw new internals.QuotaExceededError(
        `getRandomValues() only accepts buffers of size <= 64K but provided ${length} bytes.`,
      );
    }
    ops.cryptoRandomFill(bytes);
    return array;
  }

  randomUUID() {
    Crypto.#check(this);
    return ops.cryptoRandomUuid();
  }

  /** Of Workers: a class. */
  get DigestStream() {
    Crypto.#check(this);
    return internals.crypto.digestStream();
  }
}
configureInterface(Crypto);
internals.expose("Crypto", Crypto);
internals.expose("crypto", new Crypto(privateKey), true);

"use strict";
// Subresource integrity of fetch() (https://w3c.github.io/webappsec-subresource-integrity/): a response whose body has
// none of the digests that were asked for is an error. That is known only after the whole body has been read, so it is
// read before the response is handed out.

const {
  ArrayPrototypePush, Promise, PromisePrototypeThen, RegExpPrototypeExec, StringPrototypeSlice, StringPrototypeToLowerCase,
  TypeError, Uint8Array,
} = internals.primordials;

// The numbers of the hashes in ops/crypto.rs and the lengths of their results, from the weakest to the strongest.
const HASHES = [
  { name: "sha256", id: 2, length: 32 },
  { name: "sha384", id: 3, length: 48 },
  { name: "sha512", id: 4, length: 64 },
];

// The digest is base64 or base64url; options after `?` mean nothing so far.
const item = /[^\t\n\f\r ]+/g;
const expression = /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+)={0,2}(?:\?[\x21-\x7e]*)?$/i;

/** The strongest metadata of a list (section 3.3.3): `{ hash, digests }`, binary strings; undefined when nothing counts. */
function parse(metadata) {
  let strongest = -1;
  let digests = [];
  item.lastIndex = 0;
  for (let match; (match = RegExpPrototypeExec(item, metadata)) !== null; ) {
    const found = RegExpPrototypeExec(expression, match[0]);
    if (found === null) continue;
    let strength = 0;
    while (HASHES[strength].name !== StringPrototypeToLowerCase(found[1])) strength++;
    if (strength < strongest) continue;
    if (strength > strongest) digests = [];
    strongest = strength;
    // What does not decode matches nothing.
    ArrayPrototypePush(digests, ops.atob(standardAlphabet(found[2])));
  }
  return strongest < 0 ? undefined : { hash: HASHES[strongest], digests };
}

function standardAlphabet(base64) {
  let result = "";
  let start = 0;
  for (let i = 0; i < base64.length; i++) {
    if (base64[i] !== "-" && base64[i] !== "_") continue;
    result += StringPrototypeSlice(base64, start, i) + (base64[i] === "-" ? "+" : "/");
    start = i + 1;
  }
  return result + StringPrototypeSlice(base64, start);
}

function matches(bytes, { hash, digests }) {
  const digest = new Uint8Array(hash.length);
  ops.cryptoDigest(hash.id, bytes, digest);
  const actual = internals.binary.toString(digest);
  for (let i = 0; i < digests.length; i++) if (digests[i] === actual) return true;
  return false;
}

internals.integrity = {
  __proto__: null,
  /** The promise of a Response, as one that fails when the Response's body has not the digest that `metadata` asks for. */
  verify(promise, metadata) {
    const wanted = parse(metadata);
    return new Promise((resolve, reject) => {
      const arrived = (response) => {
        const state = internals.response.stateOf(response);
        if (state.body === null) {
          return reject(new TypeError("The response has no body, so its integrity can't be checked."));
        }
        if (wanted === undefined) return resolve(response);
        PromisePrototypeThen(
          internals.body.readBytes(state),
          (bytes) => {
            if (!matches(bytes, wanted)) {
              reject(new TypeError(`The response's body has not the ${wanted.hash.name} digest that 'integrity' asks for.`));
              return;
            }
            state.body = internals.body.fromBytes(bytes);
            resolve(response);
          },
          reject,
        );
      };
      PromisePrototypeThen(promise, arrived, reject);
    });
  },
};

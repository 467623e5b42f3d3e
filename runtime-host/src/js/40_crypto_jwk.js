"use strict";
// JSON Web Keys (RFC 7517) as Web Crypto reads and writes them.

const { JSONParse, JSONStringify, ObjectSetPrototypeOf } = internals.primordials;
const { dictionary, DOMString, isObject, sequence } = internals.webidl;
const { base64url } = internals;
const { domError, nameUsages, optional, usage, usageNames } = internals.crypto;

const dataError = (message) => domError("DataError", message);

const toStrings = (value, prefix, context) => sequence(value, DOMString, prefix, context);
const toPrimes = (value, prefix, context) => sequence(value, (prime) => prime, prefix, context);

let convert;

/** A JsonWebKey dictionary. */
function toJwk(value, prefix) {
  convert ??= dictionary("JsonWebKey", [
    optional("alg", DOMString), optional("crv", DOMString), optional("d", DOMString),
    optional("dp", DOMString), optional("dq", DOMString), optional("e", DOMString),
    optional("ext", (flag) => !!flag), optional("k", DOMString), optional("key_ops", toStrings),
    optional("kty", DOMString), optional("n", DOMString), optional("oth", toPrimes),
    optional("p", DOMString), optional("q", DOMString), optional("qi", DOMString),
    optional("use", DOMString), optional("x", DOMString), optional("y", DOMString),
  ]);
  return convert(value, prefix, "keyData");
}

/**
 * The checks that all key types have: `kty`, `use` ("sig" or "enc", looked at when the key is to be used for something),
 * `key_ops` and `ext`.
 */
function checkJwk(jwk, kty, use, usages, extractable) {
  if (jwk.kty !== kty) throw dataError(`The JSON Web Key's "kty" has to be "${kty}", and is "${jwk.kty}".`);
  if (usages !== 0 && jwk.use !== undefined && jwk.use !== use) {
    throw dataError(`The JSON Web Key's "use" has to be "${use}", and is "${jwk.use}".`);
  }
  if (jwk.key_ops !== undefined && (usages & ~keyOps(jwk.key_ops)) !== 0) {
    throw dataError(`The JSON Web Key's "key_ops" do not allow ${nameUsages(usages & ~keyOps(jwk.key_ops))}.`);
  }
  if (jwk.ext === false && extractable) {
    throw dataError('The JSON Web Key\'s "ext" is false, so the key can\'t be extractable.');
  }
}

// RFC 7517 section 4.3: no value twice; unknown ones are allowed.
function keyOps(list) {
  let set = 0;
  const seen = { __proto__: null };
  for (let i = 0; i < list.length; i++) {
    if (seen[list[i]] === true) throw dataError(`The JSON Web Key's "key_ops" have "${list[i]}" twice.`);
    seen[list[i]] = true;
    set |= usage[list[i]] ?? 0;
  }
  return set;
}

function checkJwkAlg(jwk, expected, otherwise = expected) {
  const { alg } = jwk;
  if (alg === undefined || alg === expected || alg === otherwise) return;
  throw dataError(`The JSON Web Key's "alg" has to be "${expected}", and is "${alg}".`);
}

/** The bytes of a member that has to be there, in base64url. */
function decodeJwk(jwk, member) {
  const text = jwk[member];
  if (text === undefined) throw dataError(`The JSON Web Key's "${member}" is missing.`);
  const bytes = base64url.decode(text);
  if (bytes === undefined) throw dataError(`The JSON Web Key's "${member}" is not base64url.`);
  return bytes;
}

/** A JSON Web Key of these members and those that all keys have. */
const finishJwk = (members, key) => ({ ...members, key_ops: usageNames(key.usages), ext: key.extractable });

/** The UTF-8 text of a JSON Web Key, whatever a Worker did to the prototypes it inherits from. */
function serializeJwk(jwk) {
  ObjectSetPrototypeOf(jwk, null);
  ObjectSetPrototypeOf(jwk.key_ops, null);
  return internals.encoding.encodeUtf8(JSONStringify(jwk));
}

/** The opposite. */
function parseJwk(bytes, prefix) {
  let value;
  try {
    value = JSONParse(ops.utf8Decode(bytes, true, false));
  } catch {
    throw dataError("The unwrapped key is not a JSON Web Key.");
  }
  if (!isObject(value)) throw dataError("The unwrapped key is not a JSON Web Key.");
  ObjectSetPrototypeOf(value, null);
  const jwk = toJwk(value, prefix);
  if (jwk.kty === undefined) throw dataError('The unwrapped JSON Web Key has no "kty".');
  return jwk;
}

Object.assign(internals.crypto, {
  dataError, toJwk, checkJwk, checkJwkAlg, decodeJwk, finishJwk, serializeJwk, parseJwk, encodeBase64url: base64url.encode,
});

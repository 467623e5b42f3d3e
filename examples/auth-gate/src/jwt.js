// JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256, by Web Crypto.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** The key, imported once per secret and then kept. */
let cached = { secret: undefined, key: undefined };

async function keyFor(secret) {
  if (cached.secret !== secret) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["verify"]);
    cached = { secret, key };
  }
  return cached.key;
}

function fromBase64Url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function parse(part) {
  return JSON.parse(decoder.decode(fromBase64Url(part)));
}

/** `{ claims }`, or `{ error }` with a reason that may be shown to the client. */
export async function verify(token, secret, nowSeconds) {
  const parts = token.split(".");
  if (parts.length !== 3) return { error: "not a token" };
  try {
    // What a token says of its own algorithm is never believed beyond this one.
    if (parse(parts[0]).alg !== "HS256") return { error: "unexpected algorithm" };
    const signed = encoder.encode(`${parts[0]}.${parts[1]}`);
    const valid = await crypto.subtle.verify("HMAC", await keyFor(secret), fromBase64Url(parts[2]), signed);
    if (!valid) return { error: "wrong signature" };
    const claims = parse(parts[1]);
    if (typeof claims.exp !== "number" || claims.exp <= nowSeconds) return { error: "expired" };
    if (typeof claims.sub !== "string") return { error: "no subject" };
    return { claims };
  } catch {
    return { error: "not a token" };
  }
}

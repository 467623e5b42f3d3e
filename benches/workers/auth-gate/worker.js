// Verifies a JSON Web Token (HS256) and tells the upstream who it is.
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
let key;

export default {
  async fetch(request, env) {
    const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
    const claims = scheme.toLowerCase() === "bearer" && token ? await verify(token, env.SECRET) : null;
    if (claims === null) return new Response("no\n", { status: 401 });

    const toUpstream = new Request(request);
    toUpstream.headers.set("x-user", claims.sub);
    toUpstream.headers.delete("authorization");
    return fetch(toUpstream);
  },
};

async function verify(token, secret) {
  const [head, payload, signature] = token.split(".");
  if (JSON.parse(decode(head)).alg !== "HS256") return null;
  key ??= await crypto.subtle.importKey(
    "raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"],
  );
  const signed = encoder.encode(`${head}.${payload}`);
  if (!(await crypto.subtle.verify("HMAC", key, bytes(signature), signed))) return null;
  const claims = JSON.parse(decode(payload));
  return claims.exp > Date.now() / 1000 ? claims : null;
}

function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function decode(base64url) {
  return decoder.decode(bytes(base64url));
}

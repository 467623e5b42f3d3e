import * as jose from "jose";

const secret = new TextEncoder().encode("a secret of at least thirty-two bytes, for HS256");

async function roundTrip(algorithm) {
  const { publicKey, privateKey } = await jose.generateKeyPair(algorithm, { extractable: true });
  const jwk = await jose.exportJWK(publicKey);
  const token = await new jose.SignJWT({ role: "admin" })
    .setProtectedHeader({ alg: algorithm })
    .setIssuer("nano")
    .setExpirationTime("2h")
    .sign(privateKey);
  const imported = await jose.importJWK(jwk, algorithm);
  const { payload } = await jose.jwtVerify(token, imported, { issuer: "nano" });
  const [head, body, signature] = token.split(".");
  const forged = `${head}.${jose.base64url.encode(JSON.stringify({ ...payload, role: "root" }))}.${signature}`;
  let refused = null;
  try {
    await jose.jwtVerify(forged, imported);
  } catch (error) {
    refused = error.code;
  }
  return { kty: jwk.kty, role: payload.role, refused, parts: [head, body].length };
}

async function encrypted() {
  const { publicKey, privateKey } = await jose.generateKeyPair("ECDH-ES+A128KW", { extractable: true });
  const token = await new jose.EncryptJWT({ secret: 42 })
    .setProtectedHeader({ alg: "ECDH-ES+A128KW", enc: "A256GCM" })
    .encrypt(publicKey);
  const { payload } = await jose.jwtDecrypt(token, privateKey);
  return payload.secret;
}

export default {
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/hs256": {
        const token = await new jose.SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "HS256" }).sign(secret);
        const { payload, protectedHeader } = await jose.jwtVerify(token, secret);
        return Response.json({ token, payload, protectedHeader });
      }
      case "/round-trip":
        return Response.json(await roundTrip(url.searchParams.get("alg")));
      case "/encrypted":
        return Response.json({ secret: await encrypted() });
      default:
        return new Response(null, { status: 404 });
    }
  },
};

// Lets requests through that carry a valid token (JWT, HS256) and tells the upstream who it is.
import { verify } from "./jwt.js";

export default {
  async fetch(request, env) {
    const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer" || !token) return refuse("a bearer token is needed");

    const result = await verify(token, env.SECRET, Date.now() / 1000);
    if (result.error) return refuse(result.error);

    const toUpstream = new Request(request);
    toUpstream.headers.set("x-user", result.claims.sub);
    // The token is for the gate, the upstream does not need it.
    toUpstream.headers.delete("authorization");
    return fetch(toUpstream);
  },
};

function refuse(reason) {
  return Response.json(
    { error: reason },
    { status: 401, headers: { "www-authenticate": `Bearer error="invalid_token"` } },
  );
}

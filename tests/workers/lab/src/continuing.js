// The exchange goes on to its upstream; no body is looked at.

export const pass = (request) => fetch(request);

export async function passAsync(request) {
  await crypto.subtle.digest("SHA-256", new Uint8Array(8));
  const headers = new Headers(request.headers);
  headers.set("x-lab", "added");
  return pass(new Request(request, { headers }));
}

/** The answer waits for nobody, but somebody else looks at the response. */
export async function passAndLook(request, env, ctx) {
  const upstream = fetch(request);
  ctx.waitUntil(upstream.then((response) => console.log(response.status)));
  return upstream;
}

export async function awaited(request) {
  const response = await fetch(request);
  return response;
}

export async function responseHeaders(request) {
  const upstream = await fetch(request);
  const response = new Response(upstream.body, upstream);
  response.headers.set("x-lab", "added");
  response.headers.set("x-origin", "changed");
  response.headers.delete("server-secret");
  response.headers.append("set-cookie", "c=3; Path=/");
  response.headers.set("x-seen-cookies", String(upstream.headers.getSetCookie().length));
  return response;
}

export async function responseStatus(request) {
  const upstream = await fetch(request);
  return new Response(upstream.body, { status: 418, headers: upstream.headers });
}

export async function requestHead(request) {
  const url = new URL(request.url);
  url.pathname = "/changed";
  url.search = "?by=lab";
  const changed = new Request(url, request);
  changed.headers.set("x-added", "1");
  changed.headers.append("x-list", "two");
  changed.headers.delete("x-removed");
  return fetch(changed);
}

export const requestMethod = (request) => fetch(new Request(request, { method: "PUT" }));

/** A URL of the same authority continues, with a request made from nothing else. */
export const byUrl = (request) => fetch(new URL("/by-url", request.url), { headers: { "x-only": "this" } });

export const otherCluster = (request) => {
  const changed = new Request(request);
  changed.headers.set("x-cluster", "other");
  return fetch(changed);
};

export async function upstreamStatus(request) {
  const upstream = await fetch(request);
  return new Response(`the upstream said ${upstream.status}`);
}

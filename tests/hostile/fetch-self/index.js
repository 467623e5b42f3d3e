// A Worker that fetches itself through the proxy, and so on.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const depth = Number(request.headers.get("x-depth") ?? 0);
    if (depth === 40) return new Response("40 levels and nobody said anything");
    const { port } = new URL(request.url);
    // Another name each time: its own is where the exchange goes on to the upstream.
    return fetch(`http://${depth % 2 === 0 ? "localhost" : "127.0.0.1"}:${port}/`, {
      headers: { "x-test-worker": "fetch-self", "x-depth": String(depth + 1) },
    });
  },
};

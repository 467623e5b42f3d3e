// Header names and values that HTTP does not allow, twice the path, no method.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(JSON.stringify([request.url, request.method, ...request.headers]), { headers: { "x-seen": "yes" } });
  },
};

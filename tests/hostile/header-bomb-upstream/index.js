// A request that goes on to the upstream with five megabytes of headers.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const headers = new Headers(request.headers);
    for (let i = 0; i < 500; i++) headers.set(`x-bomb-${i}`, "x".repeat(10_000));
    return fetch(new Request(request, { headers }));
  },
};

// A proxy whose traps loop, given to the host as headers.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response("x", { headers: new Proxy({}, { ownKeys: () => { for (;;); } }) });
  },
};

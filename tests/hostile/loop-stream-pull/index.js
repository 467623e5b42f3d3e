// A stream whose pull never returns.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(new ReadableStream({ pull: () => { for (;;); } }));
  },
};

// Arrays that are kept until nothing is left.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const kept = [];
    for (;;) kept.push(new Array(100_000).fill(kept.length));
  },
};

// A memory bomb beside requests of the same Worker that wait.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    await scheduler.wait(30);
    const kept = [];
    for (;;) kept.push(new Array(100_000).fill(kept.length));
  },
};

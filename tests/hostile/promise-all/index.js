// Promise.all over a million entries.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const all = await Promise.all(new Array(1e6).fill(Promise.resolve(1)));
    return new Response(String(all.length));
  },
};

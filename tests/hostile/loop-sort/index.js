// A comparator of sort that loops.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    [3, 1, 2].sort(() => { for (;;); });
    return new Response("never");
  },
};

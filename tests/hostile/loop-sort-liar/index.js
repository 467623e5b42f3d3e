// A comparator that never gives the same answer, over a long array.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const items = Array.from({ length: 2_000_000 }, (_, i) => i);
    items.sort(() => Math.random() - 0.5);
    return new Response("never");
  },
};

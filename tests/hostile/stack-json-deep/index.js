// JSON that is nested a million levels deep.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const depth = 1_000_000;
    let levels = 0;
    try {
      let value = JSON.parse("[".repeat(depth) + "]".repeat(depth));
      for (; Array.isArray(value); value = value[0]) levels++;
      JSON.stringify(JSON.parse("[".repeat(depth) + "]".repeat(depth)));
    } catch (error) {
      return new Response(`${levels} levels, then ${error.name}`);
    }
    return new Response(`${levels} levels`);
  },
};

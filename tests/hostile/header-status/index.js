// Statuses that no response may have.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const results = [];
    for (const status of [0, 99, 100, 101, 199, 600, 1e9, -1, NaN, "x", 2 ** 32 + 200]) {
      try {
        results.push(new Response(null, { status }).status);
      } catch (error) {
        results.push(error.name);
      }
    }
    return new Response(results.join(" "));
  },
};

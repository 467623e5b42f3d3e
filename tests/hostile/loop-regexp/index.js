// A regular expression with catastrophic backtracking.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(String(/^(a+)+$/.test("a".repeat(40) + "b")));
  },
};

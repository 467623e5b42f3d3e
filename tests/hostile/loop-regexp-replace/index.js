// A replace whose callback and expression both take for ever.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response("a".repeat(30).replace(/(a|a)+c|a/g, () => /(x+x+)+y/.test("x".repeat(30)) || "b"));
  },
};

// A regular expression of five million characters.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      new RegExp("a?b|".repeat(1_250_000)).test("b");
      return new Response("compiled");
    } catch (error) {
      return new Response(error.name);
    }
  },
};

// A string of 2**28 characters that one built-in call splits.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(String("x".repeat(2 ** 28).split("").length));
  },
};

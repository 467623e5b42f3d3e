// An array of 2**28 entries that one built-in call fills.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(String(new Array(2 ** 28).fill(0).length));
  },
};

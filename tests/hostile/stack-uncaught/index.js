// Recursion without an end that nobody catches.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const deeper = () => deeper() + 1;
    return deeper();
  },
};

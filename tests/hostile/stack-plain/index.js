// Recursion without an end, caught.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const deeper = () => deeper() + 1;
    try {
      deeper();
    } catch (error) {
      return new Response(String(error));
    }
  },
};

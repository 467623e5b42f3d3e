// Recursion that goes on whenever it is caught.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const deeper = () => {
      try {
        deeper();
      } catch {
        deeper();
      } finally {
        deeper();
      }
    };
    deeper();
    return new Response("never");
  },
};

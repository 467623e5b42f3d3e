// A redirect that leads to the next one, for ever.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      await fetch(`${env.ORIGIN}/redirect-loop?n=0`);
    } catch (error) {
      return new Response(error.message);
    }
  },
};

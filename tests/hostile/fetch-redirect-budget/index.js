// A redirect loop that is longer than the subrequests a Worker has.
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

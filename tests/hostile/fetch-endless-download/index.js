// A body without an end, passed on to a client that reads little.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const response = await fetch(`${env.ORIGIN}/bytes/100000000000`);
    return new Response(response.body);
  },
};

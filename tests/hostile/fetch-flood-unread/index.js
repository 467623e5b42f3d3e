// A hundred subrequests whose bodies nobody reads.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    await Promise.all(Array.from({ length: 100 }, () => fetch(`${env.ORIGIN}/bytes/10000000`)));
    return new Response("asked");
  },
};

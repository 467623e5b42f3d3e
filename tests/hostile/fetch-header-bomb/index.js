// An upstream that answers with twenty megabytes of headers.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      const response = await fetch(`${env.ORIGIN}/header-bomb?n=2000&bytes=10000`);
      return new Response(`${[...response.headers].length} headers`);
    } catch (error) {
      return new Response(error.name);
    }
  },
};

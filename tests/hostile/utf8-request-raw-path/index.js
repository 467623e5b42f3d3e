// Bytes above 127 in the request line as they are.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const url = new URL(request.url);
    return new Response(`${url.pathname}${url.search}`);
  },
};

// Authorities that are odd, huge or missing.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(`${request.url} ${new URL(request.url).host}`);
  },
};

// Variables that are called like the host's own things.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(`intact ${Object.keys(env).length}`);
  },
};

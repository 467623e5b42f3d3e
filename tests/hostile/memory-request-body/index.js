// A request body that is larger than the limit, read whole.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(String((await request.text()).length));
  },
};

// An exception whose stack is a getter that loops while the host logs it.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    throw { get stack() { for (;;); } };
  },
};

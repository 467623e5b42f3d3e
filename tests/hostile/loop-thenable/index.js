// A thenable that resolves with itself.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const endless = { then: (resolve) => resolve(endless) };
    return endless;
  },
};

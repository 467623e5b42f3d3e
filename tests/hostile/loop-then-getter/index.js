// A returned object whose then is a getter that loops.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return {
      get then() {
        for (;;);
      },
    };
  },
};

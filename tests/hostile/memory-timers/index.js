// A million timers.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      for (let i = 0; i < 1e6; i++) setTimeout(() => {}, 1e6);
    } catch (error) {
      return new Response(error.message);
    }
  },
};

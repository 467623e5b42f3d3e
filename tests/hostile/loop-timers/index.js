// An interval that burns time and a handler that waits for ever.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    setInterval(() => {
      const end = performance.now() + 20;
      for (let i = 0; i < 3e6; i++) if (i % 1e5 === 0 && performance.now() > end) break;
    }, 0);
    await new Promise(() => {});
  },
};

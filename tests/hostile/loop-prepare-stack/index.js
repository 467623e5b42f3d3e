// Error.prepareStackTrace that loops.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    Error.prepareStackTrace = () => { for (;;); };
    try {
      throw new Error("x");
    } finally {
      ctx.waitUntil(scheduler.wait(1).then(() => { delete Error.prepareStackTrace; }));
    }
  },
};

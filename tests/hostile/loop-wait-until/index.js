// Work after the response that never ends.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    ctx.waitUntil(scheduler.wait(1).then(() => { for (;;); }));
    return new Response("answered");
  },
};

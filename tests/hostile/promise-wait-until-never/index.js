// WaitUntil with what never ends, on top of an answer.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const again = () => scheduler.wait(20).then(again);
    ctx.waitUntil(again());
    return new Response("answered");
  },
};

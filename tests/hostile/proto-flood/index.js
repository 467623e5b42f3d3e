// A client that sends a body without waiting for replies or window.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    await scheduler.wait(15_000);
    return new Response("late");
  },
};

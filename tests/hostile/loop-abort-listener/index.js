// An abort listener that loops after the client has gone.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    request.signal.addEventListener("abort", () => { for (;;); });
    await scheduler.wait(3000);
    return new Response("late");
  },
};

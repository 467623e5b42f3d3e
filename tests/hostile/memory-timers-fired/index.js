// Timers that each start two more.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const spread = () => { setTimeout(spread, 0); setTimeout(spread, 0); };
    spread();
    await new Promise(() => {});
  },
};

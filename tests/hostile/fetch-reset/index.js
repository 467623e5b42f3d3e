// Upstreams that break off, before and within the body.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const names = [];
    for (const path of ["/reset", "/reset-body?after=1000"]) {
      try {
        await (await fetch(env.ORIGIN + path)).text();
      } catch (error) {
        names.push(error.name);
      }
    }
    return new Response(names.join(" "));
  },
};

// A module that loops when it is imported during a request.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    await import("./endless.js");
    return new Response("never");
  },
};

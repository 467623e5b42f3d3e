// A hundred thousand lines for the log.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    for (let i = 0; i < 20_000; i++) console.log(i, "x".repeat(1000));
    return new Response("logged");
  },
};

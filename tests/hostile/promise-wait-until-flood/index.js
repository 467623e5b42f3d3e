// A hundred thousand calls of waitUntil.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    for (let i = 0; i < 100_000; i++) ctx.waitUntil(Promise.resolve(i));
    ctx.waitUntil(Promise.reject(new Error("x")));
    return new Response("waited");
  },
};

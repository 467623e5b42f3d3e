// A response with ten megabytes of headers.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const headers = new Headers();
    for (let i = 0; i < 1000; i++) headers.set(`x-bomb-${i}`, "x".repeat(10_000));
    return new Response("x", { headers });
  },
};

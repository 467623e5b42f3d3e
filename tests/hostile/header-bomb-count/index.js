// A response with fifty thousand headers.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const headers = new Headers();
    for (let i = 0; i < 50_000; i++) headers.set(`x-${i}`, "y");
    return new Response("x", { headers });
  },
};

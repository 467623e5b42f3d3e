// Atomics.wait, which would hold a thread up.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
      return new Response("waited");
    } catch (error) {
      return new Response(error.name);
    }
  },
};

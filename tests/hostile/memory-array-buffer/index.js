// Buffers beside the heap, with the error caught.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const kept = [];
    try {
      for (;;) kept.push(new ArrayBuffer(1 << 20));
    } catch (error) {
      return new Response(`${error.name} after ${kept.length}`);
    }
  },
};

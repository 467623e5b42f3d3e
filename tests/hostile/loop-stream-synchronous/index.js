// A stream that fills itself inside of pull.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const piece = new Uint8Array(1000);
    return new Response(new ReadableStream({ pull: (controller) => { for (;;) controller.enqueue(piece); } }));
  },
};

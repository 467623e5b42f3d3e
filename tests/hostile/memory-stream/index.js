// Buffers in the queue of a stream that nobody reads.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let queue;
    new ReadableStream({ start: (controller) => { queue = controller; } });
    try {
      for (let i = 0; i < 10_000; i++) queue.enqueue(new Uint8Array(1 << 20));
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("never");
  },
};

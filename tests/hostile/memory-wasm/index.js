// WebAssembly memory that is grown and written to.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4096 });
    while (memory.buffer.byteLength < 1 << 28) {
      memory.grow(512);
      new Uint8Array(memory.buffer).fill(1, memory.buffer.byteLength - (1 << 25));
    }
    return new Response("never");
  },
};

// A WebAssembly memory of four gigabytes at once.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      const memory = new WebAssembly.Memory({ initial: 65_536 });
      return new Response(String(memory.buffer.byteLength));
    } catch (error) {
      return new Response(error.name);
    }
  },
};

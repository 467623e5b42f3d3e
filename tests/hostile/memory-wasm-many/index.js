// Many small WebAssembly memories, each of which reserves address space.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const kept = [];
    try {
      for (let i = 0; i < 300; i++) kept.push(new WebAssembly.Memory({ initial: 16 }));
    } catch (error) {
      return new Response(error.name);
    }
    return new Response(String(kept.length));
  },
};

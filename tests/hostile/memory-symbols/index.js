// Symbols, weak references and finalizers by the million.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const registry = new FinalizationRegistry(() => { for (;;); });
    for (let i = 0; i < 1e6; i++) {
      const target = { i };
      registry.register(target, i);
      new WeakRef(target);
      if (i % 10 === 0) Symbol.for(`symbol-${i}`);
    }
    return new Response("registered");
  },
};

// WebAssembly tables of ten million entries.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const kept = [];
    for (let i = 0; i < 20; i++) kept.push(new WebAssembly.Table({ element: "externref", initial: 5_000_000 }));
    return new Response("never");
  },
};

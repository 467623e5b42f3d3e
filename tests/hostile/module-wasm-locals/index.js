// WebAssembly functions with fifty thousand local variables each.

import module from "./locals.wasm";
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      new WebAssembly.Instance(module).exports.f();
      return new Response("ran");
    } catch (error) {
      return new Response(error.name);
    }
  },
};

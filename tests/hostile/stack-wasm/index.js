// Recursion without an end in WebAssembly.

import module from "./recur.wasm";
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      new WebAssembly.Instance(module).exports.recur();
    } catch (error) {
      return new Response(error.name);
    }
  },
};

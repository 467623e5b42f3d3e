// A WebAssembly module that declares four gigabytes of memory.

import module from "./memory.wasm";
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      return new Response(String(new WebAssembly.Instance(module).exports));
    } catch (error) {
      return new Response(error.name);
    }
  },
};

// A loop in WebAssembly.

import spin from "./spin.wasm";
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    new WebAssembly.Instance(spin).exports.spin();
    return new Response("never");
  },
};

// A chain of five thousand modules, each of which imports the next.

import { n } from "./deep/m0.js";
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(`deep ${n}`);
  },
};

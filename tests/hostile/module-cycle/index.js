// Modules that import each other in a circle, and use what is not there yet.

import { a, early } from "./a.js";
import { b } from "./b.js";
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response(`${early} ${a()} ${b()}`);
  },
};

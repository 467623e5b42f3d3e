// A module that throws when it is evaluated, imported again and again.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const names = [];
    for (let i = 0; i < 3; i++) await import("./throws.js").catch((error) => names.push(error.name));
    return new Response(names.join(" "));
  },
};

// A million promises that nobody settles.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const kept = [];
    for (let i = 0; i < 1e6; i++) kept.push(new Promise(() => {}));
    return new Response(`flooded ${kept.length}`);
  },
};

// A chain of microtasks that never ends.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const again = () => Promise.resolve().then(again);
    await again();
    return new Response("never");
  },
};

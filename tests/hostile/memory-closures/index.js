// Closures in closures, without end.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let deepest = () => 0;
    for (let i = 0; ; i++) {
      const inner = deepest;
      const filling = [i, i, i, i];
      deepest = () => filling[0] + inner();
    }
  },
};

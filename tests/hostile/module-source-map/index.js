// A source map that is huge, wrong and names itself.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    throw new Error("mapped");
    //# sourceMappingURL=index.js.map
  },
};

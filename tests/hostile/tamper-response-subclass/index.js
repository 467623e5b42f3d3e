// A Response whose members say something else each time.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    class Liar extends Response {
      get status() { return 101; }
      get headers() { throw new Error("no headers"); }
      get body() { return "fake"; }
      get bodyUsed() { for (;;); }
      get [Symbol.toStringTag]() { throw new Error("no tag"); }
    }
    const liar = new Liar("real", { status: 202 });
    Object.defineProperty(liar, "then", { get: () => undefined });
    return liar;
  },
};

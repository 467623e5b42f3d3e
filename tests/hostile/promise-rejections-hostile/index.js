// Rejections whose reasons hurt who looks at them.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const boom = () => { throw new Error("boom"); };
    const reasons = [
      { get stack() { return boom(); }, toString: boom, get message() { return boom(); } },
      new Proxy({}, { get: boom, has: boom, getPrototypeOf: boom, ownKeys: boom }),
      Object.create(null),
      Symbol("reason"),
      10n ** 1000n,
      Object.assign(new Error("x"), { stack: "\n".repeat(100_000) }),
      Object.assign(new Error("x"), { stack: { toString: boom } }),
      "\ud800\u0000\u001b[2J",
    ];
    for (let i = 0; i < 500; i++) for (const reason of reasons) Promise.reject(reason);
    return new Response("rejected");
  },
};

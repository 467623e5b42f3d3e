// Bindings and ctx frozen, replaced and emptied.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const origin = env.ORIGIN;
    for (const change of [
      () => { env.ORIGIN = "http://stolen.test"; },
      () => { delete env.ORIGIN; },
      () => { Object.setPrototypeOf(env, null); },
      () => { env.__proto__.polluted = 1; },
      () => { ctx.waitUntil = () => { throw new Error("waitUntil"); }; },
      () => { Object.setPrototypeOf(ctx, null); },
      () => { ctx.props = ctx; },
    ]) {
      try { change(); } catch { /* It may be refused. */ }
    }
    return new Response(`still ${origin}`);
  },
};

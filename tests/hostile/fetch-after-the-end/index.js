// Fetches, timers and bodies used after their request is over.

let kept;
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    if (pathname === "/keep") {
      const upstream = await fetch(`${env.ORIGIN}/bytes/1000000`);
      kept = { request, ctx, upstream, env, clone: request.clone(), stream: upstream.body, reader: undefined };
      return new Response("kept");
    }
    const results = [];
    for (const attempt of [
      () => kept.request.text(),
      () => kept.clone.text(),
      () => kept.upstream.text(),
      () => fetch(kept.request),
      () => kept.ctx.waitUntil(scheduler.wait(1)),
      () => kept.ctx.passThroughOnException(),
      () => kept.ctx.setMetadata({ a: 1 }),
      () => kept.request.signal.throwIfAborted(),
      () => new Response(kept.stream).text(),
    ]) {
      try {
        const result = await Promise.race([attempt(), scheduler.wait(200)]);
        results.push(typeof result);
      } catch (error) {
        results.push(error.name);
      }
    }
    return new Response(`used: ${results}`);
  },
};

// Ten hanging subrequests of one Worker that take all its connections.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const signal = AbortSignal.timeout(300);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => fetch(`${env.ORIGIN}/hang`, { signal })));
    const again = await fetch(`${env.ORIGIN}/slow?ms=1`);
    return new Response(`gave up ${results.length}, then ${again.status}`);
  },
};

// Rejections that are handled only after they were reported.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const rejected = [];
    for (let i = 0; i < 10_000; i++) rejected.push(Promise.reject(i));
    await scheduler.wait(5);
    for (const promise of rejected) promise.catch(() => {});
    return new Response("handled");
  },
};

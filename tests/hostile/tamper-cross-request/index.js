// Streams, promises and readers of one request used by another.

const shared = {};
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    if (pathname === "/wait") {
      shared.body = request.body;
      shared.response = fetch(`${env.ORIGIN}/trickle?n=100&ms=20`);
      shared.resolve = undefined;
      await Promise.all([new Promise((resolve) => { shared.resolve = resolve; }), scheduler.wait(5000)]);
    }
    shared.resolve?.();
    const response = await Promise.race([shared.response, scheduler.wait(100)]);
    try {
      return new Response(response?.body ?? shared.body ?? "nothing");
    } catch (error) {
      return new Response(error.message);
    }
  },
};

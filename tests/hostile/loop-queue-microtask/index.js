// QueueMicrotask that queues itself behind the answer.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const again = () => queueMicrotask(again);
    again();
    return new Response("answered");
  },
};

// Promises without an end, each with a reaction.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const gate = new Promise(() => {});
    for (;;) gate.then(() => {});
  },
};

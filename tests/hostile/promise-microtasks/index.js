// Ten million microtasks queued in one turn.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const done = Promise.resolve();
    for (;;) done.then(() => {});
  },
};

// A getter of an init object that loops while the host reads it.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return new Response("x", {
      get status() {
        for (;;);
      },
    });
  },
};

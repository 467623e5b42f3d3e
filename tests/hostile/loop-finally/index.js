// A loop whose finally loops too, so that ending it goes on.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const stubborn = () => {
      for (;;) {
        try {
          for (;;);
        } catch {
          for (;;);
        } finally {
          stubborn();
        }
      }
    };
    stubborn();
  },
};

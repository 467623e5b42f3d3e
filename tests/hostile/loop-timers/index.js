// An interval that burns time and a handler that waits for ever.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let sum = 0;
    setInterval(() => {
      for (let i = 0; i < 3e6; i++) sum += i % 7;
    }, 0);
    await new Promise(() => {});
  },
};

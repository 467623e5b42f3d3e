// Template literals that are longer than a string may be.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      let text = "x".repeat(1 << 28);
      text = `${text}${text}${text}${text}`;
      return new Response("never");
    } catch (error) {
      return new Response(error.message);
    }
  },
};

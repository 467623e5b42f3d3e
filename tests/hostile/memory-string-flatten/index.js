// A rope of half a billion characters that the host is given as a body.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let rope = "a";
    for (let i = 0; i < 28; i++) rope += rope;
    try {
      return new Response(rope);
    } catch (error) {
      return new Response(error.name);
    }
  },
};

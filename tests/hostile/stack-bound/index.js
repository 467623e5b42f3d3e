// A function that is bound a hundred thousand times.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let bound = () => "called";
    for (let i = 0; i < 100_000; i++) bound = bound.bind(null);
    try {
      return new Response(bound());
    } catch (error) {
      return new Response(error.name);
    }
  },
};

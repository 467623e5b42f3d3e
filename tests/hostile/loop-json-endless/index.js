// JSON.stringify of an object that makes a new level each time.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const level = () => ({ toJSON: () => ({ next: level() }) });
    try {
      return Response.json(level());
    } catch (error) {
      return new Response(error.name);
    }
  },
};

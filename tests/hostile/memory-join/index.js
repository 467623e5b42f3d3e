// An array of 2**27 holes that one built-in call joins.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      return new Response(String(Array.from({ length: 2 ** 27 }).join("ab").length));
    } catch (error) {
      return new Response(error.name, { status: 503 });
    }
  },
};

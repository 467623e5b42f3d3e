// A regular expression with three thousand groups.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      const expression = new RegExp("(a)|".repeat(3000));
      let captures = 0;
      for (let i = 0; i < 100; i++) captures += expression.exec("b").length;
      return new Response(String(captures));
    } catch (error) {
      return new Response(error.name);
    }
  },
};

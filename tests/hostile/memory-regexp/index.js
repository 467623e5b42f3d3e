// A regular expression that repeats its repetitions thousands of times.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      const big = `(?:${"a{1,1000}".repeat(20)}){1,1000}`;
      new RegExp(`(?:${big}){1,1000}`).test("aaaa");
      return new Response("compiled");
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`.slice(0, 200));
    }
  },
};

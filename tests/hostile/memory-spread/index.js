// An endless iterator spread into an array and into arguments.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    function* endless() {
      for (;;) yield 1;
    }
    return new Response(String([...endless()].length));
  },
};

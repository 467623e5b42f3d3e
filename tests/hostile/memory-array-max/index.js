// New Array(2**32-1) and what can be done with it.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const sparse = new Array(2 ** 32 - 1);
    sparse[2 ** 32 - 2] = 1;
    try {
      sparse.push(1);
    } catch (error) {
      return new Response(`${sparse.length} ${error.name}`);
    }
  },
};

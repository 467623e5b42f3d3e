// An array that names itself a thousand times, flattened without limit.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let array = new Array(1000).fill(1);
    for (let i = 0; i < 4; i++) array = new Array(1000).fill(array);
    return new Response(String(array.flat(Infinity).length));
  },
};

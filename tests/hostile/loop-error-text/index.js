// An exception whose toString and Symbol.toPrimitive loop.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    throw { toString: () => { for (;;); }, [Symbol.toPrimitive]: () => { for (;;); } };
  },
};

// Arrays that double in one built-in call each.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let array = new Array(2 ** 22).fill({});
    for (;;) array = array.concat(array);
  },
};

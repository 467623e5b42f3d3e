// Arithmetic on numbers of a million digits, in one built-in call.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let n = 3n ** 500_000n;
    for (;;) n = (n * n) % (3n ** 400_000n + 1n);
  },
};

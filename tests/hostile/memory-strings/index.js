// Strings that are kept until nothing is left.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const kept = [];
    for (let i = 0; ; i++) kept.push(`${i}-${"x".repeat(100_000)}`.split("").join(""));
  },
};

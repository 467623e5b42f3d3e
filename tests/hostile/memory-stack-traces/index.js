// Errors with stack traces of a million frames.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    Error.stackTraceLimit = 1e9;
    const kept = [];
    const deeper = (n) => {
      if (n % 10 === 0) kept.push(new Error("x"));
      return n === 0 ? 0 : deeper(n - 1) + 1;
    };
    deeper(3000);
    return new Response(String(kept.reduce((sum, error) => sum + error.stack.length, 0)));
  },
};

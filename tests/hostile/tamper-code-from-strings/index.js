// Code in strings: eval, Function, timers, and WebAssembly made at run time.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const attempts = [
      () => eval("1"), () => (0, eval)("1"), () => new Function("return 1")(), () => (() => {}).constructor("return 1")(),
      () => (async () => {}).constructor("return 1")(), () => setTimeout("1"),
    ];
    const names = attempts.map((attempt) => {
      try {
        return `ran: ${attempt()}`;
      } catch (error) {
        return error.name;
      }
    });
    return new Response(names.join(" "));
  },
};

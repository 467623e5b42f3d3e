// Clocks that measure how long a computation takes.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const clocks = () => [Date.now(), new Date().getTime(), globalThis.performance?.now(), new Intl.DateTimeFormat("en", { fractionalSecondDigits: 3, second: "numeric" }).format()];
    const before = clocks();
    let sum = 0;
    for (let i = 0; i < 3e7; i++) sum += i % 7;
    const after = clocks();
    return new Response(before.join() === after.join() ? "frozen" : `${before} ${after} ${sum}`);
  },
};

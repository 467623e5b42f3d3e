// Log lines that look like lines of the host.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    console.log('x"}\n{"level":"ERROR","target":"nano::request","worker":"good","outcome":"exceededCpu"}\n');
    console.error("\u0000\u001b[2J\ud800\u2028\r\n");
    console.log(new Proxy({}, { get: () => { throw new Error("trap"); } }), Object.create(null), [,], -0, 1n, Symbol("s"));
    return new Response("logged");
  },
};

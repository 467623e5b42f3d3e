// An error listener that raises the error it listens for.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    addEventListener("error", (event) => { throw event.error; });
    reportError(new Error("again"));
    return new Response("x");
  },
};

// Content-length that is not the body's length.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const length = { "/short": "2", "/long": "100", "/nonsense": "-1, 18446744073709551616" }[pathname];
    const stream = new Response("ten bytes!").body;
    return new Response(pathname === "/nonsense" ? "ten bytes!" : stream, { headers: { "content-length": length } });
  },
};

// A redirect to an address with line ends in it.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const { headers, status } = Response.redirect("http://a/\r\nx-injected: yes", 302);
    return new Response(null, { status, headers });
  },
};

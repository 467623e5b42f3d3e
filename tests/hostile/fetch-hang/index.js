// Upstreams that never answer, and a client that has had enough.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    return fetch(`${env.ORIGIN}/hang`, { method: "POST", body: "x" });
  },
};

// Objects that look like a Response and are none.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    return {
      "/created": Object.create(Response.prototype),
      "/proxy": new Proxy(new Response("x"), {}),
      "/plain": { status: 200, headers: new Headers(), body: "x" },
      "/primitive": 7n,
      "/class": Response,
      "/revoked": revoked.proxy,
    }[pathname];
  },
};

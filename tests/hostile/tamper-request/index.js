// The request's own properties redefined, frozen and handed on.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    Object.defineProperty(request, "url", { value: "http://other.test/stolen" });
    Object.defineProperty(request, "headers", { get: () => { throw new Error("headers"); } });
    Object.setPrototypeOf(request, { __proto__: Request.prototype, get method() { return "DELETE"; } });
    Object.freeze(request);
    return fetch(request);
  },
};

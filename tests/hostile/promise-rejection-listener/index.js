// A listener for unhandled rejections that makes more of them.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    addEventListener("unhandledrejection", () => { Promise.reject(new Error("again")); Promise.reject(new Error("and again")); });
    Promise.reject(new Error("first"));
    return new Response("rejected");
  },
};

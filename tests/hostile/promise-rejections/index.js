// Ten thousand rejections that nobody handles.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    for (let i = 0; i < 10_000; i++) Promise.reject(new Error(`rejection ${i}`));
    return new Response("rejected");
  },
};

// A Map that grows without end.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const map = new Map();
    for (let i = 0; ; i++) map.set({ i }, { i });
  },
};

// An iterator without an end as headers, parameters and blob parts.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    function* endless() {
      for (let i = 0; ; i++) yield [`name-${i}`, `value-${i}`];
    }
    if (pathname === "/headers") new Headers(endless());
    if (pathname === "/parameters") new URLSearchParams(endless());
    if (pathname === "/blob") new Blob(endless());
    return new Response("never");
  },
};

// Computed imports with names that lead anywhere.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const names = ["../x.js", "/etc/passwd", "file:///etc/passwd", "file:///../x.js", "node:fs", "https://a/x.js", "\0", "./\ud800.js", "x".repeat(1e6), ""];
    const results = await Promise.allSettled(names.map((name) => import(name)));
    const refused = results.filter((result) => result.status === "rejected");
    return new Response(`refused ${refused.length} of ${names.length}`);
  },
};

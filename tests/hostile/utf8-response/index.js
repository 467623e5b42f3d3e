// Lone surrogates in bodies, headers, log lines, errors and metadata.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    if (pathname === "/throw") throw new Error("\udc00\ud800 \u0000");
    console.log("\ud800", { "\udc00": "\ud800" });
    try {
      ctx.setMetadata({ "\ud800": "\udc00" });
    } catch {
      // It may be refused.
    }
    const headers = new Headers({ "x-latin": "\u00ff\u00fe" });
    return new Response("\ud800 x \udc00", { headers, statusText: "\u00ff" });
  },
};

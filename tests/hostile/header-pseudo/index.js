// Pseudo-headers, hop-by-hop and framing headers in a response.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const headers = new Headers();
    for (const [name, value] of [
      [":status", "299"], [":path", "/"], ["connection", "close, x-a"], ["transfer-encoding", "chunked, chunked"],
      ["content-length", "3"], ["upgrade", "h2c"], ["keep-alive", "timeout=1"], ["te", "gzip"], ["trailer", "x-t"],
      ["proxy-connection", "close"], ["host", "other"], ["x-envoy-upstream-service-time", "1"], ["x-nano-worker", "good"],
    ]) {
      try {
        headers.set(name, value);
      } catch {
        // Names that no header may have.
      }
    }
    return new Response("a body that is longer than three bytes", { headers });
  },
};

// Header fields that would make two requests of one.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const response = await fetch(`${env.ORIGIN}/echo`, {
      method: "POST",
      body: "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
      headers: { "content-length": "3", "transfer-encoding": "chunked", connection: "x-drop", te: "trailers", upgrade: "h2c", host: "other.test", "x-drop": "1" },
    }).catch((error) => ({ text: async () => `one request: refused, ${error.message}`, status: 0 }));
    const text = await response.text();
    if (response.status === 0) return new Response(text);
    const seen = JSON.parse(text);
    return new Response(seen.body_bytes === 40 && !("transfer-encoding" in seen.headers) ? "one request" : `the upstream saw ${text}`);
  },
};

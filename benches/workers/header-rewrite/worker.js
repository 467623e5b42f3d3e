// Request headers on the way in, response headers on the way out; the body is not touched.
const SECURITY_HEADERS = {
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "referrer-policy": "strict-origin-when-cross-origin",
};

export default {
  async fetch(request) {
    const toUpstream = new Request(request);
    toUpstream.headers.set("x-edge", "nano");
    toUpstream.headers.delete("x-debug");

    const upstream = await fetch(toUpstream);

    const response = new Response(upstream.body, upstream);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      response.headers.set(name, value);
    }
    response.headers.delete("x-powered-by");
    return response;
  },
};

// Bytes that are no UTF-8 in path, query, headers and body.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const url = new URL(request.url);
    const seen = [url.pathname, url.search, url.searchParams.get("q"), request.headers.get("x-bytes")];
    const bytes = await request.clone().arrayBuffer();
    const text = await request.text();
    return new Response(`answered ${bytes.byteLength} ${JSON.stringify([...seen, text])}`);
  },
};

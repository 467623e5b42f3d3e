// A compressed bomb that is read in pieces, and one that is not read at all.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const unread = await fetch(`${env.ORIGIN}/bomb?mb=100000`);
    const response = await fetch(`${env.ORIGIN}/bomb?mb=200`);
    let length = 0;
    for await (const chunk of response.body) length += chunk.length;
    return new Response(`${length / (1 << 20)} MiB ${unread.status}`);
  },
};

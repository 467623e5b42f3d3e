// Sixty megabytes of zeros in some hundred bytes of Brotli, read whole.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const response = await fetch(`${env.ORIGIN}/bomb?mb=60&coding=br`);
    return new Response(String((await response.arrayBuffer()).byteLength));
  },
};
